/** Tests of signals and their score. */
package io.chunkwise.complexity;
