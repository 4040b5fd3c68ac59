package io.chunkwise.runner.options;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The adapter, and how much of it is used. */
public final class AdapterOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = {"-a", "--adapter"}, paramLabel = "PATH", order = 10,
            description = "LoRA adapter: a PEFT directory or a GGUF adapter file.")
    private Path adapter;

    @Option(names = "--rank", paramLabel = "N|max", order = 11, defaultValue = "max", converter = RankConverter.class,
            description = "Adapter components to use at every projection: 0 switches the adapter off, max uses it as it was trained, "
                    + "N uses the N strongest (default: ${DEFAULT-VALUE}).")
    private RankLimit rank;

    @Option(names = "--ladder", paramLabel = "PATH", order = 12,
            description = "Rank ladder for --rank N, as 'chunkwise ladder' saves it (default: the one beside the adapter; without one "
                    + "it is built in memory).")
    private Path ladder;

    /** Empty: the base model alone. */
    public Optional<Path> adapter() {
        return Optional.ofNullable(adapter);
    }

    public RankLimit rank() {
        return rank;
    }

    public Optional<Path> ladder() {
        return Optional.ofNullable(ladder);
    }

    /** @throws ParameterException if options are given that make sense with an adapter only */
    public void check() {
        if (adapter == null) {
            for (String option : new String[] {"--rank", "--ladder"}) {
                if (command.commandLine().getParseResult().hasMatchedOption(option)) {
                    throw problem(option + " needs an adapter: add --adapter PATH");
                }
            }
        }
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
