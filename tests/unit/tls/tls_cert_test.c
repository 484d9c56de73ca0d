/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_cert_test.c: certificates described, from a real one to malformed ones, and the hosts that they are for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "cert_make.h"
#include "guard.h"
#include "tls/tls.h"

/* Made with OpenSSL, whose dates and digests the test below expects. */
static const char REAL[] = "\x30\x82\x02\x6c\x30\x82\x02\x13\xa0\x03\x02\x01\x02\x02\x01\x07\x30"
                           "\x0a\x06\x08\x2a\x86\x48\xce"
                           "\x3d\x04\x03\x02\x30\x77\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02"
                           "\x4e\x4f\x31\x0d\x30\x0b\x06"
                           "\x03\x55\x04\x08\x0c\x04\x4f\x73\x6c\x6f\x31\x13\x30\x11\x06\x03\x55"
                           "\x04\x0a\x0c\x0a\x50\x72\xc3"
                           "\xb8\x76\x65\x2c\x20\x41\x53\x31\x10\x30\x0e\x06\x03\x55\x04\x0b\x0c"
                           "\x07\x6f\x6e\x65\x2b\x74\x77"
                           "\x6f\x31\x14\x30\x12\x06\x03\x55\x04\x03\x0c\x0b\x65\x78\x61\x6d\x70"
                           "\x6c\x65\x2e\x6f\x72\x67\x31"
                           "\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01\x16\x0d\x61"
                           "\x40\x65\x78\x61\x6d\x70\x6c"
                           "\x65\x2e\x6f\x72\x67\x30\x1e\x17\x0d\x32\x36\x31\x31\x32\x31\x30\x35"
                           "\x33\x30\x34\x36\x5a\x17\x0d"
                           "\x33\x36\x31\x31\x31\x38\x30\x35\x33\x30\x34\x36\x5a\x30\x77\x31\x0b"
                           "\x30\x09\x06\x03\x55\x04\x06"
                           "\x13\x02\x4e\x4f\x31\x0d\x30\x0b\x06\x03\x55\x04\x08\x0c\x04\x4f\x73"
                           "\x6c\x6f\x31\x13\x30\x11\x06"
                           "\x03\x55\x04\x0a\x0c\x0a\x50\x72\xc3\xb8\x76\x65\x2c\x20\x41\x53\x31"
                           "\x10\x30\x0e\x06\x03\x55\x04"
                           "\x0b\x0c\x07\x6f\x6e\x65\x2b\x74\x77\x6f\x31\x14\x30\x12\x06\x03\x55"
                           "\x04\x03\x0c\x0b\x65\x78\x61"
                           "\x6d\x70\x6c\x65\x2e\x6f\x72\x67\x31\x1c\x30\x1a\x06\x09\x2a\x86\x48"
                           "\x86\xf7\x0d\x01\x09\x01\x16"
                           "\x0d\x61\x40\x65\x78\x61\x6d\x70\x6c\x65\x2e\x6f\x72\x67\x30\x59\x30"
                           "\x13\x06\x07\x2a\x86\x48\xce"
                           "\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04"
                           "\x10\x1d\x2d\x9d\x66\xaa\x19"
                           "\x47\x85\x54\x13\x9b\xb6\xc4\x34\xe6\xa9\x9b\x46\xf1\x6c\x53\x84\xc2"
                           "\xe4\xeb\x24\xb3\x01\x46\x76"
                           "\x95\x98\xde\x80\x6e\xe7\x05\x9b\x38\xd1\xb5\x30\x25\x96\x5f\x29\x0e"
                           "\xb6\xfd\x99\x1d\xcd\x91\x64"
                           "\x0a\xb5\x06\xd4\x49\x5e\x5b\xab\x7f\xa3\x81\x8f\x30\x81\x8c\x30\x09"
                           "\x06\x03\x55\x1d\x13\x04\x02"
                           "\x30\x00\x30\x60\x06\x03\x55\x1d\x11\x04\x59\x30\x57\x82\x0b\x65\x78"
                           "\x61\x6d\x70\x6c\x65\x2e\x6f"
                           "\x72\x67\x82\x0b\x2a\x2e\x61\x2e\x65\x78\x61\x6d\x70\x6c\x65\x81\x0d"
                           "\x78\x40\x65\x78\x61\x6d\x70"
                           "\x6c\x65\x2e\x6f\x72\x67\x87\x04\xc0\x00\x02\x07\x87\x10\x20\x01\x0d"
                           "\xb8\x00\x00\x00\x00\x00\x00"
                           "\x00\x00\x00\x00\x00\x01\x86\x14\x68\x74\x74\x70\x73\x3a\x2f\x2f\x65"
                           "\x78\x61\x6d\x70\x6c\x65\x2e"
                           "\x6f\x72\x67\x2f\x30\x1d\x06\x03\x55\x1d\x0e\x04\x16\x04\x14\x33\xb9"
                           "\xa5\xe0\x3e\x06\x45\xb3\xb8"
                           "\x6c\x95\x5e\xe6\x4c\xbd\xaf\x5c\x71\x49\xd5\x30\x0a\x06\x08\x2a\x86"
                           "\x48\xce\x3d\x04\x03\x02\x03"
                           "\x47\x00\x30\x44\x02\x20\x5e\x83\x14\xd6\x2d\x36\xa4\xd7\x69\x9f\x04"
                           "\x07\x7e\xcd\xc2\x7f\xb8\x19"
                           "\xf3\x52\x6c\x12\xb1\x4f\x3a\xdd\xd6\x12\x97\x7e\x13\x02\x02\x20\x2e"
                           "\x01\x7e\xdf\x3d\xe6\x59\xd4"
                           "\x58\xce\xc8\xfe\xda\x44\x8d\xda\xe2\x71\x04\x25\xfc\x3e\xca\x23\x2c"
                           "\x76\x41\xe5\x7c\xc0\x04\xef";

static struct tls_cert *cert_of(struct span der) {
    struct err err = {0};
    struct tls_cert *cert = tls_cert_new(span_of(guard_copy(der.at, der.len), der.len), &err);
    assert_int_equal(err.kind, cert ? ERR_NONE : ERR_BAD_CERTIFICATE);
    assert_int_equal(err.stage, cert ? STAGE_NONE : STAGE_TLS);
    return cert;
}

static void hex_is(const uint8_t *bytes, const char *expected) {
    char hex[65];
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(hex, expected);
}

static void test_real(void **state) {
    (void)state;
    struct tls_cert *cert = cert_of(span_of(REAL, sizeof REAL - 1));
    assert_non_null(cert);
    assert_string_equal(cert->subject, "emailAddress=a@example.org, CN=example.org, OU=one\\+two, "
                                       "O=Pr\xc3\xb8ve\\, AS, ST=Oslo, C=NO");
    assert_string_equal(cert->issuer, cert->subject);
    assert_true(cert->self_signed);
    assert_int_equal(cert->not_before, 1795239046);
    assert_int_equal(cert->not_after, 2110599046);
    hex_is(cert->fingerprint, "7b0153b753e1ed972f900595a0ea54e08ccd8a3e001ec8434c10eb00b37963e1");
    hex_is(cert->key_pin, "564e00a2febe18856a1af5c102704900f9cb3ea6de3bfb5f67da789a56e2717f");
    static const char *const sans[] = {"example.org", "*.a.example", "192.0.2.7", "2001:db8::1"};
    assert_int_equal(cert->san_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(cert->sans[i], sans[i]);
        assert_int_equal(cert->san_kinds[i], i < 2 ? TLS_SAN_DNS : TLS_SAN_IP);
    }
    tls_cert_drop(cert);
}

static void test_subject_and_issuer(void **state) {
    (void)state;
    struct tls_cert *cert = cert_of(cert_make(&(struct cert_parts){0}));
    assert_non_null(cert);
    assert_string_equal(cert->subject, "CN=subject");
    assert_string_equal(cert->issuer, "CN=issuer");
    assert_false(cert->self_signed);
    assert_int_equal(cert->san_count, 0);
    assert_false(tls_cert_is_for(cert, span_text("subject")));
    tls_cert_drop(cert);
}

static void test_times(void **state) {
    static const struct {
        const char *text;
        bool good;
        int64_t seconds;
    } rows[] = {
        {"u700101000000Z", true, 0},
        {"u691231235959Z", true, -1},
        {"u500101000000Z", true, -631152000},
        {"u491231235959Z", true, 2524607999},
        {"u000229120000Z", true, 951825600},
        {"u240301000000Z", true, 1709251200},
        {"g20500101000000Z", true, 2524608000},
        {"g21000301000000Z", true, 4107542400},
        {"g99991231235959Z", true, 253402300799},
        {"g19691231235959Z", true, -1},
        {"g21000229000000Z", false, 0}, /* no leap year */
        {"u230229000000Z", false, 0},
        {"u231301000000Z", false, 0},
        {"u230001000000Z", false, 0},
        {"u230100000000Z", false, 0},
        {"u230132000000Z", false, 0},
        {"u230431000000Z", false, 0},
        {"u230101240000Z", false, 0},
        {"u230101006000Z", false, 0},
        {"u230101000060Z", false, 0},
        {"u2301010000Z", false, 0},
        {"u230101000000", false, 0},
        {"u230101000000+0100", false, 0},
        {"u230101000000ZZ", false, 0},
        {"u23010100000:Z", false, 0},
        {"g20230101000000.5Z", false, 0},
        {"u", false, 0},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_cert *cert =
            cert_of(cert_make(&(struct cert_parts){.not_before = rows[i].text}));
        assert_int_equal(cert != NULL, rows[i].good);
        if (cert)
            assert_int_equal(cert->not_before, rows[i].seconds);
        tls_cert_drop(cert);
    }
}

/* What der_add_time writes reads back the same, on every 11th day of eight thousand years and around midnight. */
static void test_times_there_and_back(void **state) {
    (void)state;
    for (int64_t seconds = -631152000; seconds <= 253402300799; seconds += 11 * 86400 - 1) {
        uint8_t memory[32];
        char text[32] = "u";
        struct der_writer out = {.at = memory, .room = sizeof memory};
        assert_true(der_add_time(&out, seconds));
        text[0] = memory[0] == DER_UTC_TIME ? 'u' : 'g';
        memcpy(text + 1, memory + 2, memory[1]);
        struct err err;
        struct tls_cert *cert =
            tls_cert_new(cert_make(&(struct cert_parts){.not_after = text}), &err);
        assert_non_null(cert);
        assert_int_equal(cert->not_after, seconds);
        tls_cert_drop(cert);
        seconds += seconds > 4200000000 ? 86400 * 365 : 0;
    }
    struct der_writer out = {0};
    assert_false(der_add_time(&out, -631152001));
    assert_false(der_add_time(&out, 253402300800));
}

static void check_hosts(const struct cert_parts *parts, const char *const *yes,
                        const char *const *no) {
    struct tls_cert *cert = cert_of(cert_make(parts));
    assert_non_null(cert);
    for (; *yes; yes++)
        if (!tls_cert_is_for(cert, span_of(guard_copy(*yes, strlen(*yes)), strlen(*yes))))
            fail_msg("not for %s", *yes);
    for (; *no; no++)
        if (tls_cert_is_for(cert, span_of(guard_copy(*no, strlen(*no)), strlen(*no))))
            fail_msg("for %s", *no);
    tls_cert_drop(cert);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_names(void **state) {
    (void)state;
    check_hosts(&(struct cert_parts){.dns = LIST("A.example", "b.example")},
                LIST("a.example", "A.EXAMPLE", "a.example.", "b.example"),
                LIST("", ".", "example", "a.example..", "c.example", "xa.example", "a.example.c",
                     "a.exampl", ".a.example", "a.example/", "a.example:443"));
}

static void test_wildcards(void **state) {
    (void)state;
    check_hosts(&(struct cert_parts){.dns = LIST("*.a.example")},
                LIST("b.a.example", "B.A.EXAMPLE.", "xn--bcher-kva.a.example", "_x.a.example"),
                LIST("a.example", "c.b.a.example", ".a.example", "*.a.example", "ba.example",
                     "b.a.example.org", "b..a.example"));
    check_hosts(
        &(struct cert_parts){.dns = LIST("*.com", "*", "*.", "*.com.", "*..com", "*.*.net")},
        (const char *const[]){NULL},
        LIST("a.com", "com", "a", "a.com.", "a.com..", "a..com", "a.b.net"));
    check_hosts(&(struct cert_parts){.dns = LIST("f*.example.org", "*f.example.org", "a.*.example",
                                                 "*a.b.example")},
                (const char *const[]){NULL},
                LIST("foo.example.org", "f.example.org", "a.b.example", "xa.b.example",
                     "f*.example.org", "a.*.example"));
}

static void test_addresses(void **state) {
    (void)state;
    check_hosts(
        &(struct cert_parts){.sans = BYTES("\x87\x04\xc0\x00\x02\x07"
                                           "\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                                           "\x87\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"
                                           "\x87\x08\x0a\x00\x00\x00\xff\x00\x00\x00"),
                             .dns = LIST("10.1.1.1", "*.1.1.2", "::2", "fe80::1%eth0")},
        LIST("192.0.2.7", "192.0.2.7.", "2001:db8::1", "2001:DB8:0:0::0:1", "::ffff:127.0.0.1",
             "::ffff:7f00:1"),
        LIST("192.0.2.8", "2001:db8::2", "127.0.0.1", "10.1.1.1", "10.1.1.1.", "10.1.1.2", "::2",
             "[2001:db8::1]", "::ffff:192.0.2.7", "10.0.0.0", "fe80::1%eth0", "c0000207"));
}

static void test_sans_that_never_match(void **state) {
    (void)state;
    struct span sans = BYTES("\x82\x0b"
                             "a.example\0z"
                             "\x82\x06"
                             "b\xc3\xb8.no"
                             "\x82\x00"
                             "\x81\x09"
                             "x@a.b.com"
                             "\x86\x05http:"
                             "\xa4\x02\x30\x00");
    check_hosts(&(struct cert_parts){.sans = sans}, (const char *const[]){NULL},
                LIST("a.example", "a.example\\00z", "b\xc3\xb8.no", "b\\C3\\B8.no", "", "a.b.com"));
    struct tls_cert *cert = cert_of(cert_make(&(struct cert_parts){.sans = sans}));
    assert_int_equal(cert->san_count, 3);
    assert_string_equal(cert->sans[0], "a.example\\00z");
    assert_string_equal(cert->sans[1], "b\\C3\\B8.no");
    assert_string_equal(cert->sans[2], "");
    assert_false(tls_cert_is_for(cert, span_of("a.example\0z", 11)));
    assert_false(tls_cert_is_for(cert, span_of(NULL, 0)));
    tls_cert_drop(cert);
    cert = cert_of(span_of(REAL, sizeof REAL - 1));
    assert_true(tls_cert_is_for(cert, span_of("b.a.example", 11)));
    assert_false(tls_cert_is_for(cert, span_of("b\0.a.example", 12)));
    assert_true(tls_cert_is_for(cert, span_of("192.0.2.7", 9)));
    assert_false(tls_cert_is_for(cert, span_of("192.0.2.7\0x", 11)));
    tls_cert_drop(cert);
}

static void test_long_names(void **state) {
    char name[600];
    (void)state;
    memset(name, 'a', sizeof name);
    name[253] = 0;
    check_hosts(&(struct cert_parts){.dns = LIST(name)}, LIST(name), LIST("a"));
    name[253] = 'a';
    name[254] = 0;
    check_hosts(&(struct cert_parts){.dns = LIST(name)}, (const char *const[]){NULL}, LIST(name));
}

static void test_ten_thousand_names(void **state) {
    static char names[10000][32];
    static const char *list[10001];
    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(names[i], sizeof names[i], "h%d.example.org", i);
        list[i] = names[i];
    }
    struct span der = cert_make(&(struct cert_parts){.dns = list});
    struct err err;
    struct tls_cert *cert = tls_cert_new(der, &err);
    assert_non_null(cert);
    assert_int_equal(cert->san_count, 10000);
    for (int i = 0; i < 10000; i++)
        assert_string_equal(cert->sans[i], names[i]);
    assert_true(tls_cert_is_for(cert, span_text("h9999.example.org")));
    assert_false(tls_cert_is_for(cert, span_text("h10000.example.org")));
    tls_cert_drop(cert);
}

static void test_malformed(void **state) {
    (void)state;
    static const char *const names[] = {"a.example", NULL};
    struct err err;
    for (size_t len = 0; len < sizeof REAL - 1; len++)
        assert_null(cert_of(span_of(REAL, len)));
    assert_null(cert_of(span_of(REAL, sizeof REAL))); /* its NUL is one byte too many */
    assert_null(cert_of(cert_make(&(struct cert_parts){.dns = names, .san_twice = true})));
    assert_null(cert_of(cert_make(&(struct cert_parts){.sans = BYTES("\x82")})));
    assert_null(cert_of(cert_make(&(struct cert_parts){.sans = BYTES("\x82\x05"
                                                                     "abc")})));
    for (size_t i = 0; i < sizeof REAL - 1; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t *copy = guard_copy(REAL, sizeof REAL - 1);
            copy[i] ^= (uint8_t)(1u << bit);
            struct tls_cert *cert = tls_cert_new(span_of(copy, sizeof REAL - 1), &err);
            if (cert)
                tls_cert_is_for(cert, span_text("b.a.example"));
            tls_cert_drop(cert);
        }
    }
}

static void test_no_memory(void **state) {
    struct err err;
    int64_t live = tls_memory().live_bytes;
    (void)state;
    tls_memory_fail(1, true);
    assert_null(tls_cert_new(span_of(REAL, sizeof REAL - 1), &err));
    tls_memory_fail(0, false);
    assert_int_equal(err.stage, STAGE_TLS);
    assert_int_equal(err.kind, ERR_MEMORY);
    struct tls_cert *cert = cert_of(span_of(REAL, sizeof REAL - 1));
    assert_true(tls_memory().live_bytes > live);
    tls_cert_drop(cert);
    assert_int_equal(tls_memory().live_bytes, live);
}

enum { THREADS = 4, TURNS = 50000 };

static void *keep_and_drop(void *cert) {
    for (int i = 0; i < TURNS; i++)
        tls_cert_drop(tls_cert_keep(cert));
    tls_cert_drop(cert);
    return NULL;
}

static void test_references(void **state) {
    pthread_t threads[THREADS];
    (void)state;
    tls_cert_drop(NULL);
    struct tls_cert *cert = cert_of(span_of(REAL, sizeof REAL - 1));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_and_drop, tls_cert_keep(cert)), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&cert->references), 1);
    tls_cert_drop(cert);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real),       cmocka_unit_test(test_subject_and_issuer),
        cmocka_unit_test(test_times),      cmocka_unit_test(test_times_there_and_back),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_addresses),  cmocka_unit_test(test_sans_that_never_match),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_ten_thousand_names),
        cmocka_unit_test(test_malformed),  cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
