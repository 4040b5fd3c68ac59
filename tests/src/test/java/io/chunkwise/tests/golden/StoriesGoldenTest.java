package io.chunkwise.tests.golden;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/** {@link StoriesGoldenContract} for each executor. */
class StoriesGoldenTest {

    @Nested
    class Cpu implements StoriesGoldenContract {
        private final Subjects subjects = new Subjects("cpu");

        @Override
        public Subjects subjects() {
            return subjects;
        }
    }

    @Nested
    @Tag("tornado")
    class Tornado implements StoriesGoldenContract {
        private final Subjects subjects = new Subjects("tornado");

        @Override
        public Subjects subjects() {
            return subjects;
        }
    }
}
