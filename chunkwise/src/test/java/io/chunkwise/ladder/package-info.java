/** Tests of the rank ladder. */
package io.chunkwise.ladder;
