/**
 * The TornadoVM executor of the forward pass, found through {@link java.util.ServiceLoader}. Loads and says why it is unusable
 * where the TornadoVM runtime, its launch flags or a driver are missing.
 */
package io.chunkwise.tornado;
