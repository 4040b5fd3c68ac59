/** Configuration, weights and loading of LLaMA-family models. Knows no executor. */
package io.chunkwise.model.llama;
