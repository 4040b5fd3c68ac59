/** How likely a model finds a given text, token by token. Knows neither files nor terminals. */
package io.chunkwise.score;
