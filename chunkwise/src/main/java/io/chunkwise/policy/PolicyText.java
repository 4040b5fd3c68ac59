package io.chunkwise.policy;

import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A policy as the YAML that {@link PolicyFile} reads: read again, it is the same policy by the name of its file. */
public final class PolicyText {
    private final StringBuilder yaml = new StringBuilder();

    private PolicyText() {
    }

    /** @param comment lines to stand above it, without their marks */
    public static String of(ChunkPolicy policy, List<String> comment) {
        PolicyText text = new PolicyText();
        comment.forEach(line -> text.line(line.isBlank() ? "#" : "# " + line.strip()));
        text.line("");
        if (!policy.estimation().equals(Estimation.NONE)) {
            text.estimation(policy.estimation());
        }
        text.line("rungs: " + policy.rungs().word());
        text.line("bands:");
        policy.bands().forEach(text::band);
        text.line("fadeTokens: " + policy.fadeTokens());
        if (policy.budget() != Double.POSITIVE_INFINITY) {
            text.line("budget: " + number(policy.budget()));
        }
        KvBounds kv = policy.kv();
        text.line("kv: {recentTokens: " + kv.recentTokens() + ", errorBound: " + number(kv.errorBound()) + ", massBound: "
                + number(kv.massBound()) + "}");
        return text.yaml.toString();
    }

    private void estimation(Estimation estimation) {
        line("benefit: " + estimation.benefit().word());
        line("signals:");
        for (SignalKind kind : List.of(SignalKind.ENTROPY, SignalKind.NGRAM, SignalKind.ATTENTION, SignalKind.PRIOR)) {
            String more = switch (kind) {
                case NGRAM -> ", windowTokens: " + estimation.ngramTokens() + ", decay: " + number(estimation.ngramDecay());
                case PRIOR -> ", tokens: " + number(estimation.priorTokens());
                case ENTROPY, ATTENTION, BENEFIT -> "";
            };
            line("  " + kind.word() + ": {weight: " + number(estimation.weights().getOrDefault(kind, 0.0)) + more + "}");
        }
        line("lagTokens: " + estimation.lagTokens());
        line("initial: " + number(estimation.initial()));
        line("smoothing: " + number(estimation.smoothing()));
        line("percentiles: {windowTokens: " + estimation.percentileTokens() + ", warmupTokens: " + estimation.warmupTokens()
                + ", expected: " + estimation.expectedScores().stream().map(PolicyText::number).collect(Collectors.joining(", ", "[", "]"))
                + ", hysteresis: " + number(estimation.hysteresis()) + "}");
    }

    private void band(Band band) {
        line("  - name: '" + band.name().replace("'", "''") + "'");
        line("    upperPercentile: " + number(band.upperPercentile()));
        line("    minTokens: " + band.minTokens());
        line("    maxTokens: " + band.maxTokens());
        line("    components: " + (band.components() == Band.ALL_COMPONENTS ? "max" : number(band.components())));
        line("    scale: " + new BigDecimal(Float.toString(band.scale())).toPlainString());
        line("    kv: " + band.kv().stream().map(format -> format.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", ", "[", "]")));
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e9 ? Long.toString((long) value)
                : new BigDecimal(Double.toString(value)).toPlainString();
    }

    private void line(String text) {
        yaml.append(text).append('\n');
    }
}
