package io.chunkwise.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.resource.ResourceInformation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DevicesTest {

    @Test
    void anAddressIsTheIndexOfADeviceOfTheBackend() {
        assertEquals("ptx:3", Devices.selector(new ResourceInformation("gpu", new String[] {"3"}), "ptx"));
        assertThrows(IllegalArgumentException.class, () ->
                Devices.selector(new ResourceInformation("gpu", new String[] {"GPU-77"}), "ptx"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "1   | opencl | -e tornado -d opencl:0 | --device: with spark.task.resource.gpu.amount every task has its device from Spark; "
                + "leave one of the two out",
        "0.5 | opencl | -e tornado             | spark.task.resource.gpu.amount=0.5: a task runs on one whole GPU; expected 1",
        "1   | opencl | -q                     | "
                + "--executor auto: with spark.task.resource.gpu.amount tasks run on GPUs; add --executor tornado",
        "1   | GPU    | -e tornado             | "
                + "spark.chunkwise.backend=GPU: expected a backend such as opencl, as 'chunkwise devices' has it"})
    void whatSparkAndTheCommandLineSayOfDevicesHasToAgree(String amount, String backend, String options, String problem) {
        Map<String, String> settings = new HashMap<>(Map.of("spark.task.resource.gpu.amount", amount, "spark.chunkwise.backend", backend));
        List<Object> args = Job.args("eval", "perplexity", "-m", "m", "--text", "t", "--window", 5, "-o", "o");
        Job job = Job.onSpark(settings, Job.with(args, (Object[]) options.split(" ")));
        assertEquals("chunkwise: " + problem + "\n", job.err());
        assertEquals(1, job.exit());
    }
}
