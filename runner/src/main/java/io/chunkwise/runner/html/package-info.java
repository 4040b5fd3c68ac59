/** Pages that need nothing but a browser: how they are put together and escaped. Knows nothing of what they show. */
package io.chunkwise.runner.html;
