/** Tests of evaluations and their parts. */
package io.chunkwise.evaluate;
