/** Tests of the recipes of perplexity. */
package io.chunkwise.evaluate.perplexity;
