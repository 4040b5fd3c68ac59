package io.chunkwise.model.tokenizer;

import java.util.List;
import java.util.Random;

/** Seeded texts with what tokenizers stumble over: runs of spaces, marks, emoji sequences, rare scripts, controls. */
final class RandomTexts {
    private static final List<String> PARTS = List.of("Hello", " world", "the", " a", "  ", "\n\n", "\t", "123", "4567", "'ll", "I'VE", ".",
            "!?", "é", "e\u0301", "ß", "привет", "你好", "नमस्ते", "🦙", "👨\u200D👩\u200D👧", "🇩🇪", "\u0000", "\u00A0", "<s>", "</s>", "<unk>",
            "\uFFFD", "\u2581", "_", "ĠĊ", "𝔘", "ﷺ", "\u202E", "=", "{}", "x");

    private RandomTexts() {
    }

    static String text(Random random, int parts) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < parts; i++) {
            text.append(PARTS.get(random.nextInt(PARTS.size())));
        }
        return text.toString();
    }

    static String words(Random random, int characters) {
        StringBuilder text = new StringBuilder();
        while (text.length() < characters) {
            for (int i = random.nextInt(9); i >= 0; i--) {
                text.append((char) ('a' + random.nextInt(26)));
            }
            text.append(random.nextInt(12) == 0 ? ".\n" : " ");
        }
        return text.toString();
    }
}
