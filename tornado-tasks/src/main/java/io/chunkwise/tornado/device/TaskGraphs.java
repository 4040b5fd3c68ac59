package io.chunkwise.tornado.device;

import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** Task graphs that are for one device from the start. */
public final class TaskGraphs {
    private TaskGraphs() {
    }

    /**
     * A graph whose tasks TornadoVM parses for {@code device}. By itself it parses them for the first backend of the SDK, before a plan
     * has a device, and fails where that one lacks an intrinsic; only a property tells a graph's constructor another.
     */
    public static TaskGraph on(TornadoDevice device, String name) {
        String property = name + ".device";
        int backend = device.getBackendIndex();
        int index = TornadoRuntimeProvider.getTornadoRuntime().getBackend(backend).getAllDevices().indexOf(device);
        synchronized (TaskGraphs.class) {
            System.setProperty(property, backend + ":" + index);
            try {
                return new TaskGraph(name);
            } finally {
                System.clearProperty(property);
            }
        }
    }
}
