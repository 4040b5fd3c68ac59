/** Jobs in a Spark of two threads, beside what the command line does. */
package io.chunkwise.spark;
