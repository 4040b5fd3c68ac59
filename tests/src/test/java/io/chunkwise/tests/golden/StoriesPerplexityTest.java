package io.chunkwise.tests.golden;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/** {@link StoriesPerplexityContract} for each executor. */
class StoriesPerplexityTest {

    @Nested
    class Cpu implements StoriesPerplexityContract {
        private final Subject subject = new Subject("cpu");

        @Override
        public Subject subject() {
            return subject;
        }
    }

    @Nested
    @Tag("tornado")
    class Tornado implements StoriesPerplexityContract {
        private final Subject subject = new Subject("tornado");

        @Override
        public Subject subject() {
            return subject;
        }
    }
}
