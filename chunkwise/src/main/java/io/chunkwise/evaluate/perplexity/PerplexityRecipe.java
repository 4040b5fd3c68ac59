package io.chunkwise.evaluate.perplexity;

import io.chunkwise.evaluate.Item;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/** How a text is cut into windows, and which of their ids count. Figures of two recipes do not compare. */
public sealed interface PerplexityRecipe {

    /** As the command line and results call it. */
    String word();

    /** Ids in a window. */
    int windowTokens();

    /**
     * The windows of a text.
     *
     * @param ids with the special tokens that the model expects around a text, BOS once at the start
     * @param bos of the model, if it has one
     * @return windows in the order of the text; their ids are their numbers
     * @throws IllegalArgumentException if the text is too short for the recipe
     */
    List<Item<TextWindow>> windows(int[] ids, OptionalInt bos);

    /**
     * The recipe of the perplexity guide in Hugging Face's documentation: windows of N ids begin every S ids, and each counts the ids that
     * no window before it had, except the very first id of a window. With S = N they do not overlap, and every window's first id goes
     * unscored; with S &lt; N only the text's first id does. What is left at the end is a shorter window.
     */
    record Strided(int windowTokens, int stride) implements PerplexityRecipe {

        public Strided {
            if (windowTokens < 2) {
                throw new IllegalArgumentException("a window of " + windowTokens
                        + " tokens: expected 2 or more, for its first is not scored");
            }
            if (stride < 1 || stride > windowTokens) {
                throw new IllegalArgumentException("a stride of " + stride + " tokens: expected 1 to the window's " + windowTokens
                        + ", for a longer one skips text");
            }
        }

        @Override
        public String word() {
            return "strided";
        }

        @Override
        public List<Item<TextWindow>> windows(int[] ids, OptionalInt bos) {
            List<Item<TextWindow>> windows = new ArrayList<>();
            int before = 0; // end of the window before
            for (int begin = 0; before < ids.length; begin += stride) {
                int end = (int) Math.min(ids.length, (long) begin + windowTokens);
                int first = Math.max(1, before - begin);
                if (first < end - begin) { // else a last window of one id
                    windows.add(new Item<>(Integer.toString(windows.size()), new TextWindow(Arrays.copyOfRange(ids, begin, end), first)));
                }
                before = end;
            }
            if (windows.isEmpty()) {
                throw new IllegalArgumentException("the text has " + ids.length + " tokens, too few to score one");
            }
            return windows;
        }
    }

    /**
     * The recipe of llama.cpp's perplexity tool: chunks of N ids without overlap, the first id of each replaced by BOS where the model has
     * one; of each chunk only the ids behind its middle count, N − N/2 − 1 of them. What is left at the end is not read.
     */
    record LlamaCpp(int windowTokens) implements PerplexityRecipe {

        public LlamaCpp {
            if (windowTokens < 4) {
                throw new IllegalArgumentException("a window of " + windowTokens
                        + " tokens: expected 4 or more, for half of it is not scored");
            }
        }

        @Override
        public String word() {
            return "llama.cpp";
        }

        @Override
        public List<Item<TextWindow>> windows(int[] ids, OptionalInt bos) {
            if (ids.length / 2 < windowTokens) {
                throw new IllegalArgumentException("the text has " + ids.length + " tokens, but llama.cpp's recipe takes two windows of "
                        + windowTokens + " at least; use a smaller window");
            }
            List<Item<TextWindow>> windows = new ArrayList<>();
            for (int window = 0; window < ids.length / windowTokens; window++) {
                int[] tokens = Arrays.copyOfRange(ids, window * windowTokens, (window + 1) * windowTokens);
                bos.ifPresent(id -> tokens[0] = id);
                windows.add(new Item<>(Integer.toString(window), new TextWindow(tokens, windowTokens / 2 + 1)));
            }
            return windows;
        }
    }
}
