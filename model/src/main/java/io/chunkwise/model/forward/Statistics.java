package io.chunkwise.model.forward;

/** Of which rows a pass shall return {@link RowStatistics}. */
public enum Statistics {
    NONE,
    LAST_ROW,
    /** The head runs over all rows then, whatever the {@link OutputRequest}. */
    ALL_ROWS
}
