/** Tests of policies that are found for a budget. */
package io.chunkwise.calibrate.budget;
