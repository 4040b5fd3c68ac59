package io.chunkwise.evaluate.ablation;

import io.chunkwise.evaluate.Evaluation;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.perplexity.PerplexityEvaluation;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.schedule.PolicyTrials;
import java.util.ArrayList;
import java.util.List;

/** Scores every window of a text under every variant, one variant after the other on the same open executor. */
public final class AblationEvaluation implements Evaluation<AblationWindow, AblationRow> {
    private final List<Item<TextWindow>> windows;
    private final PolicyTrials trials;
    private final List<Item<AblationWindow>> items = new ArrayList<>();
    private AblationVariant variant; // null: nothing evaluated yet
    private PerplexityEvaluation evaluation; // of the variant

    /** @param windows of a {@link io.chunkwise.evaluate.perplexity.PerplexityRecipe} */
    public AblationEvaluation(List<AblationVariant> variants, List<Item<TextWindow>> windows, PolicyTrials trials) {
        this.windows = List.copyOf(windows);
        this.trials = trials;
        for (int place = 0; place < variants.size(); place++) {
            AblationVariant each = variants.get(place);
            for (int number = 0; number < windows.size(); number++) {
                Item<TextWindow> window = windows.get(number);
                items.add(new Item<>(each.experiment().word() + "/" + each.name() + "/" + window.id(),
                        new AblationWindow(place, each, number, window.content())));
            }
        }
    }

    @Override
    public List<Item<AblationWindow>> items() {
        return List.copyOf(items);
    }

    /** Reads a window whose result does not count: the first ones of a run take longer, until their code is compiled. */
    public void warmUp() {
        Item<AblationWindow> first = items.getFirst();
        evaluate(first);
    }

    /** @throws IllegalArgumentException if the window is longer than the context */
    @Override
    public AblationRow evaluate(Item<AblationWindow> item) {
        AblationWindow at = item.content();
        if (at.variant() != variant) {
            variant = at.variant();
            evaluation = new PerplexityEvaluation(windows, trials.scheduler(variant.policy(), variant.kv()));
        }
        return new AblationRow(at.place(), variant.experiment().word(), variant.name(), variant.reference().orElse(null),
                variant.description(), variant.policy().rungs().word(), !variant.policy().estimates(), variant.kv().word(), at.number(),
                evaluation.evaluate(windows.get(at.number())));
    }
}
