/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_mint_test.c: throw-away certificates, as this room's own reader sees them, and as `openssl` does where it is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tls/tls.h"
#include "tls/tls_mint.h"

static char directory[32];

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The description of the only certificate in the text. */
static struct tls_cert *cert_of(const char *pem) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n",
                      end[] = "-----END CERTIFICATE-----\n";
    size_t len = 0, lines = 0, column = 0;
    uint8_t *der = malloc(strlen(pem));
    unsigned bits = 0, value = 0;
    struct err err;
    assert_non_null(der);
    assert_memory_equal(pem, begin, sizeof begin - 1);
    const char *at = pem + sizeof begin - 1;
    for (; *at != '-'; at++, column++) {
        if (*at == '\n') {
            assert_true(column <= 64);
            column = SIZE_MAX;
            lines++;
        } else if (*at != '=') {
            assert_true(base64_digit(*at) >= 0);
            value = value << 6 | (unsigned)base64_digit(*at);
            if ((bits += 6) >= 8)
                der[len++] = (uint8_t)(value >> (bits -= 8));
        }
    }
    assert_string_equal(at, end);
    assert_true(lines > 3);
    struct tls_cert *cert = tls_cert_new(span_of(der, len), &err);
    free(der);
    assert_non_null(cert);
    return cert;
}

static struct tls_mint mint_of(const struct tls_mint_options *options) {
    char why[200] = "";
    struct tls_mint mint;
    if (tls_mint_init(&mint, options, why, sizeof why) != 0)
        fail_msg("%s", why);
    return mint;
}

static char *path_of(const char *name) {
    static char paths[4][64];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool has_openssl(void) {
    return system("openssl version >/dev/null 2>&1") == 0;
}

/* Whether the shell's command, with the folder as its $D, ends with 0. */
static bool shell_says(const char *command) {
    char line[512];
    snprintf(line, sizeof line, "D=%s; { %s; } >/dev/null 2>&1", directory, command);
    return system(line) == 0;
}

static void check_with_openssl(const struct tls_mint *mint) {
    if (!has_openssl())
        skip();
    write_file("ca", mint->ca);
    write_file("cert", mint->cert);
    write_file("key", mint->key);
    assert_true(shell_says("openssl verify -x509_strict -purpose sslserver -verify_depth 0 "
                           "-CAfile $D/ca $D/cert"));
    assert_true(shell_says("openssl verify -x509_strict -CAfile $D/ca $D/ca"));
    assert_false(shell_says("openssl verify -x509_strict -CAfile $D/cert $D/cert"));
    assert_true(shell_says("openssl x509 -in $D/ca -noout -text | grep 'CA:TRUE, pathlen:0'"));
    assert_true(shell_says("openssl x509 -in $D/cert -noout -text | grep 'TLS Web Server'"));
    assert_false(shell_says("openssl x509 -in $D/cert -noout -text | grep '(Negative)'"));
    assert_true(shell_says("openssl pkey -in $D/key -check -noout"));
    assert_true(shell_says("test \"$(openssl x509 -in $D/cert -noout -pubkey)\" = "
                           "\"$(openssl pkey -in $D/key -pubout)\""));
}

static void test_defaults(void **state) {
    (void)state;
    int64_t now = time(NULL);
    struct tls_mint mint = mint_of(&(struct tls_mint_options){0});
    struct tls_cert *ca = cert_of(mint.ca), *cert = cert_of(mint.cert);
    assert_true(ca->self_signed && !cert->self_signed);
    assert_memory_equal(ca->subject, "CN=ringfetch throw-away CA ", 27);
    assert_int_equal(strlen(ca->subject), 27 + 8);
    assert_string_equal(cert->issuer, ca->subject);
    assert_true(cert->not_before >= now - 3600 && cert->not_before <= time(NULL) - 3600);
    assert_int_equal(cert->not_after - cert->not_before, 30 * 86400 + 3600);
    assert_true(tls_cert_is_for(cert, span_text("localhost")));
    assert_true(tls_cert_is_for(cert, span_text("127.0.0.1")));
    assert_true(tls_cert_is_for(cert, span_text("::1")));
    assert_memory_equal(mint.key, "-----BEGIN EC PRIVATE KEY-----\n", 31);
    tls_cert_drop(ca);
    tls_cert_drop(cert);
    check_with_openssl(&mint);
    tls_mint_deinit(&mint);
    assert_null(mint.ca);
    tls_mint_deinit(&mint);
}

static void test_names(void **state) {
    static const char *const names[] = {"a.example", "*.b.example", "192.0.2.7", "2001:db8::1",
                                        NULL};
    (void)state;
    struct tls_mint mint = mint_of(&(struct tls_mint_options){.names = names});
    struct tls_cert *cert = cert_of(mint.cert);
    assert_int_equal(cert->san_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(cert->sans[i], names[i]);
        assert_int_equal(cert->san_kinds[i], i < 2 ? TLS_SAN_DNS : TLS_SAN_IP);
    }
    tls_cert_drop(cert);
    check_with_openssl(&mint);
    tls_mint_deinit(&mint);
}

static void test_no_two_are_alike(void **state) {
    (void)state;
    struct tls_mint one = mint_of(&(struct tls_mint_options){0});
    struct tls_mint two = mint_of(&(struct tls_mint_options){0});
    struct tls_cert *first = cert_of(one.ca), *second = cert_of(two.ca);
    assert_string_not_equal(first->subject, second->subject);
    assert_memory_not_equal(first->key_pin, second->key_pin, sizeof first->key_pin);
    assert_string_not_equal(one.key, two.key);
    tls_cert_drop(first);
    tls_cert_drop(second);
    tls_mint_deinit(&one);
    tls_mint_deinit(&two);
}

/* The authority stays valid: what has expired is the server's certificate alone. */
static void test_dates(void **state) {
    (void)state;
    int64_t now = time(NULL);
    struct tls_mint mint =
        mint_of(&(struct tls_mint_options){.not_before = 1000000000, .not_after = 1000086400});
    struct tls_cert *ca = cert_of(mint.ca), *cert = cert_of(mint.cert);
    assert_int_equal(cert->not_before, 1000000000);
    assert_int_equal(cert->not_after, 1000086400);
    assert_int_equal(ca->not_before, 1000000000);
    assert_true(ca->not_after > now + 29 * 86400);
    tls_cert_drop(ca);
    tls_cert_drop(cert);
    tls_mint_deinit(&mint);
}

static void test_rsa(void **state) {
    static const char *const names[] = {"rsa.example", NULL};
    (void)state;
    struct tls_mint mint = mint_of(&(struct tls_mint_options){.names = names, .rsa = true});
    assert_memory_equal(mint.key, "-----BEGIN RSA PRIVATE KEY-----\n", 32);
    struct tls_cert *cert = cert_of(mint.cert);
    assert_true(tls_cert_is_for(cert, span_text("rsa.example")));
    tls_cert_drop(cert);
    check_with_openssl(&mint);
    tls_mint_deinit(&mint);
}

static void test_three_thousand_names(void **state) {
    static char texts[3000][32];
    static const char *names[3001];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(texts[i], sizeof texts[i], "h%d.many.example", i);
        names[i] = texts[i];
    }
    struct tls_mint mint = mint_of(&(struct tls_mint_options){.names = names});
    struct tls_cert *cert = cert_of(mint.cert);
    assert_int_equal(cert->san_count, 3000);
    for (int i = 0; i < 3000; i++)
        assert_string_equal(cert->sans[i], names[i]);
    tls_cert_drop(cert);
    check_with_openssl(&mint);
    tls_mint_deinit(&mint);
}

static void check_refused(const struct tls_mint_options *options, const char *expected) {
    char why[200] = "";
    struct tls_mint mint;
    assert_true(tls_mint_init(&mint, options, why, sizeof why) < 0);
    assert_non_null(strstr(why, expected));
    assert_null(mint.ca);
    assert_null(mint.cert);
    assert_null(mint.key);
}

static void test_refused(void **state) {
    static const char *const bad[] = {"",      "a b.example", "*",    "*.",
                                      "a.*.b", "[::1]",       "a\nb", "pr\xc3\xb8ve.no"};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const names[] = {"a.example", bad[i], NULL};
        check_refused(&(struct tls_mint_options){.names = names}, "neither a DNS name nor");
    }
    check_refused(&(struct tls_mint_options){.not_after = 253402300800}, "1950 to 9999");
    check_refused(&(struct tls_mint_options){.not_before = -631152001}, "1950 to 9999");
}

/* One allocation after the other fails: refused, with nothing left behind, until none fails any more. */
static void test_no_memory(void **state) {
    int64_t live = tls_memory().live_bytes;
    unsigned countdown = 0;
    (void)state;
    for (int minted = -1; minted < 0;) {
        char why[200] = "";
        struct tls_mint mint;
        assert_true(++countdown < 1000);
        tls_memory_fail(countdown, false);
        minted = tls_mint_init(&mint, &(struct tls_mint_options){0}, why, sizeof why);
        tls_memory_fail(0, false);
        assert_true(minted == 0 || why[0]);
        assert_true(minted == 0 || !mint.key);
        tls_mint_deinit(&mint);
        assert_int_equal(tls_memory().live_bytes, live);
    }
    assert_true(countdown > 5);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk) {
    (void)stat;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int make_directory(void **state) {
    (void)state;
    strcpy(directory, "/tmp/rf-mint-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
    (void)state;
    return nftw(directory, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_two_are_alike),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_rsa),
        cmocka_unit_test(test_three_thousand_names),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
