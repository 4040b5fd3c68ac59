package io.chunkwise.tornado.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/** Kernels keep clear of what TornadoVM compiles wrongly without a word, or not at all. */
class KernelRulesTest {
    private static final Path SOURCES = Path.of("src/main/java/io/chunkwise/tornado/kernels");
    private static final List<Class<?>> KERNELS = List.of(ActivationKernels.class, AttentionKernels.class, EmbeddingKernels.class,
            FillKernels.class, FinishKernels.class, HadamardKernels.class, HeadKernels.class, LowRankKernels.class, MeasureKernels.class,
            NormKernels.class, PageKernels.class, ProbeKernels.class, ProjectionKernels.class, QuantKernels.class,
            QuantizedProjectionKernels.class, RotaryKernels.class, SelfTestKernels.class, SplitAttentionKernels.class,
            StatisticsKernels.class, TensorKernels.class, TouchKernels.class);
    // A kernel or argument of such a name breaks the driver's compiler, or worse.
    private static final Set<String> OPENCL_NAMES = Set.of("rotate", "dot", "mix", "step", "clamp", "cross", "distance", "length",
            "normalize",
            "max", "min", "exp", "sqrt", "abs", "select", "shuffle", "half", "local", "global", "constant", "private", "kernel", "bool",
            "int8", "float4", "uint", "event_t", "barrier", "sign", "smoothstep", "degrees", "radians", "any", "all", "restrict", "image");

    @Test
    void everyKernelClassIsChecked() throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            Set<String> named = new HashSet<>();
            KERNELS.forEach(kernels -> named.add(kernels.getSimpleName() + ".java"));
            assertEquals(named, new HashSet<>(files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith("Kernels.java")).toList()));
        }
    }

    @Test
    void kernelsHaveAtMostTwentyArgumentsAndHarmlessNames() {
        for (Method kernel : kernels()) {
            String name = kernel.getDeclaringClass().getSimpleName() + "." + kernel.getName();
            assertTrue(kernel.getParameterCount() <= 20, name + " has " + kernel.getParameterCount() + " arguments");
            assertFalse(OPENCL_NAMES.contains(kernel.getName()), name + " is the name of something in OpenCL");
            for (Class<?> type : kernel.getParameterTypes()) {
                assertFalse(type == boolean.class || type == long.class, name + " takes a " + type);
                // Of devices without a half type, drivers refuse these.
                assertFalse(type == HalfFloatArray.class && !kernel.getName().matches(".*Hal(f|ves).*"), name + " takes halves unnamed");
            }
        }
    }

    @Test
    void kernelsAreNotOverloadedBecauseCompiledCodeIsFoundByName() {
        Set<String> names = new HashSet<>();
        for (Method kernel : kernels()) {
            assertTrue(names.add(kernel.getName()), kernel.getName() + " exists twice");
        }
    }

    @Test
    void kernelsUseNothingThatIsMiscompiled() throws IOException {
        List<String> names = new ArrayList<>(KERNELS.stream().map(Class::getSimpleName).toList());
        // Parts of kernels.
        names.addAll(List.of("Eights", "Halves", "Page", "RowDots", "LaneDots", "LaneSteps", "TileDots", "RowTile", "UpHalves",
                "DownHalves", "WeightFormat", "ChunkProjection", "GroupProjection", "TileProjection", "SplitRows",
                "TensorProjection", "KeyDots", "ValueDots", "Splits"));
        for (String kernels : names) {
            // Arrays of halves may be read: by kernels whose name says so, see below.
            String source = Files.readString(SOURCES.resolve(kernels + ".java")).replace("HalfFloatArray", "halves");
            // What only devices of the PTX backend run may make halves.
            assertTrue(kernels.equals("TensorProjection") || !source.contains("HalfFloat"), kernels + " makes halves");
            for (String trap : List.of(">>>", "float16ToFloat", "intBitsToFloat", "floatToRawIntBits", "Math.fma", "Math.round", "simdSum",
                    "simdShuffleDown", "static int[]", "static float[]", " java.lang.Math", "||", "&&", "? ")) {
                assertFalse(source.contains(trap), kernels + " uses " + trap);
            }
            // (b & 0xff) - 128 wraps around: the difference has to be taken in float.
            assertFalse(source.matches("(?s).*& \\(?\\w+\\)?\\)? - \\d+;.*"), kernels + " masks, then subtracts");
            // PTX code has no shift to the right that keeps the sign.
            assertFalse(source.matches("(?s).*<<[^;&]*>>.*"), kernels + " brings a sign down by shifts");
        }
    }

    /** What TornadoVM puts in their place is not there when a CUDA graph is replayed. */
    @Test
    void noArgumentIsTheBoundOfAParallelLoop() throws IOException {
        Pattern loop = Pattern.compile("@Parallel int \\w+ = 0; \\w+ < ([^;]+);");
        int loops = 0;
        for (Class<?> kernels : KERNELS) {
            String source = Files.readString(SOURCES.resolve(kernels.getSimpleName() + ".java"));
            for (Matcher matcher = loop.matcher(source); matcher.find(); loops++) {
                int kernel = source.lastIndexOf(" static void ", matcher.start());
                String head = source.substring(kernel, source.indexOf('{', kernel));
                assertFalse(head.matches("(?s).*\\bint " + Pattern.quote(matcher.group(1)) + "\\b.*"),
                        kernels.getSimpleName() + " has a parallel loop to its argument " + matcher.group(1) + ":" + head);
            }
        }
        assertTrue(loops > 20, loops + " loops found");
    }

    private static List<Method> kernels() {
        List<Method> methods = new ArrayList<>();
        for (Class<?> kernels : KERNELS) {
            for (Method method : kernels.getDeclaredMethods()) {
                if (Modifier.isPublic(method.getModifiers())) {
                    methods.add(method);
                }
            }
        }
        return methods;
    }
}
