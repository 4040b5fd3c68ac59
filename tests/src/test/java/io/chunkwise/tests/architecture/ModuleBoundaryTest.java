package io.chunkwise.tests.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds the sentences about modules in ARCHITECTURE.md, by reading the sources. */
class ModuleBoundaryTest {
    private static final Path ROOT = root();
    private static final List<String> MODULES = List.of("model", "chunkwise", "tornado-tasks", "runner", "spark");
    private static final Pattern IMPORT = Pattern.compile("(?m)^import (?:static )?([\\w.]+)");
    private static final Pattern PACKAGE = Pattern.compile("(?m)^package ([\\w.]+);");

    @Test
    void onlyTornadoTasksImportsTornadoVm() throws IOException {
        assertOnlyIn("uk.ac.manchester.", "tornado-tasks");
    }

    @Test
    void onlyTheLadderPackageImportsNd4j() throws IOException {
        List<String> offenders = new ArrayList<>();
        for (String module : MODULES) {
            for (Path file : mainSources(module)) {
                String text = Files.readString(file);
                if (text.contains("org.nd4j.") && !packageOf(text).equals("io.chunkwise.ladder")) {
                    offenders.add(ROOT.relativize(file).toString());
                }
            }
        }
        assertEquals(List.of(), offenders);
    }

    @Test
    void chunkwiseAndTornadoTasksNeverSeeEachOther() throws IOException {
        Map<String, Set<String>> packages = packagesByModule();
        assertNoImports("chunkwise", packages.get("tornado-tasks"));
        assertNoImports("tornado-tasks", packages.get("chunkwise"));
    }

    @Test
    void modelImportsNoOtherModule() throws IOException {
        Map<String, Set<String>> packages = packagesByModule();
        for (String other : List.of("chunkwise", "tornado-tasks", "runner", "spark")) {
            assertNoImports("model", packages.get(other));
        }
    }

    @Test
    void theRunnerIsImportedBySparkOnlyAndSparkByNobody() throws IOException {
        Map<String, Set<String>> packages = packagesByModule();
        for (String module : List.of("model", "chunkwise", "tornado-tasks")) {
            assertNoImports(module, packages.get("runner"));
            assertNoImports(module, packages.get("spark"));
        }
        assertNoImports("runner", packages.get("spark"));
    }

    @Test
    void onlyTheSparkModuleKnowsSpark() throws IOException {
        assertOnlyIn("org.apache.spark.", "spark");
        List<String> offenders = new ArrayList<>();
        // what the program's class path comes from
        for (String module : List.of("model", "chunkwise", "tornado-tasks", "runner", "tests")) {
            String pom = Files.readString(ROOT.resolve(module).resolve("pom.xml"));
            if (pom.contains("org.apache.spark") || pom.contains("<artifactId>spark</artifactId>")) {
                offenders.add(module + "/pom.xml");
            }
        }
        assertEquals(List.of(), offenders);
        assertTrue(Files.readString(ROOT.resolve("spark/pom.xml")).contains("<version>${spark.version}</version><scope>provided</scope>"),
                "a cluster brings its own Spark");
    }

    @Test
    void aPackageIsInOneModuleOnly() throws IOException {
        Map<String, String> owner = new HashMap<>();
        packagesByModule().forEach((module, packages) -> packages.forEach(name -> {
            String other = owner.put(name, module);
            assertTrue(other == null, () -> "package " + name + " is in " + other + " and in " + module);
        }));
    }

    @Test
    void everyPackageSaysWhatItIsFor() throws IOException {
        List<String> missing = new ArrayList<>();
        for (String module : MODULES) {
            for (Path file : mainSources(module)) {
                Path info = file.resolveSibling("package-info.java");
                if (!Files.exists(info) && !missing.contains(ROOT.relativize(info).toString())) {
                    missing.add(ROOT.relativize(info).toString());
                }
            }
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void systemPropertiesAreReadInTheRunnerOnly() throws IOException {
        List<String> offenders = new ArrayList<>();
        for (String module : List.of("model", "chunkwise", "tornado-tasks", "spark")) {
            for (Path file : mainSources(module)) {
                if (Files.readString(file).matches("(?s).*System\\.getProperty\\(\"chunkwise.*")) {
                    offenders.add(ROOT.relativize(file).toString());
                }
            }
        }
        assertEquals(List.of(), offenders);
    }

    private static void assertOnlyIn(String prefix, String module) throws IOException {
        List<String> offenders = new ArrayList<>();
        for (String other : MODULES) {
            if (!other.equals(module)) {
                for (Path file : mainSources(other)) {
                    if (imports(Files.readString(file)).stream().anyMatch(name -> name.startsWith(prefix))) {
                        offenders.add(ROOT.relativize(file).toString());
                    }
                }
            }
        }
        assertEquals(List.of(), offenders);
    }

    private static void assertNoImports(String module, Set<String> forbiddenPackages) throws IOException {
        List<String> offenders = new ArrayList<>();
        for (Path file : mainSources(module)) {
            for (String name : imports(Files.readString(file))) {
                if (forbiddenPackages.stream().anyMatch(forbidden -> name.startsWith(forbidden + "."))) {
                    offenders.add(ROOT.relativize(file) + " imports " + name);
                }
            }
        }
        assertEquals(List.of(), offenders);
    }

    private static Map<String, Set<String>> packagesByModule() throws IOException {
        Map<String, Set<String>> packages = new HashMap<>();
        for (String module : MODULES) {
            Set<String> names = packages.computeIfAbsent(module, key -> new HashSet<>());
            for (Path file : mainSources(module)) {
                names.add(packageOf(Files.readString(file)));
            }
        }
        return packages;
    }

    private static List<Path> mainSources(String module) throws IOException {
        try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
            List<Path> sources = files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
            assertTrue(!sources.isEmpty(), () -> "module " + module + " has no sources: the test looks in the wrong place");
            return sources;
        }
    }

    private static List<String> imports(String text) {
        return IMPORT.matcher(text).results().map(match -> match.group(1)).toList();
    }

    private static String packageOf(String text) {
        Matcher matcher = PACKAGE.matcher(text);
        assertTrue(matcher.find(), "a source file without a package");
        return matcher.group(1);
    }

    private static Path root() {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("setup.sh"))) {
            directory = directory.getParent();
        }
        return directory;
    }
}
