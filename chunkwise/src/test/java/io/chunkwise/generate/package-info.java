/** Tests of the generation loop. */
package io.chunkwise.generate;
