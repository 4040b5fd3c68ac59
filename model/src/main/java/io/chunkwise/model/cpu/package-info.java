/** The CPU executor: Vector API over mapped weights, quantized ones used as they are. Oracle and fallback of the device executors. */
package io.chunkwise.model.cpu;
