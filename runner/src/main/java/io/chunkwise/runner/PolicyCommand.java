package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.PolicyFile;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Table;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Prints the built-in adaptive policy for people to copy, or says what a file of theirs comes to. */
@Command(name = "policy", description = "Prints the adaptive policy as YAML to copy, or checks a policy file.", sortOptions = false,
        parameterListHeading = "%nParameters:%n", optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Examples:",
            "  chunkwise policy > my-policy.yaml",
            "  chunkwise policy my-policy.yaml",
            "  chunkwise generate -m MODEL -a ADAPTER --policy my-policy.yaml -p \"Once upon a time\"",
            "",
            "JSON: name, rungs, fadeTokens, budget (null for none), signals (weights by name), bands[] of",
            "name, upperPercentile, minTokens, maxTokens, components (null for all), scale, kv[]."
        })
final class PolicyCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(paramLabel = "FILE", arity = "0..1",
            description = "Policy in YAML: is it well-formed, and what does it say? Without it the built-in adaptive policy is printed.")
    private Path file;

    @Mixin
    private OutputOptions output;

    PolicyCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (output.json()) {
            ChunkPolicy policy = file == null ? ChunkPolicy.adaptive() : PolicyFile.read(file);
            Json.print(terminal, json -> writeJson(json, policy));
        } else if (file == null) {
            terminal.out().print(PolicyFile.adaptiveText());
        } else {
            print(PolicyFile.read(file));
        }
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
        return 0;
    }

    private void print(ChunkPolicy policy) {
        Table table = new Table("band", ">to percentile", ">tokens", ">components", ">scale", "KV formats");
        for (Band band : policy.bands()) {
            table.row(band.name(), number(band.upperPercentile()), band.minTokens() + "–" + band.maxTokens(),
                    band.components() == Band.ALL_COMPONENTS ? "max" : number(band.components()), number(band.scale()),
                    band.kv().stream().map(format -> format.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining(", ")));
        }
        table.lines(terminal.width()).forEach(terminal.out()::println);
        String signals = policy.estimation().signals().stream().map(SignalKind::word).collect(Collectors.joining(", "));
        terminal.out().println("signals: " + (signals.isEmpty() ? "none" : signals) + "; token benefits: "
                + policy.estimation().benefit().word() + "; rungs: " + policy.rungs().word() + "; fade: " + policy.fadeTokens()
                + " tokens; budget: " + (policy.budget() == Double.POSITIVE_INFINITY ? "none" : number(policy.budget())));
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString(Math.round(value)) : Double.toString(value);
    }

    private static void writeJson(JsonGenerator json, ChunkPolicy policy) throws IOException {
        json.writeStringField("name", policy.name());
        json.writeStringField("rungs", policy.rungs().word());
        json.writeNumberField("fadeTokens", policy.fadeTokens());
        Json.number(json, "budget", policy.budget(), 6);
        json.writeStringField("benefit", policy.estimation().benefit().word());
        json.writeObjectFieldStart("signals");
        for (SignalKind signal : policy.estimation().signals()) {
            Json.number(json, signal.word(), policy.estimation().weights().get(signal), 6);
        }
        json.writeEndObject();
        json.writeArrayFieldStart("bands");
        for (Band band : policy.bands()) {
            json.writeStartObject();
            json.writeStringField("name", band.name());
            Json.number(json, "upperPercentile", band.upperPercentile(), 6);
            json.writeNumberField("minTokens", band.minTokens());
            json.writeNumberField("maxTokens", band.maxTokens());
            Json.number(json, "components", band.components(), 6);
            Json.number(json, "scale", band.scale(), 6);
            json.writeArrayFieldStart("kv");
            for (KvFormat format : band.kv()) {
                json.writeString(format.name().toLowerCase(Locale.ROOT));
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
