/** Tests of the ablation experiments. */
package io.chunkwise.evaluate.ablation;
