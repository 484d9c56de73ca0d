/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_verify_test.c: whom a client trusts, and what it says of others. What needs certificates that tls_mint doesn't make is in
 * tests/e2e.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pair.h"
#include "tls/tls_private.h"

static const enum tls_version versions[] = {TLS_VERSION_1_2, TLS_VERSION_1_3};

/* A client of `options` meets a server of `mint` as `host`; what comes of it, and the sentence about it. */
static enum err_kind meet(struct tls_options options, const struct tls_mint *mint, const char *host,
                          char text[static 300]) {
    struct pair pair;
    struct tls_options server = {.cert_pem = span_text(mint->cert),
                                 .key_pem = span_text(mint->key)};
    pair_init(&pair, &options, &server);
    bool met = pair_meet(&pair, host);
    enum err_kind kind = (enum err_kind)pair.client.err.kind;
    struct tls_facts facts = tls_stream_facts(pair.client.stream);
    assert_int_equal(met, kind == ERR_NONE);
    assert_int_equal(facts.verify.kind, kind);
    assert_int_equal(facts.insecure, options.insecure);
    assert_non_null(facts.cert);
    tls_explain(pair.client.err, &facts, host, text, 300);
    tls_facts_drop(&facts);
    if (!met) {
        assert_int_equal(pair.client.err.stage, STAGE_TLS);
        assert_int_equal(pair.client.tls->sessions.count, 0);
        /* Where something is verified, the server learns that it was refused. */
        if (!options.insecure)
            assert_int_equal(pair.server.err.kind, ERR_TLS_ALERT);
    }
    pair_deinit(&pair);
    return kind;
}

static void expect(enum err_kind kind, struct tls_options options, const struct tls_mint *mint,
                   const char *host, const char *says) {
    for (int i = 0; i < 2; i++) {
        char text[300];
        options.version_min = options.version_max = versions[i];
        assert_string_equal(err_kind_name(meet(options, mint, host, text)), err_kind_name(kind));
        assert_non_null(strstr(text, says));
    }
}

static struct tls_mint mint(int64_t from, int64_t to, bool rsa) {
    static const char *const names[] = {"a.test", NULL};
    struct tls_mint made;
    struct tls_mint_options options = {
        .names = names, .not_before = from, .not_after = to, .rsa = rsa};
    char why[200];
    assert_int_equal(tls_mint_init(&made, &options, why, sizeof why), 0);
    return made;
}

static const struct tls_options defaults;

static void test_hosts(void **state) {
    (void)state;
    const struct tls_mint *good = pair_mint();
    static const char *const mine[] = {"a.test",      "A.TEST",    "a.test.",
                                       "x.wild.test", "127.0.0.1", "::1"};
    static const char *const others[] = {"b.test", "wild.test", "x.y.wild.test", "127.0.0.2",
                                         "::2",    "x.a.test",  "test"};
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        expect(ERR_NONE, defaults, good, mine[i], "");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(ERR_WRONG_HOST, defaults, good, others[i], "but for a.test, *.wild.test");
}

static void test_dates(void **state) {
    (void)state;
    int64_t now = time(NULL), day = 86400;
    struct tls_mint old = mint(now - 20 * day, now - 2 * day, false);
    struct tls_mint young = mint(now + 2 * day, now + 20 * day, false);
    struct tls_options to_old = {.cacert = pair_file("old.pem", old.ca)};
    struct tls_options to_young = {.cacert = pair_file("young.pem", young.ca)};
    struct pair pair;
    (void)pair;
    char why[200];
    struct pool_depot depot;
    struct pool pool;
    struct tls *tls;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    /* The authority may be as old as the certificate: then there is no root. */
    if (tls_open(&tls, &to_old, &pool, why, sizeof why) == 0) {
        tls_close(tls);
        expect(ERR_EXPIRED, to_old, &old, "a.test", "expired on 20");
    }
    if (tls_open(&tls, &to_young, &pool, why, sizeof why) == 0) {
        tls_close(tls);
        expect(ERR_NOT_YET_VALID, to_young, &young, "a.test", "not valid before 20");
    }
    /* Who isn't known at all needn't bother about the date. */
    expect(ERR_UNKNOWN_ISSUER, defaults, &old, "a.test", "issued by ");
    expect(ERR_UNKNOWN_ISSUER, defaults, &young, "b.test", "issued by ");
    tls_mint_deinit(&old);
    tls_mint_deinit(&young);
    pool_depot_deinit(&depot);
}

static void test_rsa(void **state) {
    (void)state;
    struct tls_mint rsa = mint(0, 0, true);
    struct tls_options options = {.cacert = pair_file("rsa.pem", rsa.ca)};
    expect(ERR_NONE, options, &rsa, "a.test", "");
    tls_mint_deinit(&rsa);
}

static void test_insecure(void **state) {
    (void)state;
    struct tls_mint stranger = mint(0, 0, false);
    struct tls_options options = {.insecure = true};
    expect(ERR_UNKNOWN_ISSUER, defaults, &stranger, "a.test", "issued by ");
    expect(ERR_NONE, options, &stranger, "b.test", "");
    tls_mint_deinit(&stranger);
}

/* "sha256//" and the pin of the certificate that pair_mint's server has. */
static const char *pin_of_server(void) {
    static char text[80];
    struct pair pair;
    byte base64[64];
    word32 len = sizeof base64;
    pair_init(&pair, NULL, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    struct tls_facts facts = tls_stream_facts(pair.client.stream);
    assert_int_equal(Base64_Encode_NoNl(facts.cert->key_pin, 32, base64, &len), 0);
    snprintf(text, sizeof text, "sha256//%.*s", (int)len, (char *)base64);
    tls_facts_drop(&facts);
    pair_deinit(&pair);
    return text;
}

static void test_pins(void **state) {
    (void)state;
    static const char other[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    char both[200];
    struct tls_options options = {.pinned = pin_of_server()};
    expect(ERR_NONE, options, pair_mint(), "a.test", "");
    snprintf(both, sizeof both, "%s;%s", other, options.pinned);
    options.pinned = both;
    expect(ERR_NONE, options, pair_mint(), "a.test", "");
    options.pinned = other;
    expect(ERR_PIN_MISMATCH, options, pair_mint(), "a.test", "pinned");
    /* The host is wrong, whatever the pin. */
    expect(ERR_WRONG_HOST, options, pair_mint(), "b.test", "not for b.test");
    options.insecure = true;
    expect(ERR_PIN_MISMATCH, options, pair_mint(), "a.test", "pinned");
    options.pinned = pin_of_server();
    expect(ERR_NONE, options, pair_mint(), "a.test", "");
}

/* A verdict must not depend on whom the thread met before: see tls_chain.c. */
static void test_forgets_intermediates(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    struct tls_roots *roots = &pair.client.tls->roots;
    unsigned count = roots->count;
    roots->count = 0; /* as if the root were an intermediate of another server's */
    pair.client.tls->resumption = false;
    assert_false(pair_meet(&pair, "a.test"));
    assert_int_equal(pair.client.err.kind, ERR_UNKNOWN_ISSUER);
    roots->count = count;
    assert_true(pair_meet(&pair, "a.test"));
    /* And when it has gathered too many of them it begins anew. */
    pair.client.tls->intermediates = TLS_INTERMEDIATES_MAX + 1;
    assert_true(pair_meet(&pair, "a.test"));
    assert_int_equal(pair.client.tls->intermediates, 0);
    pair_deinit(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts), cmocka_unit_test(test_dates),
        cmocka_unit_test(test_rsa),   cmocka_unit_test(test_insecure),
        cmocka_unit_test(test_pins),  cmocka_unit_test(test_forgets_intermediates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
