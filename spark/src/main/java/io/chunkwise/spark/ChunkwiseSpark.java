package io.chunkwise.spark;

import io.chunkwise.evaluate.Shard;
import io.chunkwise.runner.ChunkwiseCommand;
import io.chunkwise.runner.ShardedCommand;
import io.chunkwise.runner.ShardedCommand.Problem;
import io.chunkwise.runner.terminal.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * The program for spark-submit. Its arguments are those of {@code chunkwise}, but that {@code --output} is a directory: it gets a file of
 * results for each shard. A job that is submitted again goes on where it was.
 */
public final class ChunkwiseSpark {
    /** How many shards; otherwise as many as the directory has, or as Spark runs tasks in parallel. */
    static final String SHARDS = "spark.chunkwise.shards";

    private static final List<String> USAGE = List.of(
            "Usage: spark-submit [options of Spark] --class " + ChunkwiseSpark.class.getName() + " --jars JARS chunkwise-spark.jar COMMAND",
            "Runs COMMAND on all machines of a Spark cluster: one of",
            "  eval perplexity, eval squad, eval bleu, generate --input",
            "with its own options ('chunkwise eval perplexity --help') and --output DIRECTORY for the results.",
            "Cluster, GPUs, files: docs/evaluation.md.");

    private ChunkwiseSpark() {
    }

    public static void main(String[] args) {
        Terminal terminal = Terminal.system();
        System.setOut(System.err); // libraries talk on standard output, which belongs to the figures
        int exit = run(terminal, new SparkConf(), List.of(args));
        if (exit != 0) {
            System.exit(exit); // and not with 0, which some cluster managers take for a driver that was ended
        }
    }

    /**
     * Runs one job.
     *
     * @param conf of the application; the name is set if it has none
     * @return the exit code: 0 done, 1 failed, 2 the command line is wrong
     */
    static int run(Terminal terminal, SparkConf conf, List<String> args) {
        if (args.isEmpty() || args.contains("--help") || args.contains("-h")) {
            USAGE.forEach(terminal.out()::println);
            terminal.out().flush();
            return 0;
        }
        try {
            ShardedCommand command = new ShardedCommand(args);
            Devices.check(command, conf);
            ShardFiles files = ShardFiles.in(command.output());
            conf.setIfMissing("spark.app.name", "chunkwise " + args.getFirst());
            try (JavaSparkContext spark = new JavaSparkContext(conf)) {
                return run(terminal, spark, args, files);
            } finally {
                LoadedCommands.closeAll(); // where the driver was the executor, too
            }
        } catch (SparkException e) { // its other lines are the trace of a task
            return tell(terminal,
                    new Problem(1, "chunkwise: the job failed: " + String.valueOf(e.getMessage()).lines().findFirst().orElse("")));
        } catch (RuntimeException e) {
            return tell(terminal, Problem.of(e));
        }
    }

    private static int run(Terminal terminal, JavaSparkContext spark, List<String> args, ShardFiles files) throws SparkException {
        int count = files.count(spark.getConf().contains(SHARDS) ? spark.getConf().getInt(SHARDS, 0) : 0, spark.defaultParallelism());
        List<Integer> shards = IntStream.rangeClosed(1, count).boxed().toList();
        spark.sc().setInterruptOnCancel(true);
        List<ShardOutcome> outcomes = spark.parallelize(shards, count)
                .mapPartitions(new ShardTask(args, files.directory().toString(), count, Devices.backend(spark.getConf()))).collect();
        for (ShardOutcome outcome : outcomes) {
            if (outcome.problem().isPresent()) {
                return tell(terminal, outcome.problem().get());
            }
        }
        return merge(terminal, args, shards.stream().map(index -> files.file(new Shard(index, count))).toList());
    }

    /** The figures of all files, by the command for it. */
    private static int merge(Terminal terminal, List<String> args, List<Path> files) {
        List<String> merge = new ArrayList<>(List.of("eval", "merge"));
        files.forEach(file -> merge.add(file.toString()));
        args.stream().filter(option -> List.of("--json", "-q", "--quiet", "--errors").contains(option)).forEach(merge::add);
        return ChunkwiseCommand.execute(terminal, merge.toArray(String[]::new));
    }

    private static int tell(Terminal terminal, Problem problem) {
        terminal.err().println(problem.text());
        terminal.err().flush();
        return problem.exit();
    }
}
