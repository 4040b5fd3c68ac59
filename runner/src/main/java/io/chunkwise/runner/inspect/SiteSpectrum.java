package io.chunkwise.runner.inspect;

import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.llama.LlamaTensorNames;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How strong the components of an adapter are at one site, or on average over the sites of one kind.
 *
 * @param module "3.self_attn.q_proj", or "self_attn.q_proj" over all layers
 * @param sites  how many sites this speaks of
 * @param sigmas [rank] singular values of the scaled update, descending; root mean square where there are several sites
 */
public record SiteSpectrum(String module, int sites, int inputs, int outputs, float[] sigmas) {
    /** The numbers of leading components whose share of the energy is shown. */
    public static final List<Integer> SHOWN_RANKS = List.of(1, 2, 4, 8, 16);
    private static final String PREFIX = "model.layers.";

    /** One per site, in the order of the forward pass. */
    public static List<SiteSpectrum> of(RankLadder ladder) {
        List<SiteSpectrum> spectra = new ArrayList<>();
        ladder.sites().forEach((at, site) -> spectra.add(
                new SiteSpectrum(module(at), 1, site.pair().inputs(), site.pair().outputs(), site.sigmas())));
        return spectra;
    }

    /** "3.self_attn.q_proj". */
    static String module(AdapterSite at) {
        return LlamaTensorNames.huggingFaceModule(at.role(), at.layer()).substring(PREFIX.length());
    }

    /** One per kind of projection, over all layers. */
    public static List<SiteSpectrum> byKind(List<SiteSpectrum> spectra) {
        Map<String, List<SiteSpectrum>> kinds = new LinkedHashMap<>();
        for (SiteSpectrum spectrum : spectra) {
            kinds.computeIfAbsent(spectrum.module().substring(spectrum.module().indexOf('.') + 1), _ -> new ArrayList<>()).add(spectrum);
        }
        return kinds.entrySet().stream().map(kind -> mean(kind.getKey(), kind.getValue())).toList();
    }

    /** All of them as one. */
    public static SiteSpectrum mean(String module, List<SiteSpectrum> spectra) {
        int rank = spectra.stream().mapToInt(spectrum -> spectrum.sigmas().length).max().orElse(0);
        float[] sigmas = new float[rank];
        for (int k = 0; k < rank; k++) {
            double sum = 0;
            for (SiteSpectrum spectrum : spectra) {
                sum += k < spectrum.sigmas().length ? (double) spectrum.sigmas()[k] * spectrum.sigmas()[k] : 0;
            }
            sigmas[k] = (float) Math.sqrt(sum / spectra.size());
        }
        return new SiteSpectrum(module, spectra.size(), spectra.getFirst().inputs(), spectra.getFirst().outputs(), sigmas);
    }

    public int rank() {
        return sigmas.length;
    }

    /** Share of the energy (sum of squared singular values) in the leading components; 1 where the update is zero. */
    public double energy(int components) {
        double leading = 0;
        double all = 0;
        for (int k = 0; k < sigmas.length; k++) {
            double energy = (double) sigmas[k] * sigmas[k];
            all += energy;
            leading += k < components ? energy : 0;
        }
        return all == 0 ? 1 : leading / all;
    }
}
