package io.chunkwise.evaluate;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Every count-th item, so that shards are alike in length where items grow or shrink along the data.
 *
 * @param index from 1 to count
 */
public record Shard(int index, int count) {
    /** Everything. */
    public static final Shard ALL = new Shard(1, 1);
    private static final Pattern SYNTAX = Pattern.compile("([0-9]{1,6})/([0-9]{1,6})");

    public Shard {
        if (count < 1 || index < 1 || index > count) {
            throw new IllegalArgumentException("shard " + index + "/" + count + ": expected i/n with i from 1 to n");
        }
    }

    /**
     * Reads {@code i/n}.
     *
     * @throws IllegalArgumentException in one line
     */
    public static Shard parse(String text) {
        Matcher parts = SYNTAX.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no shard: expected i/n, such as 1/4");
        }
        return new Shard(Integer.parseInt(parts.group(1)), Integer.parseInt(parts.group(2)));
    }

    /** The items of this shard, in their order; each item is in one shard of {@code count}. */
    public <T> List<T> select(List<T> items) {
        return IntStream.range(0, items.size()).filter(at -> at % count == index - 1).mapToObj(items::get).toList();
    }

    @Override
    public String toString() {
        return index + "/" + count;
    }
}
