/** Rows of a benchmark as tables, CSV and JSON, and how two of them compare. */
package io.chunkwise.runner.bench;
