/**
 * The arithmetic of the forward pass as TornadoVM kernels: static methods, each one formula. The <em>threaded</em> form of a
 * kernel is a {@code @Parallel} loop whose bound comes from the control array; it is also plain Java. The <em>grouped</em>
 * form has one work-group per reduction. What changes from pass to pass is read from arrays, because TornadoVM compiles
 * every scalar argument into the kernel.
 *
 * <p>No loop stands in a branch whose results are used after it: the OpenCL backend of TornadoVM 5.2 assigns the values of one
 * branch again where two branches with loops join. Loops of no iterations take the place of such branches.
 *
 * <p>Knows no graph, no device and no model.
 */
package io.chunkwise.tornado.kernels;
