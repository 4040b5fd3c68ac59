/** LoRA adapters as low-rank pairs per site (arXiv:2106.09685), whatever file they came from. */
package io.chunkwise.model.adapter;
