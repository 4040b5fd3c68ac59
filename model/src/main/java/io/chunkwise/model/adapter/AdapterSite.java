package io.chunkwise.model.adapter;

import io.chunkwise.model.forward.WeightRole;

/**
 * A projection of the model that an adapter attaches to.
 *
 * @param role one of {@link WeightRole#ADAPTABLE}
 */
public record AdapterSite(int layer, WeightRole role) {
    public AdapterSite {
        if (!WeightRole.ADAPTABLE.contains(role)) {
            throw new IllegalArgumentException(role + " is not a projection that an adapter can attach to");
        }
    }
}
