/** What is in a model, adapter or ladder file, gathered for {@code chunkwise inspect}. Runs no pass. */
package io.chunkwise.runner.inspect;
