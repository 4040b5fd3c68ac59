/** Agreement with numbers that the reference implementations computed; each test says where its numbers come from. */
package io.chunkwise.tests.golden;
