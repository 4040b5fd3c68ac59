/** Texts of many prompts: a file of them, a result for each, and what they took together. Knows neither files of results nor terminals. */
package io.chunkwise.evaluate.batch;
