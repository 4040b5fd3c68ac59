package io.chunkwise.runner.options;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The adapters, and how much of them is used. */
public final class AdapterOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = {"-a", "--adapter"}, paramLabel = "[NAME=]PATH[@TOKEN]", order = 10,
            description = "LoRA adapter: a PEFT directory or a GGUF adapter file. May be given several times: one with @TOKEN takes over "
                    + "at that token of the text (prompt and special tokens included); NAME@TOKEN switches back to one given before, "
                    + "none@TOKEN to the base model.")
    private List<String> adapters = new ArrayList<>();

    @Option(names = "--rank", paramLabel = "N|max", order = 11, defaultValue = "max", converter = RankConverter.class,
            description = "Adapter components to use at every projection, for all tokens: 0 switches the adapter off, max uses it as it "
                    + "was trained, N uses the N strongest (default: ${DEFAULT-VALUE}). Short for --policy uniform:N.")
    private RankLimit rank;

    @Option(names = "--ladder", paramLabel = "PATH", order = 12,
            description = "Rank ladder for fewer components than trained, as 'chunkwise ladder' saves it (default: the one beside the "
                    + "adapter; without one it is built in memory).")
    private Path ladder;

    @Option(names = "--merge-rung", paramLabel = "N", order = 13,
            description = "Fold the N strongest components into a copy of the model's weights (F32, F16 or BF16): every token has these "
                    + "at least, and those that need no more run without any adapter work.")
    private Integer mergeRung;

    private AdapterSequence sequence;

    /** Files and positions; {@link #check} comes first. */
    public AdapterSequence sequence() {
        return sequence;
    }

    /** Whether there is any adapter. */
    public boolean any() {
        return !sequence.files().isEmpty();
    }

    public RankLimit rank() {
        return rank;
    }

    public Optional<Path> ladder() {
        return Optional.ofNullable(ladder);
    }

    /** Components of the merged rung; empty for none. */
    public OptionalInt mergedComponents() {
        return mergeRung == null ? OptionalInt.empty() : OptionalInt.of(mergeRung);
    }

    /** @throws ParameterException if adapters are named in a way that means nothing, or options are given that make sense with one only */
    public void check() {
        try {
            sequence = AdapterSequence.parse(adapters);
        } catch (InvalidPathException e) {
            throw problem("--adapter: '" + e.getInput() + "' is no path");
        } catch (IllegalArgumentException e) {
            throw problem(e.getMessage());
        }
        if (!any()) {
            for (String option : new String[] {"--rank", "--ladder", "--merge-rung"}) {
                if (given(option)) {
                    throw problem(option + " needs an adapter: add --adapter PATH");
                }
            }
        }
        if (ladder != null && sequence.files().size() > 1) {
            throw problem("--ladder belongs to one adapter, but there are " + sequence.files().size() + "; save each one's beside it with "
                    + "'chunkwise ladder'");
        }
        if (mergeRung != null) {
            checkMerging();
        }
    }

    private void checkMerging() {
        if (mergeRung < 1) {
            throw problem("--merge-rung " + mergeRung + ": expected a number from 1 up");
        }
        if (sequence.entries().size() > 1) {
            throw problem("--merge-rung: what is merged acts on every token, so it takes one adapter for the whole text, without @TOKEN");
        }
        if (rank instanceof RankLimit.Exactly(int components) && components < mergeRung) {
            throw problem("--merge-rung " + mergeRung + " leaves no token with fewer components; --rank " + components + " wants "
                    + components);
        }
    }

    /** Whether an option was on the command line. */
    public boolean given(String option) {
        return command.commandLine().getParseResult().hasMatchedOption(option);
    }

    /** A value that the command line must not have, as it turned out. */
    public ParameterException problem(String message) {
        return new ParameterException(command.commandLine(), message);
    }

    private static final class RankConverter implements ITypeConverter<RankLimit> {
        @Override
        public RankLimit convert(String value) {
            try {
                return RankLimit.parse(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
