/**
 * The arithmetic of the forward pass as TornadoVM kernels: static methods, each one formula. The <em>threaded</em> form of a
 * kernel is a {@code @Parallel} loop whose bound comes from the control array; it is also plain Java. The <em>grouped</em>
 * form has one work-group per reduction, or several for one that is long while others are few: attention of a row's head, whose
 * {@link Splits} the next kernel puts together. What changes from pass to pass is read from arrays, because TornadoVM compiles
 * every scalar argument into the kernel.
 *
 * <p>What the OpenCL backend of TornadoVM 5.2 compiles wrongly, without a word, is avoided and tested: a branch on
 * {@code a || b} may be taken although neither holds, so conditions are single; where two branches with loops in them join, values
 * of one are assigned in both, so no loop stands in a branch whose results are used after it (loops of no iterations do instead: a page
 * of the KV cache is read by a loop for each format, all but one of them empty);
 * a parallel loop with a constant bound runs to the size of the grid, so grids of such tasks fit exactly; behind barriers, a loop whose
 * iterations differ from thread to thread and whose body is more than a block (a float becoming an int makes several) runs in all threads
 * alike on PoCL, so that {@link FinishKernels} has every thread of a group write an F16. PoCL also compiles some kernels wrongly of which
 * groups return before a barrier, or whose sum is stored by the thread that has just added to it (see {@link GroupProjection}).
 *
 * <p>On both backends, a method that is given an array of local memory reads the wrong place in it: its index has been turned into an
 * offset on the Java heap before the method is inlined. A private array may be given. And a product is fused with a sum only where
 * neither of its factors is an element of a vector.
 *
 * <p>The bound of a parallel loop is no argument of its kernel: TornadoVM puts the size of the grid in the place of such an argument, and
 * has the kernel read it from a block that all launches share. Where a CUDA graph is replayed nobody writes that block, so that the kernel
 * runs to the size of whatever ran before it. {@code LowRankKernels.unknown(control, n)} makes a bound of an argument.
 *
 * <p>What its PTX backend compiles wrongly: {@code >>} brings in zeros, as {@code >>>} does (while OpenCL code has the sign for both), so
 * that what is shifted to the right is masked then, or not negative. Where branches join, the registers that a tensor core adds to are lost
 * unless each branch has just been through a product, so that {@link TensorProjection} has one before a branch and one behind it. Bits of a
 * float, and of a half that is in local memory, are out of reach.
 *
 * <p>Knows no graph, no device and no model.
 */
package io.chunkwise.tornado.kernels;
