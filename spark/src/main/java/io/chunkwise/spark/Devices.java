package io.chunkwise.spark;

import io.chunkwise.runner.ShardedCommand;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/** GPUs: Spark gives each task addresses, executors want {@code backend:index}. */
final class Devices {
    /** Resource that tasks ask for with spark.task.resource.gpu.amount. */
    private static final String GPU = "gpu";
    private static final String TASK_AMOUNT = "spark.task.resource.gpu.amount";
    private static final String BACKEND = "spark.chunkwise.backend";

    private Devices() {
    }

    /** The backend of all GPUs, as {@code chunkwise devices} lists it. */
    static String backend(SparkConf conf) {
        return conf.get(BACKEND, "opencl");
    }

    /** @throws IllegalArgumentException if the command line and Spark's settings say different things about devices */
    static void check(ShardedCommand command, SparkConf conf) {
        if (!conf.contains(TASK_AMOUNT)) {
            return;
        }
        String amount = conf.get(TASK_AMOUNT);
        if (!amount.equals("1")) {
            throw new IllegalArgumentException(TASK_AMOUNT + "=" + amount + ": a task runs on one whole GPU; expected 1");
        }
        if (command.given("--device")) {
            throw new IllegalArgumentException("--device: with " + TASK_AMOUNT
                    + " every task has its device from Spark; leave one of the two out");
        }
        if (!command.value("--executor").equals("tornado")) {
            throw new IllegalArgumentException("--executor " + command.value("--executor") + ": with " + TASK_AMOUNT
                    + " tasks run on GPUs; "
                    + "add --executor tornado");
        }
        if (!backend(conf).matches("[a-z]+")) {
            throw new IllegalArgumentException(BACKEND + "=" + backend(conf)
                    + ": expected a backend such as opencl, as 'chunkwise devices' has it");
        }
    }

    /** The device of a task; empty where Spark was not asked for one. */
    static Optional<String> ofTask(TaskContext task, String backend) {
        return Optional.ofNullable(task.resourcesJMap().get(GPU)).map(gpu -> selector(gpu, backend));
    }

    static String selector(ResourceInformation gpu, String backend) {
        String address = gpu.addresses()[0];
        if (!address.matches("[0-9]{1,4}")) {
            throw new IllegalArgumentException("the GPU discovery script says '" + address
                    + "'; expected an index as 'chunkwise devices' has it");
        }
        return backend + ":" + address;
    }
}
