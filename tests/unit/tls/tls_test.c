/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_test.c: client and server through memory: handshakes, resumption, records, ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

static struct tls_options only(enum tls_version version) {
    return (struct tls_options){.version_min = version, .version_max = version};
}

static void say(struct pair *pair, struct end *from, struct end *to, const char *text) {
    assert_true(tls_write(from->stream, span_text(text)));
    pair_run(pair);
    assert_int_equal(to->got.len, strlen(text));
    assert_memory_equal(to->got.at, text, strlen(text));
    to->got.len = 0;
}

static void expect_facts(const struct pair *pair, enum tls_version version, bool resumed) {
    struct tls_facts facts = tls_stream_facts(pair->client.stream);
    assert_int_equal(facts.version, version);
    assert_int_equal(facts.resumed, resumed);
    assert_false(facts.insecure);
    assert_false(err_is(facts.verify));
    assert_non_null(facts.cipher);
    assert_non_null(facts.cert);
    assert_string_equal(facts.cert->sans[0], "a.test");
    tls_facts_drop(&facts);
}

static void meets_and_resumes(enum tls_version version) {
    struct pair pair;
    struct tls_options options = only(version);
    pair_init(&pair, &options, NULL);
    for (int i = 0; i < 5; i++) {
        assert_true(pair_meet(&pair, "a.test"));
        say(&pair, &pair.client, &pair.server, "GET / HTTP/1.1\r\n\r\n");
        say(&pair, &pair.server, &pair.client, "HTTP/1.1 204 No Content\r\n\r\n");
        expect_facts(&pair, version, i > 0);
    }
    pair_deinit(&pair);
}

static void test_tls_1_2(void **state) {
    (void)state;
    meets_and_resumes(TLS_VERSION_1_2);
}

static void test_tls_1_3(void **state) {
    (void)state;
    meets_and_resumes(TLS_VERSION_1_3);
}

static void test_end(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    tls_end(pair.server.stream);
    pair_run(&pair);
    assert_int_equal(pair.client.last, TLS_END);
    pair_deinit(&pair);
}

static void test_wrong_host(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    assert_false(pair_meet(&pair, "b.test"));
    assert_int_equal(pair.client.err.kind, ERR_WRONG_HOST);
    pair_deinit(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_1_2),
        cmocka_unit_test(test_tls_1_3),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_wrong_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
