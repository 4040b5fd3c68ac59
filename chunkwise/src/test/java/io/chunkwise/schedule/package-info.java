/** Tests of sequences as a whole. */
package io.chunkwise.schedule;
