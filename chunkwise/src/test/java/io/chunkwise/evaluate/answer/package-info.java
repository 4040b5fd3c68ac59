/** Tests of prompts and answers. */
package io.chunkwise.evaluate.answer;
