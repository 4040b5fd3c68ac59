package io.chunkwise.runner.html;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.Writer;

/** Text and data as parts of a page, which they can neither end nor become. */
public final class Markup {
    private Markup() {
    }

    /** Text in which characters that move the cursor or turn the direction of writing are shown as what they are: not text. */
    public static String visible(String text) {
        return text.replaceAll("[\\p{Cntrl}\\u202a-\\u202e\\u2066-\\u2069]", "\uFFFD");
    }

    /** The same between tags or in a quoted attribute. */
    public static String escaped(String text) {
        return visible(text).replace("&", "&amp;")
                .replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#39;");
    }

    /** JSON inside a script element; closing it leaves the writer open. */
    public static JsonGenerator data(Writer out) throws IOException {
        JsonFactory factory = new JsonFactory();
        factory.setCharacterEscapes(new ScriptEscapes());
        return factory.createGenerator(out).disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
    }
}
