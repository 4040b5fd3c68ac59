/**
 * Evaluations and batch generation as an Apache Spark job: a task per shard, which the same code evaluates that the command line uses.
 * Spark finds the machines and runs tasks again; this says which shard, which file and which device.
 */
package io.chunkwise.spark;
