/** Tests of scoring. */
package io.chunkwise.score;
