package io.chunkwise.tests.golden;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/** {@link StoriesGoldenContract} for each executor. */
class StoriesGoldenTest {

    @Nested
    class Cpu implements StoriesGoldenContract {
        @Override
        public String executor() {
            return "cpu";
        }
    }

    @Nested
    @Tag("tornado")
    class Tornado implements StoriesGoldenContract {
        @Override
        public String executor() {
            return "tornado";
        }
    }
}
