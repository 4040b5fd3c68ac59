/** Tests of percentiles and chunks. */
package io.chunkwise.chunking;
