/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_options_test.c: options that are refused, and with what words; roots; SSLKEYLOGFILE; names for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

static struct pool_depot depot;
static struct pool pool;

static int set_up(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(pool.live_bytes, 0);
    pool_depot_deinit(&depot);
    return 0;
}

static void refuses(struct tls_options options, const char *says) {
    struct tls *tls;
    char why[300] = "";
    assert_int_equal(tls_open(&tls, &options, &pool, why, sizeof why), -1);
    assert_null(tls);
    if (!strstr(why, says))
        fail_msg("'%s' doesn't say '%s'", why, says);
    assert_null(strchr(why, '\n'));
}

static void test_refused(void **state) {
    (void)state;
    const char *ca = pair_ca_file();
    const char *key = pair_file("key.pem", pair_mint()->key);
    const char *cert = pair_file("cert.pem", pair_mint()->cert);
    const char *empty = pair_file("empty.pem", "");
    const char *locked = pair_file("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                                 "-----END ENCRYPTED PRIVATE KEY-----\n");
    struct tls_mint other;
    char why[100];
    assert_int_equal(tls_mint_init(&other, &(struct tls_mint_options){0}, why, sizeof why), 0);
    const char *others_key = pair_file("other.pem", other.key);
    refuses((struct tls_options){.cacert = "/nonexistent.pem"}, "/nonexistent.pem: No such file");
    refuses((struct tls_options){.capath = "/nonexistent"}, "/nonexistent: No such file");
    refuses((struct tls_options){.cacert = empty}, "empty.pem: holds no certificate");
    refuses((struct tls_options){.cacert = key}, "key.pem: holds no certificate");
    refuses((struct tls_options){.cert = "/nonexistent.pem"}, "/nonexistent.pem: No such file");
    refuses((struct tls_options){.cert = cert, .key = "/nonexistent.pem"}, "No such file");
    refuses((struct tls_options){.cert = empty, .key = key}, "empty.pem: holds no certificate");
    refuses((struct tls_options){.cert = cert, .key = empty}, "empty.pem: holds no private key");
    refuses((struct tls_options){.cert = cert, .key = locked}, "encrypted");
    if (!tls_library_is_slow()) /* that one doesn't compare EC keys */
        refuses((struct tls_options){.cert = cert, .key = others_key}, "not the key of");
    refuses((struct tls_options){.key = key}, "without a certificate");
    refuses((struct tls_options){.server = true}, "needs a certificate");
    refuses((struct tls_options){.cacert = ca, .ciphers = "AES128-NONSENSE"}, "'AES128-NONSENSE'");
    refuses((struct tls_options){.cacert = ca, .ciphers = ":"}, "names none");
    refuses(
        (struct tls_options){.ciphers = "TLS_AES_128_GCM_SHA256", .version_max = TLS_VERSION_1_2},
        "none of them is for TLS 1.2");
    refuses((struct tls_options){.ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
                                 .version_min = TLS_VERSION_1_3},
            "none of them is for TLS 1.3");
    refuses((struct tls_options){.version_min = TLS_VERSION_1_3, .version_max = TLS_VERSION_1_2},
            "the lowest TLS version (1.3)");
    refuses((struct tls_options){.pinned = "sha256//AAAA"}, "'sha256//AAAA'");
    refuses((struct tls_options){.pinned = "sha256//?"}, "base64");
    refuses((struct tls_options){.pinned = "/nonexistent.pem"}, "/nonexistent.pem: No such file");
    refuses((struct tls_options){.pinned = empty}, "no public key");
    refuses((struct tls_options){.pinned = cert}, "no public key");
#ifdef HAVE_SECRET_CALLBACK
    refuses((struct tls_options){.keylog = "/nonexistent/log"}, "/nonexistent/log: No such file");
#else
    refuses((struct tls_options){.keylog = "/nonexistent/log"}, "SSLKEYLOGFILE");
#endif
    refuses((struct tls_options){.alpn = "a-protocol-name-too-long"}, "ALPN");
    tls_mint_deinit(&other);
}

/* Of several certificates in a file one is not one. */
static void test_bad_certificate_in_bundle(void **state) {
    (void)state;
    char text[8192];
    struct pair pair;
    snprintf(text, sizeof text,
             "some words\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n%s\nmore",
             pair_mint()->ca);
    struct tls_options options = {.cacert = pair_file("bundle.pem", text)};
    pair_init(&pair, &options, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    pair_deinit(&pair);
}

static void test_roots_of_environment(void **state) {
    (void)state;
    struct tls *tls;
    struct tls_options options = {0};
    struct err err;
    char why[100];
    unsetenv("SSL_CERT_DIR");
    setenv("SSL_CERT_FILE", "/nonexistent.pem", 1);
    assert_int_equal(tls_open(&tls, &options, &pool, why, sizeof why), 0);
    assert_null(tls_stream_open(tls, span_text("a.test"), 443, &err));
    assert_int_equal(err.kind, ERR_NO_ROOTS);
    assert_int_equal(err.stage, STAGE_TLS);
    setenv("SSL_CERT_FILE", pair_ca_file(), 1);
    struct tls_stream *stream = tls_stream_open(tls, span_text("a.test"), 443, &err);
    assert_non_null(stream);
    tls_stream_close(stream);
    unsetenv("SSL_CERT_FILE");
    tls_close(tls);
}

static bool is_hex(const char *text, size_t count) {
    return strspn(text, "0123456789abcdef") >= count;
}

static unsigned count_lines(const char *path, const char *label) {
    char line[400];
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        size_t len = strlen(label);
        char *space = strchr(line, ' ');
        assert_non_null(space);
        assert_true(is_hex(space + 1, 64));
        assert_int_equal(space[65], ' ');
        size_t secret = strspn(space + 66, "0123456789abcdef");
        assert_true(secret == 64 || secret == 96);
        assert_int_equal(space[66 + secret], '\n');
        count += strncmp(line, label, len) == 0 && line[len] == ' ';
    }
    fclose(file);
    return count;
}

static void test_keylog(void **state) {
    (void)state;
    struct pair pair;
    const char *path = pair_file("keylog", "");
    struct tls_options options = {.keylog = path};
#ifndef HAVE_SECRET_CALLBACK
    skip();
#endif
    pair_init(&pair, &options, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    assert_true(pair_meet(&pair, "a.test"));
    pair_deinit(&pair);
    assert_int_equal(count_lines(path, "CLIENT_HANDSHAKE_TRAFFIC_SECRET"), 2);
    assert_int_equal(count_lines(path, "SERVER_HANDSHAKE_TRAFFIC_SECRET"), 2);
    assert_int_equal(count_lines(path, "CLIENT_TRAFFIC_SECRET_0"), 2);
    assert_int_equal(count_lines(path, "SERVER_TRAFFIC_SECRET_0"), 2);
#ifdef RINGFETCH_MASTER_SECRET_CAN_BE_READ
    options.version_max = TLS_VERSION_1_2;
    pair_init(&pair, &options, NULL);
    assert_true(pair_meet(&pair, "a.test"));
    assert_true(pair_meet(&pair, "a.test"));
    pair_deinit(&pair);
    assert_int_equal(count_lines(path, "CLIENT_RANDOM"), 2);
#endif
}

static void test_names(void **state) {
    (void)state;
    char text[300], tiny[8];
    struct err err = err_make(STAGE_TLS, ERR_TLS_ALERT, 48);
    assert_string_equal(tls_alert_name(48), "unknown_ca");
    assert_string_equal(tls_alert_name(255), "");
    assert_string_equal(tls_version_name(TLS_VERSION_1_2), "1.2");
    assert_null(tls_version_name(TLS_VERSION_NONE));
    assert_string_equal(tls_explain(err, NULL, "a", text, sizeof text),
                        "the peer ended TLS with the alert unknown_ca (48)");
    assert_string_equal(tls_explain(err, NULL, "a", tiny, sizeof tiny), "the pee");
    assert_string_equal(strchr(tls_library(), ','), strpbrk(tls_library(), ", ")); /* a version */
    assert_non_null(tls_library_source());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test(test_bad_certificate_in_bundle),
        cmocka_unit_test_setup_teardown(test_roots_of_environment, set_up, tear_down),
        cmocka_unit_test(test_keylog),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
