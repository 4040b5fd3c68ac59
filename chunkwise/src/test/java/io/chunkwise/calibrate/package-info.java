/** Tests of calibration. */
package io.chunkwise.calibrate;
