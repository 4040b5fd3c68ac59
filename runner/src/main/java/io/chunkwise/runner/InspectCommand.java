package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RopeScaling;
import io.chunkwise.runner.inspect.Inspection;
import io.chunkwise.runner.inspect.SiteSpectrum;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.SpectrumReport;
import io.chunkwise.runner.report.Table;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what is in a model, adapter or ladder. */
@Command(name = "inspect", description = "Shows what is in a model, adapter or ladder: shapes, number formats, sizes; for adapters and "
        + "ladders how strong their components are.", sortOptions = false,
        parameterListHeading = "%nParameters:%n", optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Examples:",
            "  chunkwise inspect models/stories",
            "  chunkwise inspect my-adapter --all",
            "",
            "JSON: kind (model, adapter, ladder, tensors), path, and by kind config and tensors[], or",
            "rank, energy and sites[] with all singular values."
        })
final class InspectCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(paramLabel = "PATH", description = "Hugging Face directory, PEFT directory, GGUF file, or safetensors file.")
    private Path path;

    @Option(names = "--all", order = 20, description = "One line per tensor or site, however many there are.")
    private boolean all;

    @Mixin
    private OutputOptions output;

    InspectCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Inspection found;
        try (ShownProgress progress = ShownProgress.of(terminal, output)) {
            found = Inspection.of(path, progress);
        }
        if (output.json()) {
            Json.print(terminal, json -> writeJson(json, found));
        } else {
            print(found);
            if (terminal.out().checkError()) {
                throw new OutputClosedException();
            }
        }
        return 0;
    }

    private void print(Inspection found) {
        switch (found) {
            case Inspection.Model(LlamaConfig config, int tokens, List<Inspection.Tensor> tensors) -> {
                config(config, tokens, tensors).forEach((what, value) -> line(what, value));
                terminal.out().println();
                print(tensorTable(tensors));
            }
            case Inspection.LoraAdapter(String name, String sha256, long parameters, List<SiteSpectrum> spectra) -> {
                line("adapter", name);
                line("parameters", Quantities.count(parameters) + " at " + spectra.size() + " sites");
                line("sha256", sha256);
                printSpectra(spectra);
            }
            case Inspection.Ladder(Map<String, String> metadata, boolean calibrated, List<SiteSpectrum> spectra) -> {
                line("ladder", spectra.size() + " sites" + (calibrated ? ", calibrated" : ""));
                new TreeMap<>(metadata).forEach((key, value) -> line(key.replaceFirst("^chunkwise\\.", ""), value));
                printSpectra(spectra);
            }
            case Inspection.Tensors(Map<String, String> metadata, List<Inspection.Tensor> tensors) -> {
                line("safetensors", tensors.size() + " tensors");
                new TreeMap<>(metadata).forEach(this::line);
                terminal.out().println();
                print(tensorTable(tensors));
            }
        }
    }

    private void line(String what, String value) {
        String line = String.format("%-15s %s", what, Quantities.printable(value));
        terminal.out().println(line);
    }

    private void print(Table table) {
        table.lines(terminal.width()).forEach(terminal.out()::println);
    }

    private void printSpectra(List<SiteSpectrum> spectra) {
        terminal.out().println();
        SpectrumReport.lines(spectra, all, terminal.width()).forEach(terminal.out()::println);
        terminal.out().println();
        terminal.out().println(SpectrumReport.legend());
    }

    private Map<String, String> config(LlamaConfig config, int tokens, List<Inspection.Tensor> tensors) {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("model", config.architecture().name().toLowerCase(java.util.Locale.ROOT));
        lines.put("parameters", Quantities.count(parameters(tensors)) + " in " + tensors.size() + " tensors, "
                + Quantities.bytes(tensors.stream().mapToLong(Inspection.Tensor::bytes).sum()));
        lines.put("layers", Integer.toString(config.layers()));
        lines.put("hidden size", config.hiddenSize() + ", feed-forward " + config.ffnSize());
        lines.put("heads", config.heads() + " of " + config.headDim() + ", " + config.kvHeads() + " for keys and values"
                + (config.biasedQkv() ? ", biased" : ""));
        lines.put("vocabulary", config.vocabSize() + (tokens == config.vocabSize() ? "" : " (tokenizer: " + tokens + ")")
                + (config.tiedOutput() ? ", output tied to the embedding" : ""));
        lines.put("context", config.contextLength() + " tokens"
                + (config.slidingWindow() > 0 ? ", sliding window of " + config.slidingWindow() : ""));
        lines.put("rotary", "base " + config.ropeBase() + ", " + scaling(config.ropeScaling()));
        return lines;
    }

    private static String scaling(RopeScaling scaling) {
        return switch (scaling) {
            case RopeScaling.None() -> "no scaling";
            case RopeScaling.Linear(float factor) -> "linear scaling by " + factor;
            case RopeScaling.Llama3(float factor, float low, float high, int original) ->
                    "Llama 3 scaling by " + factor + " (" + low + " to " + high + " of " + original + " tokens)";
            case RopeScaling.Divisors(List<Float> divisors) -> divisors.size() + " divisors from the file";
        };
    }

    private static long parameters(List<Inspection.Tensor> tensors) {
        return tensors.stream().mapToLong(tensor -> elements(tensor.shape())).sum();
    }

    private static long elements(List<Long> shape) {
        return shape.isEmpty() ? 0 : shape.stream().reduce(1L, (a, b) -> a * b);
    }

    /** Tensors that differ in the number of their layer only share a line, unless all are wanted. */
    private record Group(String name, String type, List<Long> shape) {
    }

    private Table tensorTable(List<Inspection.Tensor> tensors) {
        Map<Group, List<Inspection.Tensor>> groups = tensors.stream().collect(Collectors.groupingBy(
                tensor -> new Group(all ? tensor.name() : tensor.name().replaceAll("\\.\\d+\\.", ".*."), tensor.type(), tensor.shape()),
                LinkedHashMap::new, Collectors.toList()));
        Table table = new Table(">count", "type", "shape", ">bytes", "…tensor");
        groups.forEach((group, members) -> table.row(Integer.toString(members.size()), group.type(),
                group.shape().stream().map(String::valueOf).collect(Collectors.joining(" x ")),
                Quantities.bytes(members.stream().mapToLong(Inspection.Tensor::bytes).sum()), Quantities.printable(group.name())));
        return table;
    }

    private void writeJson(JsonGenerator json, Inspection found) throws IOException {
        switch (found) {
            case Inspection.Model(LlamaConfig config, int tokens, List<Inspection.Tensor> tensors) -> {
                begin(json, "model");
                json.writeNumberField("parameters", parameters(tensors));
                json.writeNumberField("bytes", tensors.stream().mapToLong(Inspection.Tensor::bytes).sum());
                writeConfig(json, config, tokens);
                writeTensors(json, tensors);
            }
            case Inspection.LoraAdapter(String name, String sha256, long parameters, List<SiteSpectrum> spectra) -> {
                begin(json, "adapter");
                json.writeStringField("name", name);
                json.writeStringField("sha256", sha256);
                json.writeNumberField("parameters", parameters);
                SpectrumReport.writeJson(json, spectra);
            }
            case Inspection.Ladder(Map<String, String> metadata, boolean calibrated, List<SiteSpectrum> spectra) -> {
                begin(json, "ladder");
                writeMetadata(json, metadata);
                json.writeBooleanField("calibrated", calibrated);
                SpectrumReport.writeJson(json, spectra);
            }
            case Inspection.Tensors(Map<String, String> metadata, List<Inspection.Tensor> tensors) -> {
                begin(json, "tensors");
                writeMetadata(json, metadata);
                writeTensors(json, tensors);
            }
        }
    }

    private void begin(JsonGenerator json, String kind) throws IOException {
        json.writeStringField("kind", kind);
        json.writeStringField("path", path.toString());
    }

    private static void writeConfig(JsonGenerator json, LlamaConfig config, int tokens) throws IOException {
        json.writeObjectFieldStart("config");
        json.writeStringField("architecture", config.architecture().name().toLowerCase(java.util.Locale.ROOT));
        json.writeNumberField("layers", config.layers());
        json.writeNumberField("hiddenSize", config.hiddenSize());
        json.writeNumberField("ffnSize", config.ffnSize());
        json.writeNumberField("heads", config.heads());
        json.writeNumberField("kvHeads", config.kvHeads());
        json.writeNumberField("headDim", config.headDim());
        json.writeNumberField("vocabSize", config.vocabSize());
        json.writeNumberField("tokenizerSize", tokens);
        json.writeNumberField("contextLength", config.contextLength());
        json.writeNumberField("slidingWindow", config.slidingWindow());
        json.writeNumberField("normEpsilon", config.normEpsilon());
        json.writeNumberField("ropeBase", config.ropeBase());
        json.writeStringField("ropeScaling", scaling(config.ropeScaling()));
        json.writeBooleanField("tiedOutput", config.tiedOutput());
        json.writeBooleanField("biasedQkv", config.biasedQkv());
        json.writeNumberField("bosId", config.bosId());
        json.writeArrayFieldStart("eosIds");
        for (int id : config.eosIds().stream().sorted().toList()) {
            json.writeNumber(id);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void writeMetadata(JsonGenerator json, Map<String, String> metadata) throws IOException {
        json.writeObjectFieldStart("metadata");
        for (Map.Entry<String, String> entry : new TreeMap<>(metadata).entrySet()) {
            json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
    }

    private static void writeTensors(JsonGenerator json, List<Inspection.Tensor> tensors) throws IOException {
        json.writeArrayFieldStart("tensors");
        for (Inspection.Tensor tensor : tensors) {
            json.writeStartObject();
            json.writeStringField("name", tensor.name());
            json.writeStringField("type", tensor.type());
            json.writeArrayFieldStart("shape");
            for (long length : tensor.shape()) {
                json.writeNumber(length);
            }
            json.writeEndArray();
            json.writeNumberField("bytes", tensor.bytes());
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
