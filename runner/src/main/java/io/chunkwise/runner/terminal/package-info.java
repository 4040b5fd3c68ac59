/** Standard streams, whether people sit behind them, and progress bars. */
package io.chunkwise.runner.terminal;
