/** What commands print: JSON for scripts, tables and bar charts for people. Computes nothing. */
package io.chunkwise.runner.report;
