/** What the runtime decided about a sequence, as data: for people to look at and for programs to read. Decides nothing itself. */
package io.chunkwise.trace;
