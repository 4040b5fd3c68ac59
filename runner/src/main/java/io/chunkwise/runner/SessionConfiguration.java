package io.chunkwise.runner;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.runner.options.AdapterSequence;
import io.chunkwise.runner.options.ExecutorOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What results of a model go by, beside the data. */
final class SessionConfiguration {

    private SessionConfiguration() {
    }

    /** The version, which every result goes by. */
    static Configuration begin(String kind) {
        return Configuration.empty().with("kind", kind).with("version", ChunkwiseCommand.Version.text());
    }

    static Configuration with(Configuration data, Session session, Session.Options options) {
        Configuration policies = data.with("model", String.valueOf(session.model().source().toAbsolutePath().normalize().getFileName()))
                .with("modelSha256", Fingerprint.ofModel(session.model()))
                .with("adapters", adapters(options))
                .with("ladders", ladders(options))
                .with("mergedComponents", options.adapter().mergedComponents().orElse(0))
                .with("policy", options.chunking().description())
                .with("kvPolicy", options.chunking().kvPolicy().word())
                .with("policySha256", Fingerprint.ofPolicies(options.chunking().policy(), options.chunking().kvPolicy()));
        return with(policies, session.executor(), options.executor());
    }

    /** Where and how the model runs. */
    static Configuration with(Configuration data, ForwardExecutor executor, ExecutorOptions options) {
        Configuration where = data.with("executor", executor.name())
                .with("device", executor.device().selector())
                .with("deviceName", executor.device().name())
                .with("context", executor.contextLength())
                .with("kvType", word(options.kvType()))
                .with("adapterType", options.adapters().type().map(SessionConfiguration::word).orElse("auto"))
                .with("activations", word(executor.activations()));
        // Left out where there are none, so that journals of before are still of the same configuration.
        return executor.tensorCores() ? where.with("tensorCores", true) : where;
    }

    /** As the command line spells it. */
    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** Each with the token that it begins at: [["calm", "0", "ab12…"]]. */
    private static List<List<String>> adapters(Session.Options options) {
        List<List<String>> adapters = new ArrayList<>();
        for (AdapterSequence.Entry entry : options.adapter().sequence().entries()) {
            Path file = options.adapter().sequence().files().get(entry.name());
            if (file != null) {
                adapters.add(List.of(entry.name(), Integer.toString(entry.fromToken()), AdapterFiles.hash(file)));
            }
        }
        return adapters;
    }

    /** Of the saved ladders that components are taken from. */
    private static List<String> ladders(Session.Options options) {
        ChunkPolicy policy = options.chunking().policy();
        boolean whole = !policy.estimates() && options.adapter().mergedComponents().isEmpty()
                && policy.bands().stream().allMatch(band -> band.components() == 0 || band.components() == Band.ALL_COMPONENTS);
        return whole ? List.of() : options.adapter().sequence().files().values().stream()
                .map(file -> options.adapter().ladder().orElseGet(() -> LadderFile.beside(file))).filter(Files::exists)
                .map(Fingerprint::ofFile).toList();
    }
}
