package io.chunkwise.runner.trace;

import io.chunkwise.model.tokenizer.StreamingDecoder;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.trace.TokenTrace;
import java.util.ArrayList;
import java.util.List;

/** What each token adds to a text. A character that several tokens make up belongs to the last of them. */
public final class TokenTexts {

    private TokenTexts() {
    }

    /** [tokens] whole characters, possibly none; together the decoded text. */
    public static List<String> of(Tokenizer tokenizer, List<TokenTrace> tokens) {
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        List<String> texts = new ArrayList<>(tokens.size());
        for (TokenTrace token : tokens) {
            texts.add(token.id() < tokenizer.vocabSize() ? decoder.add(token.id()) : ""); // padding rows of the embedding have no text
        }
        String rest = decoder.finish();
        if (!rest.isEmpty()) {
            texts.set(texts.size() - 1, texts.getLast() + rest);
        }
        return texts;
    }
}
