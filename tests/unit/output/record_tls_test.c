/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * record_tls_test.c: what records say of TLS, as JSON and as CSV: nothing, half a handshake, a certificate that was refused,
 * and names that somebody put into one to break a line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "output/record.h"

static const char *const sans[] = {"example.org", "*.example.org", "127.0.0.1"};
static const char hex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static struct rf_tls_facts sample(void) {
    return (struct rf_tls_facts){
        .version = "1.3",
        .cipher = "TLS_AES_128_GCM_SHA256",
        .verify = "ok",
        .has_cert = true,
        .subject = "CN=example.org, O=Example",
        .issuer = "CN=R1",
        .sans = sans,
        .san_count = 3,
        .not_before = 1767323045,
        .not_after = 1772593445,
        .days_left = 61,
        .fingerprint = hex,
    };
}

/* What stands in the line between "tls": and the member after it. */
static char *json_of(const struct rf_tls_facts *tls) {
    struct text text = {0};
    struct rf_result result = {.url = "https://h/", .tls = tls};
    record_put_json(&text, &result);
    text_put(&text, "", 1);
    json_t *json = json_loads(text.at, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_decref(json);
    char *from = strstr(text.at, "},\"tls\":"), *to = strstr(text.at, ",\"time\":");
    assert_true(from && to && from < to);
    char *found = strndup(from + 8, (size_t)(to - from - 8));
    free(text.at);
    return found;
}

/* The columns after "time". */
static char *csv_of(const struct rf_tls_facts *tls) {
    struct text text = {0};
    struct rf_result result = {.url = "https://h/", .tls = tls};
    record_put_csv(&text, &result);
    text_put(&text, "", 1);
    char *from = strstr(text.at, ",1970-01-01T00:00:00.000Z,");
    assert_non_null(from);
    char *found = strdup(from + 26);
    free(text.at);
    return found;
}

static void expect(const struct rf_tls_facts *tls, const char *json, const char *csv) {
    char *got_json = json_of(tls), *got_csv = csv_of(tls);
    assert_string_equal(got_json, json);
    assert_string_equal(got_csv, csv);
    free(got_json);
    free(got_csv);
}

static void no_tls(void **state) {
    (void)state;
    expect(NULL, "null", ",,,,,,,\n");
}

static void all_is_known(void **state) {
    (void)state;
    struct rf_tls_facts tls = sample();
    expect(&tls,
           "{\"version\":\"1.3\",\"cipher\":\"TLS_AES_128_GCM_SHA256\",\"verify\":\"ok\","
           "\"subject\":\"CN=example.org, O=Example\",\"issuer\":\"CN=R1\","
           "\"not_after\":\"2026-03-04T03:04:05Z\",\"days_left\":61,\"resumed\":false,"
           "\"sans\":[\"example.org\",\"*.example.org\",\"127.0.0.1\"],"
           "\"not_before\":\"2026-01-02T03:04:05Z\","
           "\"fingerprint\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
           "1.3,TLS_AES_128_GCM_SHA256,ok,\"CN=example.org, O=Example\",CN=R1,"
           "2026-03-04T03:04:05Z,61,"
           "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
}

/* The connection ended before a certificate came: what the memory holds is nobody's. */
static void half_a_handshake(void **state) {
    (void)state;
    struct rf_tls_facts tls = sample();
    tls.has_cert = false;
    tls.version = tls.cipher = tls.verify = NULL;
    tls.sans = (const char *const *)8;
    expect(&tls,
           "{\"version\":null,\"cipher\":null,\"verify\":null,\"subject\":null,\"issuer\":null,"
           "\"not_after\":null,\"days_left\":null,\"resumed\":false,\"sans\":null,"
           "\"not_before\":null,\"fingerprint\":null}",
           ",,,,,,,\n");
}

static void refused_certificates_are_described(void **state) {
    (void)state;
    struct rf_tls_facts tls = sample();
    tls.cipher = NULL;
    tls.verify = "expired";
    tls.resumed = true;
    tls.days_left = -3;
    tls.san_count = 0;
    tls.sans = NULL;
    tls.subject = "";
    tls.not_before = -1;
    tls.not_after = 0;
    expect(&tls,
           "{\"version\":\"1.3\",\"cipher\":null,\"verify\":\"expired\",\"subject\":\"\","
           "\"issuer\":\"CN=R1\",\"not_after\":\"1970-01-01T00:00:00Z\",\"days_left\":-3,"
           "\"resumed\":true,\"sans\":[],\"not_before\":\"1969-12-31T23:59:59Z\","
           "\"fingerprint\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
           "1.3,,expired,,CN=R1,1970-01-01T00:00:00Z,-3,"
           "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
}

static void names_of_strangers(void **state) {
    (void)state;
    static const char *const hostile[] = {"a\",\"b", "\xFF\x1B[31m"};
    struct rf_tls_facts tls = sample();
    tls.subject = "CN=\"x\"\n\xFFy\xC3\xA9";
    tls.issuer = "=cmd()";
    tls.sans = hostile;
    tls.san_count = 2;
    char *json = json_of(&tls), *csv = csv_of(&tls);
    assert_non_null(strstr(json, "\"subject\":\"CN=\\\"x\\\"\\n\\ufffdy\xC3\xA9\""));
    assert_non_null(strstr(json, "\"sans\":[\"a\\\",\\\"b\",\"\\ufffd\\u001b[31m\"]"));
    assert_non_null(strstr(csv, ",\"CN=\"\"x\"\"\n\xEF\xBF\xBDy\xC3\xA9\",'=cmd(),"));
    free(json);
    free(csv);
}

static void dates_and_days_of_any_size(void **state) {
    (void)state;
    static const struct {
        int64_t s;
        const char *text;
    } dates[] = {
        {INT64_C(253402300799), "9999-12-31T23:59:59Z"}, /* RFC 5280 (4.1.2.5): no end */
        {INT64_C(951782400), "2000-02-29T00:00:00Z"},
        {INT64_C(-631152000), "1950-01-01T00:00:00Z"}, /* the first of a UTCTime */
        {INT64_MAX, "9999-12-31T23:59:59Z"},
        {INT64_MIN, "0000-03-01T00:00:00Z"},
    };
    static const struct {
        int64_t number;
        const char *text;
    } numbers[] = {{0, "0"},
                   {-1, "-1"},
                   {61, "61"},
                   {INT32_MIN, "-2147483648"},
                   {INT64_MIN, "-9223372036854775808"},
                   {INT64_MAX, "9223372036854775807"}};
    struct text text = {0};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        text.len = 0;
        text_put_time_s(&text, dates[i].s);
        text_put(&text, "", 1);
        assert_string_equal(text.at, dates[i].text);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        text.len = 0;
        text_put_signed(&text, numbers[i].number);
        text_put(&text, "", 1);
        assert_string_equal(text.at, numbers[i].text);
    }
    free(text.at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_tls),
        cmocka_unit_test(all_is_known),
        cmocka_unit_test(half_a_handshake),
        cmocka_unit_test(refused_certificates_are_described),
        cmocka_unit_test(names_of_strangers),
        cmocka_unit_test(dates_and_days_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
