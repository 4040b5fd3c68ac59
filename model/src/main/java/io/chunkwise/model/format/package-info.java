/** Number formats, tensors in mapped files, and what is said of malformed ones. Knows no model. */
package io.chunkwise.model.format;
