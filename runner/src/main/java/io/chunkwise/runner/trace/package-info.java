/** What the runtime decided about a text, shown: in the terminal as it streams, as a page to look at, as JSON. Decides nothing itself. */
package io.chunkwise.runner.trace;
