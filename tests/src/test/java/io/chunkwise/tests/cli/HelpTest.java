package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HelpTest {

    @ParameterizedTest
    @ValueSource(strings = {"generate", "score", "devices", "inspect", "ladder", "policy", "calibrate", "bench"})
    void everyCommandExplainsItselfAndHasTheCommonOptions(String command) {
        CommandRun run = CommandRun.of(command, "--help").succeeded();
        assertEquals("", run.err());
        for (String part : List.of("Usage: chunkwise " + command, "--json", "--quiet", "--errors", "--help", "JSON: ")) {
            assertTrue(run.out().contains(part), () -> "'" + part + "' is not in\n" + run.out());
        }
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 100), run.out());
    }

    @Test
    void theProgramAloneListsItsCommands() {
        CommandRun run = CommandRun.of().succeeded();
        for (String command : List.of("generate", "score", "devices", "inspect", "ladder", "policy", "calibrate", "bench")) {
            assertTrue(run.out().lines().anyMatch(line -> line.strip().startsWith(command)), () -> command + " is not in\n" + run.out());
        }
        assertEquals(run.out(), CommandRun.of("--help").succeeded().out());
    }

    @Test
    void theVersionIsOneLine() {
        assertTrue(CommandRun.of("--version").succeeded().out().matches("chunkwise \\S.*\n"));
    }

    @Test
    void optionsShowTheirDefaultsInTheOrderOfUse() {
        String out = CommandRun.of("generate", "--help").succeeded().out().replaceAll("\\s+", " ");
        assertTrue(out.contains("(default: 256)") && out.contains("(default: 0.8)") && out.contains("(default: auto)"), out);
        int before = -1;
        for (String option : List.of("--model=", "--adapter=", "--rank=", "--prompt=", "--max-tokens=", "--temperature=", "--policy=",
                "--kv-policy=", "--trace-html=", "--executor=", "--json")) {
            int at = out.indexOf(option, out.indexOf("Options:"));
            assertTrue(at > before, option + " comes too early in\n" + out);
            before = at;
        }
    }
}
