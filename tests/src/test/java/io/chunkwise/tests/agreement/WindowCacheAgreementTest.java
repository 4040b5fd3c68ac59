package io.chunkwise.tests.agreement;

import org.junit.jupiter.api.Tag;

@Tag("tornado")
class WindowCacheAgreementTest implements PolicyAgreementContract {
    @Override
    public String kv() {
        return "window:64";
    }
}
