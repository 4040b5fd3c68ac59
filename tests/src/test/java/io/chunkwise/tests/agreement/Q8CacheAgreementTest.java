package io.chunkwise.tests.agreement;

import org.junit.jupiter.api.Tag;

@Tag("tornado")
class Q8CacheAgreementTest implements PolicyAgreementContract {
    @Override
    public String kv() {
        return "q8";
    }
}
