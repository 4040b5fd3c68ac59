package io.chunkwise.tests.agreement;

import org.junit.jupiter.api.Tag;

@Tag("tornado")
class AdaptiveCacheAgreementTest implements PolicyAgreementContract {
    @Override
    public String kv() {
        return "adaptive";
    }
}
