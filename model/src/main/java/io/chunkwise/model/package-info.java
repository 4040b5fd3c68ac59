/** What every module shares: {@link io.chunkwise.model.Progress}. The packages below hold formats, model and executors. */
package io.chunkwise.model;
