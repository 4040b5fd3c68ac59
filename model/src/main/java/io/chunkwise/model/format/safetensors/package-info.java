/**
 * Files of the safetensors format, single and sharded: mapped, checked by the format's own rules, and written. Knows no
 * model.
 */
package io.chunkwise.model.format.safetensors;
