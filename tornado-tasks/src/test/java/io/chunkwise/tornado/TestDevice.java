package io.chunkwise.tornado;

import io.chunkwise.tornado.device.DeviceDirectory;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import java.util.Optional;

/** The device of tests that need one. Where tests tagged "tornado" run, its absence is an error. */
final class TestDevice {

    private TestDevice() {
    }

    static Device best() {
        return switch (DeviceDirectory.read()) {
            case DeviceDirectory.Devices devices -> devices.select(Optional.empty());
            case DeviceDirectory.Nothing(var reason) -> throw new AssertionError(reason);
        };
    }
}
