/** Tests of BLEU and chrF2. */
package io.chunkwise.evaluate.bleu;
