/**
 * From the description of the forward pass to tasks: each op becomes a kernel call and its grid in one place, recorded into a
 * task graph or run at once as plain Java. Knows the order of graphs in a pass and how buffers pass between them.
 */
package io.chunkwise.tornado.graph;
