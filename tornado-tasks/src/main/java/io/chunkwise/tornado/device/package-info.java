/**
 * What lies on the device: stacked weights, buffers, pools of the KV cache, adapter, control block;
 * which devices there are, what they can hold, and
 * the check that they really compute. The only package that knows the layout of TornadoVM's arrays. Knows no task graph of
 * the forward pass.
 */
package io.chunkwise.tornado.device;
