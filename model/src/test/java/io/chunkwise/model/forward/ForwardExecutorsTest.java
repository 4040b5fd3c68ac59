package io.chunkwise.model.forward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.DeviceInfo.Type;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability;
import io.chunkwise.model.llama.LlamaModel;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ForwardExecutorsTest {
    private static final DeviceInfo HOST = new DeviceInfo("cpu", 0, "Host", Type.CPU, 1L << 34, "AVX2");
    private static final DeviceInfo POCL = new DeviceInfo("opencl", 0, "pthread", Type.CPU, 1L << 34, "PoCL");
    private static final DeviceInfo GPU = new DeviceInfo("ptx", 1, "Some GPU", Type.GPU, 1L << 36, "13.0");

    @Test
    void autoPrefersAGpu() {
        var choice = executors(present("cpu", HOST), present("tornado", POCL, GPU)).choose("auto", Optional.empty());
        assertEquals("tornado", choice.provider().name());
        assertEquals(GPU, choice.device());
    }

    @Test
    void autoPrefersTheCpuExecutorToAnOpenClCpuAndSaysWhy() {
        var choice = executors(present("tornado", POCL), present("cpu", HOST)).choose("auto", Optional.empty());
        assertEquals("cpu", choice.provider().name());
        assertEquals("no GPU; tornado has only opencl:0 (CPU), where the cpu executor is faster", choice.reason());
    }

    @Test
    void autoSaysThatTornadoIsNotInTheBuild() {
        assertEquals("no GPU; tornado is not in this build", executors(present("cpu", HOST)).choose("auto", Optional.empty()).reason());
    }

    @Test
    void autoPassesOnWhyTornadoCannotRun() {
        var choice = executors(present("cpu", HOST), absent("tornado", "no OpenCL platform")).choose("auto", Optional.empty());
        assertEquals("no GPU; tornado: no OpenCL platform", choice.reason());
    }

    @Test
    void autoSaysWhyAnExecutorWasLeftAside() {
        ForwardExecutors without = executors(present("cpu", HOST), present("tornado", GPU)).without("tornado", "no GPU in sight");
        assertEquals("cpu", without.choose("auto", Optional.empty()).provider().name());
        assertEquals("no GPU; tornado left aside: no GPU in sight", without.choose("auto", Optional.empty()).reason());
    }

    @Test
    void anExplicitTornadoNeverFallsBack() {
        ForwardExecutors withoutTornado = executors(present("cpu", HOST));
        String message = failure(withoutTornado, "tornado", Optional.empty());
        assertTrue(message.startsWith("executor 'tornado' is not in this build: "), message);
        assertEquals("executor 'tornado' cannot run here: no platform",
                failure(executors(present("cpu", HOST), absent("tornado", "no platform")), "tornado", Optional.empty()));
    }

    @Test
    void anExplicitCpuDoesNotAskTheOthers() {
        ForwardExecutorProvider explosive = new Fake("tornado", null);
        assertEquals("as asked for", executors(explosive, present("cpu", HOST)).choose("cpu", Optional.empty()).reason());
    }

    @Test
    void aDeviceSelectsItsExecutor() {
        var choice = executors(present("cpu", HOST), present("tornado", POCL, GPU)).choose("auto", Optional.of("opencl:0"));
        assertEquals(POCL, choice.device());
        assertEquals("tornado", choice.provider().name());
    }

    @Test
    void anUnknownDeviceIsRefusedNamingThoseThatAreThere() {
        ForwardExecutors executors = executors(present("cpu", HOST), present("tornado", POCL));
        assertEquals("there is no device 'ptx:0'; there is cpu:0 (CPU), opencl:0 (CPU)", failure(executors, "auto", Optional.of("ptx:0")));
        assertEquals("executor 'cpu' has no device 'opencl:0'; it has cpu:0 (CPU)", failure(executors, "cpu", Optional.of("opencl:0")));
    }

    @Test
    void anUnknownExecutorIsRefusedNamingThoseThatAreThere() {
        assertEquals("there is no executor 'gpu'; this build has cpu", failure(executors(present("cpu", HOST)), "gpu", Optional.empty()));
    }

    @Test
    void nothingThatRunsIsAnErrorWithTheReasons() {
        assertEquals("no executor can run here: tornado: no platform",
                failure(executors(absent("tornado", "no platform")), "auto", Optional.empty()));
    }

    private static String failure(ForwardExecutors executors, String requested, Optional<String> device) {
        return assertThrows(ExecutorException.class, () -> executors.choose(requested, device)).getMessage();
    }

    private static ForwardExecutors executors(ForwardExecutorProvider... providers) {
        return new ForwardExecutors(List.of(providers));
    }

    private static ForwardExecutorProvider present(String name, DeviceInfo... devices) {
        return new Fake(name, new Availability.Available(List.of(devices)));
    }

    private static ForwardExecutorProvider absent(String name, String reason) {
        return new Fake(name, new Availability.Unavailable(reason));
    }

    private record Fake(String name, Availability known) implements ForwardExecutorProvider {
        @Override
        public Availability availability() {
            if (known == null) {
                throw new AssertionError("'" + name + "' was asked for its devices");
            }
            return known;
        }

        @Override
        public ForwardExecutor open(LlamaModel model, ExecutorOptions options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
            throw new UnsupportedOperationException();
        }
    }
}
