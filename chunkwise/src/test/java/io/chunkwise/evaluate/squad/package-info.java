/** Tests of SQuAD's scores. */
package io.chunkwise.evaluate.squad;
