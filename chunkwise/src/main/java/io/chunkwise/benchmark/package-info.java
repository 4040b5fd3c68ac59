/**
 * Speed of executors on models of any kind: tokens per second of every combination asked for, relative to the same run without an
 * adapter and to what the memory's bandwidth allows. Knows no particular executor.
 */
package io.chunkwise.benchmark;
