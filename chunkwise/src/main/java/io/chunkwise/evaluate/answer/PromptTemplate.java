package io.chunkwise.evaluate.answer;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A text with places for others: {@code {question}}. Other braces are text.
 *
 * @param places names that are replaced
 */
public record PromptTemplate(String text, List<String> places) {

    public PromptTemplate {
        places = List.copyOf(places);
    }

    /**
     * @param required places that the text must have
     * @throws IllegalArgumentException naming one that it lacks
     */
    public static PromptTemplate of(String text, String... required) {
        for (String place : required) {
            if (!text.contains("{" + place + "}")) {
                throw new IllegalArgumentException("the template has no {" + place + "}");
            }
        }
        return new PromptTemplate(text, Arrays.asList(required));
    }

    /** The text with every place replaced; what comes in is not looked at again. */
    public String fill(Map<String, String> values) {
        Pattern place = Pattern.compile(places.stream().map(name -> Pattern.quote("{" + name + "}")).collect(Collectors.joining("|")));
        return place.matcher(text).replaceAll(found -> Matcher.quoteReplacement(values.get(found.group().substring(1, found.end()
                - found.start() - 1))));
    }
}
