/** What a model says to a prompt that is made from a template, greedily and up to the end of the line. Knows no data set. */
package io.chunkwise.evaluate.answer;
