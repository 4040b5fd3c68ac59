/**
 * Finds the policy that costs least within a budget, on windows of a text that nothing was learned from. What is chosen has to hold by more
 * than the noise of these windows; where chunks of different rungs do not beat one rung for all, one rung for all is what comes out.
 */
package io.chunkwise.calibrate.budget;
