/**
 * Files of the GGUF specification, versions 2 and 3: mapped, checked once in full, and handed out as typed metadata and
 * tensors. Knows no model and no tokenizer.
 */
package io.chunkwise.model.format.gguf;
