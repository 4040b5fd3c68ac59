/**
 * SQuAD 2.0 (arXiv:1806.03822): questions about a text, some of which it does not answer; exact match and F1 with the normalisation of the
 * official scorer. Knows answers, not where they come from.
 */
package io.chunkwise.evaluate.squad;
