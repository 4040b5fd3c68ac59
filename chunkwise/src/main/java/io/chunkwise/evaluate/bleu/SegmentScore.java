package io.chunkwise.evaluate.bleu;

/**
 * A segment against its references.
 *
 * @param bleu       of this segment alone, in percent: orders of n-grams that it is too short for are left out
 * @param chrf2      of this segment alone, in percent
 * @param words      what it adds to BLEU of the corpus
 * @param characters what it adds to chrF2 of the corpus
 */
public record SegmentScore(double bleu, double chrf2, BleuCounts words, ChrfCounts characters) {
}
