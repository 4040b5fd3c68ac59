package io.chunkwise.runner;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.runner.inspect.SiteSpectrum;
import io.chunkwise.runner.options.CalibrationOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.SpectrumReport;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Builds the rank ladder of an adapter and saves it. */
@Command(name = "ladder", description = "Orders the components of an adapter by strength (SVD) and saves them as a rank ladder, so that "
        + "--rank N starts at once. Calibrated on a text, it also knows where in a text more components are worth having.",
        sortOptions = false, defaultValueProvider = CalibrationOptions.Defaults.class,
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "A ladder belongs to one adapter: it is refused when the adapter's files have changed.",
            "A calibration is kept when the same adapter's ladder is built again without --calibrate.",
            "",
            "Examples:",
            "  chunkwise ladder -m models/stories -a my-adapter",
            "  chunkwise ladder -m models/stories -a my-adapter --calibrate sample.txt",
            "  chunkwise generate -m models/stories -a my-adapter --rank 8 -p \"Once\"",
            "",
            "JSON: path, bytes, adapter, sha256, rank, energy, sites[], buildMs, benefit (none, kept,",
            "calibrated), calibration (null, or executor, windows, tokens, lowComponents,",
            "highComponents, meanGain, tokensSeen, vocabulary, ms)."
        })
final class LadderCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private ModelOptions model;

    @Option(names = {"-a", "--adapter"}, required = true, paramLabel = "PATH", order = 10,
            description = "LoRA adapter: a PEFT directory or a GGUF adapter file.")
    private Path adapter;

    @Option(names = {"-o", "--output"}, paramLabel = "PATH", order = 20,
            description = "File to write; replaced if it is there (default: beside the adapter, where --rank looks for it).")
    private Path file;

    @Mixin
    private CalibrationOptions calibration;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    LadderCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        calibration.check();
        executor.check();
        Path target = file == null ? LadderFile.beside(adapter) : file;
        try (ShownProgress progress = ShownProgress.of(terminal, output); LlamaModel base = ModelFiles.open(model.model(), progress)) {
            String hash = AdapterFiles.hash(adapter);
            Adapter plain = AdapterFiles.open(adapter, base.config(), progress);
            long start = System.nanoTime();
            RankLadder ladder = LadderBuilder.build(plain, progress);
            long nanos = System.nanoTime() - start;
            Optional<LadderCalibration> calibrated = calibration.any()
                    ? Optional.of(LadderCalibration.run(base, ladder, calibration, executor, progress)) : Optional.empty();
            Optional<TokenBenefit> benefit = calibrated.map(measured -> measured.found().benefit()).or(() -> before(target, base, hash));
            LadderFile.save(target, benefit.map(ladder::withBenefit).orElse(ladder), base.config(), hash);
            progress.end();
            report(target, hash, ladder, nanos, calibrated, benefit.isPresent());
        }
        return 0;
    }

    /** The calibration of the ladder that is replaced, if that is the same adapter's. */
    private static Optional<TokenBenefit> before(Path target, LlamaModel base, String hash) {
        try {
            return Files.exists(target) ? LadderFile.load(target, base.config(), hash).benefit() : Optional.empty();
        } catch (FormatException e) {
            return Optional.empty(); // damaged, or another adapter's: a reason to build it again
        }
    }

    private void report(Path target, String hash, RankLadder ladder, long nanos, Optional<LadderCalibration> calibrated, boolean benefit)
            throws IOException {
        List<SiteSpectrum> spectra = SiteSpectrum.of(ladder);
        long bytes = Files.size(target);
        if (output.json()) {
            Json.print(terminal, json -> {
                json.writeStringField("path", target.toString());
                json.writeNumberField("bytes", bytes);
                json.writeStringField("adapter", ladder.name());
                json.writeStringField("sha256", hash);
                SpectrumReport.writeJson(json, spectra);
                Json.number(json, "buildMs", nanos * 1e-6, 3);
                json.writeStringField("benefit", calibrated.isPresent() ? "calibrated" : benefit ? "kept" : "none");
                if (calibrated.isPresent()) {
                    calibrated.get().writeJson(json);
                } else {
                    json.writeNullField("calibration");
                }
            });
            return;
        }
        SpectrumReport.lines(SiteSpectrum.byKind(spectra), true, terminal.width()).forEach(terminal.out()::println);
        terminal.out().println();
        terminal.out().println(target + ": ladder of " + spectra.size() + " sites up to rank " + ladder.maxRank() + ", "
                + Quantities.bytes(bytes) + ", built in " + Quantities.time(nanos)
                + (benefit && calibrated.isEmpty() ? ", calibration kept" : ""));
        calibrated.ifPresent(measured -> terminal.out().println(measured.text()));
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
    }
}
