/**
 * What the program's commands print with {@code --json}, read again: docs/json.md describes the files. Knows nothing of the page that
 * is made of them.
 */
package io.chunkwise.runner.report.results;
