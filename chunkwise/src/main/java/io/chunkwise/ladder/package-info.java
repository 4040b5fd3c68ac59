/**
 * The rank ladder: every site's update of a trained adapter as components ordered by singular value, of which a rung
 * uses the leading ones (arXiv:2601.21109; one SVD of the trained product, no retraining). Knows adapters and files; must
 * not know executors, text or the command line. ND4J is named in {@code LowRankSvd} only, and runs only when a ladder is
 * built.
 */
package io.chunkwise.ladder;
