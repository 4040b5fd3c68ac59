/** Tests of adapters and their files. */
package io.chunkwise.model.adapter;
