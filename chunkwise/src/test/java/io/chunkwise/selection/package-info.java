/** Tests of rungs and their budget. */
package io.chunkwise.selection;
