package io.chunkwise.tornado.device;

import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import java.util.Optional;

/** The device of tests that need one. Where tests tagged "tornado" run, its absence is an error. */
public final class TestDevice {

    private TestDevice() {
    }

    public static Device best() {
        return switch (DeviceDirectory.read()) {
            case DeviceDirectory.Devices devices -> devices.select(Optional.empty());
            case DeviceDirectory.Nothing(var reason) -> throw new AssertionError(reason);
        };
    }

    /** That of this device for a form of projections. */
    public static WeightLayout layout(boolean grouped) {
        return grouped ? WeightLayout.grouped(best().info()) : WeightLayout.THREADED;
    }

    /** Room for every adapter of these tests, so that attaching one compiles nothing. */
    public static Reservation room(LlamaConfig config) {
        Reservation largest = Reservation.of(SyntheticLlama.adapter(config, 24, 1));
        return new Reservation(largest.rank(), 4, largest.downElements(), largest.upElements());
    }
}
