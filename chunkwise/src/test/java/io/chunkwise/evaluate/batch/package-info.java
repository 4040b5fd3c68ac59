/** Tests of prompts in files. */
package io.chunkwise.evaluate.batch;
