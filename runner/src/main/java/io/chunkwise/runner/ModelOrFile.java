package io.chunkwise.runner;

import io.chunkwise.evaluate.answer.PromptTemplate;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Commands that judge what a model writes, or what stands in a file. */
final class ModelOrFile {
    /** Fields of the mixins that mean something to a model only. */
    private static final List<String> MIXINS = List.of("adapter", "chunking", "executor");

    private ModelOrFile() {
    }

    /** @param value null where the option was left out, which is fine */
    static void requirePositive(CommandSpec command, String option, Integer value) {
        if (value != null && value < 1) {
            throw new ParameterException(command.commandLine(), option + " " + value + ": expected a number from 1 up");
        }
    }

    /**
     * The prompt in a file.
     *
     * @param placeholders that it has to have
     */
    static PromptTemplate template(CommandSpec command, Path file, String... placeholders) {
        try {
            return PromptTemplate.of(TextSource.withoutLastLineFeed(TextSource.read(file)), placeholders);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), "--template " + file + ": " + e.getMessage());
        }
    }

    /**
     * Refuses what would be ignored.
     *
     * @param file  the option that was given in place of a model
     * @param others options of the command itself that mean something to a model only
     */
    static void requireNoModelOptions(CommandSpec command, String file, String... others) {
        Stream<String> ofMixins = MIXINS.stream().flatMap(mixin -> command.mixins().get(mixin).options().stream())
                .map(OptionSpec::longestName);
        Stream.concat(ofMixins, Arrays.stream(others)).filter(option -> command.commandLine().getParseResult().hasMatchedOption(option))
                .findFirst().ifPresent(option -> {
                    throw new ParameterException(command.commandLine(), option + " is for a model, but the answers come from " + file
                            + "; leave one of them out");
                });
    }
}
