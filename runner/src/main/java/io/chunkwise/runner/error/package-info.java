/** How failures reach the person at the terminal: one line and an exit code. */
package io.chunkwise.runner.error;
