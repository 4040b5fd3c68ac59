/** Both executors under the same policies: the same decisions, the same text, nearly the same numbers. */
package io.chunkwise.tests.agreement;
