/**
 * BLEU (Papineni et al., 2002) and chrF2 (Popović, 2015) of translations, as sacrebleu computes them (Post, 2018, arXiv:1804.08771). Counts
 * of segments are whole numbers that add up, so that figures of a corpus come from results of its segments.
 */
package io.chunkwise.evaluate.bleu;
