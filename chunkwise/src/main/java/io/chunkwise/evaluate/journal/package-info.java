/**
 * Results on disk: a line of JSON each, appended as soon as it is known, so that an evaluation that was killed goes on where it was. Knows
 * nothing of what the results are.
 */
package io.chunkwise.evaluate.journal;
