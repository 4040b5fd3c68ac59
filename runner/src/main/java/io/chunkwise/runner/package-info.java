/** The {@code chunkwise} program: one class per command. Everything that a person at a terminal or a script sees is decided here. */
package io.chunkwise.runner;
