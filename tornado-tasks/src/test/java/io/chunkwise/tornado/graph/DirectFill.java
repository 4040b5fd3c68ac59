package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.DeviceWeights;

/** Makes random weights as plain Java. */
public final class DirectFill {

    private DirectFill() {
    }

    public static void all(DeviceWeights weights) {
        weights.fills().forEach(fill -> FillTasks.fill(new DirectSink(), fill));
    }
}
