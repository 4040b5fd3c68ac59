/** Options that several commands share, as picocli mixins. They hold what was typed and check it; they load nothing. */
package io.chunkwise.runner.options;
