/** The command line from outside: what scripts and people see of each command. */
package io.chunkwise.tests.cli;
