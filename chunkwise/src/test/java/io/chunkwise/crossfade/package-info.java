/** Tests of cross-fades. */
package io.chunkwise.crossfade;
