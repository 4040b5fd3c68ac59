package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DevicesCommandTest {

    @Test
    void theCpuIsListedWithTheFieldsThatScriptsRelyOn() {
        JsonNode json = CommandRun.of("devices", "--json").json();
        assertTrue(json.get("devices").size() >= 1, json.toString());
        boolean cpuSeen = false;
        for (JsonNode device : json.get("devices")) {
            assertTrue(!device.get("name").textValue().isBlank() && !device.get("driver").textValue().isBlank(), device.toString());
            assertTrue(Set.of("CPU", "GPU", "ACCELERATOR").contains(device.get("type").textValue()), device.toString());
            assertTrue(device.get("memoryBytes").longValue() > 0 && device.get("index").isInt(), device.toString());
            cpuSeen |= device.get("backend").textValue().equals("cpu") && device.get("index").intValue() == 0
                    && device.get("type").textValue().equals("CPU");
        }
        assertTrue(cpuSeen, json.toString());
    }

    @Test
    void everyExecutorIsEitherListedOrMissingWithAReason() {
        JsonNode json = CommandRun.of("devices", "--json").json();
        boolean tornadoListed = false;
        for (JsonNode device : json.get("devices")) {
            tornadoListed |= device.get("executor").textValue().equals("tornado");
        }
        boolean tornadoMissing = false;
        for (JsonNode missing : json.get("unavailable")) {
            assertTrue(!missing.get("reason").textValue().isBlank(), json.toString());
            tornadoMissing |= missing.get("executor").textValue().equals("tornado");
        }
        assertEquals(!tornadoListed, tornadoMissing, json.toString());
    }

    @Test
    void peopleGetATableThatNamesDevicesAsTheDeviceOptionTakesThem() {
        String out = CommandRun.of("devices").succeeded().out();
        assertTrue(out.lines().findFirst().orElseThrow().matches("device +type +memory +executor +name +driver"), out);
        assertTrue(out.lines().anyMatch(line -> line.startsWith("cpu:0 ")), out);
    }
}
