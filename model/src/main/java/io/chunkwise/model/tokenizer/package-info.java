/** Text to token ids and back. */
package io.chunkwise.model.tokenizer;
