/**
 * LoRA adapters as low-rank pairs per site (arXiv:2106.09685), and the files that they are read from: PEFT directories
 * and GGUF adapters. Knows the base model's configuration, but no executor and no ladder.
 */
package io.chunkwise.model.adapter;
