/** Tests of results on disk, and of what becomes of them when a run dies. */
package io.chunkwise.evaluate.journal;
