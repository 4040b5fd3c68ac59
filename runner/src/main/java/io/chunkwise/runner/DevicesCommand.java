package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability.Available;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability.Unavailable;
import io.chunkwise.model.forward.ForwardExecutors;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.Table;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists what models can run on here. */
@Command(name = "devices", description = "Lists the devices that models can run on here, and says what is missing.", sortOptions = false,
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "JSON: devices[] of executor, backend, index, name, type (CPU, GPU, ACCELERATOR),",
            "memoryBytes, driver; unavailable[] of executor and reason."
        })
final class DevicesCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private OutputOptions output;

    /** A device and whose it is. */
    private record Row(String executor, DeviceInfo device) {
    }

    /** An executor that cannot run here. */
    private record Missing(String executor, String reason) {
    }

    DevicesCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        ForwardExecutors executors = ForwardExecutors.load();
        List<Row> rows = new ArrayList<>();
        List<Missing> missing = new ArrayList<>();
        for (ForwardExecutorProvider provider : executors.providers()) {
            switch (provider.availability()) {
                case Available(List<DeviceInfo> devices) -> devices.forEach(device -> rows.add(new Row(provider.name(), device)));
                case Unavailable(String reason) -> missing.add(new Missing(provider.name(), reason));
            }
        }
        executors.broken().forEach(problem -> missing.add(new Missing("unknown", problem)));
        if (executors.providers().stream().noneMatch(provider -> provider.name().equals("tornado"))) {
            missing.add(new Missing("tornado", "not in this build: run ./setup.sh where a TornadoVM SDK can be found (TORNADOVM_HOME)"));
        }
        if (output.json()) {
            Json.print(terminal, json -> writeJson(json, rows, missing));
        } else {
            print(rows, missing);
        }
        return 0;
    }

    private void print(List<Row> rows, List<Missing> missing) {
        Table table = new Table("device", "type", ">memory", "executor", "name", "driver");
        for (Row row : rows) {
            DeviceInfo device = row.device();
            table.row(device.selector(), device.type().toString(), Quantities.bytes(device.memoryBytes()), row.executor(),
                    Quantities.printable(device.name()), Quantities.printable(device.driver()));
        }
        table.lines(terminal.width()).forEach(terminal.out()::println);
        if (!missing.isEmpty()) {
            terminal.out().println();
            missing.forEach(one -> terminal.out().println("no executor '" + one.executor() + "': " + one.reason()));
        }
        if (rows.stream().noneMatch(row -> row.device().type() == DeviceInfo.Type.GPU)) {
            terminal.out().println(missing.isEmpty() ? "\nno GPU was found: models run on the CPU"
                    : "no GPU can be used: models run on the CPU");
        }
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
    }

    private static void writeJson(JsonGenerator json, List<Row> rows, List<Missing> missing) throws IOException {
        json.writeArrayFieldStart("devices");
        for (Row row : rows) {
            DeviceInfo device = row.device();
            json.writeStartObject();
            json.writeStringField("executor", row.executor());
            json.writeStringField("backend", device.backend());
            json.writeNumberField("index", device.index());
            json.writeStringField("name", device.name());
            json.writeStringField("type", device.type().toString());
            json.writeNumberField("memoryBytes", device.memoryBytes());
            json.writeStringField("driver", device.driver());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("unavailable");
        for (Missing one : missing) {
            json.writeStartObject();
            json.writeStringField("executor", one.executor());
            json.writeStringField("reason", one.reason());
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
