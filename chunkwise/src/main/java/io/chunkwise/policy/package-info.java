/**
 * What shall be decided, as data: bands of complexity with their rungs and KV formats, signals with their weights, bounds. Policies are
 * written in YAML and checked before anything is loaded (arXiv:2601.21109 leaves thresholds, bounds and mappings open; here each is
 * a number in the policy). Decides nothing itself.
 */
package io.chunkwise.policy;
