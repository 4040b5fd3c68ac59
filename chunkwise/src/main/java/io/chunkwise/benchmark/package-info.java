/** Speed of executors on models of any kind: tokens per second, relative to the same run without an adapter and to what memory allows. */
package io.chunkwise.benchmark;
