package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.RandomFill;
import io.chunkwise.tornado.kernels.FillKernels;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Tasks that make random weights where they are needed. */
final class FillTasks {

    private FillTasks() {
    }

    static void fill(TaskSink sink, RandomFill fill) {
        String id = "fill_" + fill.name().replace(' ', '_');
        Launch launch = Launch.threads(fill.blocks());
        IntArray spec = fill.spec();
        switch (fill.target()) {
            case RandomFill.Target.F32(var elements, var values) ->
                sink.task(id, launch, FillKernels::fillFloats, spec, elements, values, values.getSize());
            case RandomFill.Target.F16(var elements, var bits) ->
                sink.task(id, launch, FillKernels::fillShorts, spec, elements, bits, bits.getSize());
            case RandomFill.Target.NativeF16(var elements, var values) ->
                sink.task(id, launch, FillKernels::fillHalves, spec, elements, values, values.getSize());
            case RandomFill.Target.Q8(var elements, var blockScales, var quants, var scales) ->
                sink.task(id, launch, FillKernels::fillQ8, spec, elements, blockScales, quants, scales);
            case RandomFill.Target.Q4(var elements, var blockScales, var nibbles, var scales) ->
                sink.task(id, launch, FillKernels::fillQ4, spec, elements, blockScales, nibbles, scales);
            case RandomFill.Target.PackedQ4(var elements, var blockScales, var quants, var scales) ->
                sink.task(id, launch, FillKernels::fillPackedQ4, spec, elements, blockScales, quants, scales);
        }
    }
}
