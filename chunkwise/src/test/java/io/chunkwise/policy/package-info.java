/** Tests of policies and their files. */
package io.chunkwise.policy;
