/**
 * How one chunk's gains become the next one's (arXiv:2601.21109, boundary-safe composer). Knows gains only: no text, chunk or rung.
 */
package io.chunkwise.crossfade;
