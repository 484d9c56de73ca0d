/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * values_test.c: numbers with units, and everything that strtod would have taken for one.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/values.h"

static const char *const never[] = {"",     "-1",  "+1",    " 1",    "1 ",      "inf", "nan",
                                    "0x10", "1e5", "1E5",   ".",     "k",       "1kk", "1q",
                                    "--",   "1,5", "1/s/s", "1.2.3", "\xC2\xB2"};

static void test_never(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        uint64_t count = 7, bytes = 7;
        unsigned ms = 7, shard = 7, shards = 7;
        double rate = 7;
        assert_non_null(value_count(never[i], &count));
        assert_non_null(value_bytes(never[i], &bytes));
        assert_non_null(value_ms(never[i], &ms));
        assert_non_null(value_rate(never[i], &rate));
        assert_non_null(value_shard(never[i], &shard, &shards));
        assert_true(count == 7 && bytes == 7 && ms == 7 && rate == 7.0 && shard == 7 &&
                    shards == 7);
    }
}

static void test_count(void **state) {
    (void)state;
    uint64_t count;
    assert_null(value_count("0", &count));
    assert_int_equal(count, 0);
    assert_null(value_count("0018446744073709551615", &count));
    assert_true(count == UINT64_MAX);
    assert_string_equal(value_count("18446744073709551616", &count), "too large");
    assert_string_equal(value_count("99999999999999999999999", &count), "too large");
    assert_non_null(value_count("1.5", &count));
}

static void test_bytes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {{"0", 0},
                {"1000", 1000},
                {"64k", 65536},
                {"64K", 65536},
                {"1.5M", 1572864},
                {"2G", UINT64_C(2) << 30},
                {"1T", UINT64_C(1) << 40},
                {".5k", 512},
                {"0.1", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t bytes = 7;
        assert_null(value_bytes(rows[i].text, &bytes));
        assert_true(bytes == rows[i].bytes);
    }
    uint64_t bytes;
    assert_string_equal(value_bytes("8388608T", &bytes), "too large");
    assert_non_null(value_bytes("1KiB", &bytes));
}

static void test_ms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned ms;
    } rows[] = {{"0", 0},       {"0.5", 500},   {"1.5s", 1500},
                {"500ms", 500}, {"2m", 120000}, {"1h", 3600000},
                {"0.0001", 1},  {"10", 10000},  {"4294967", 4294967000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned ms = 7;
        assert_null(value_ms(rows[i].text, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
    unsigned ms;
    assert_non_null(value_ms("4294968", &ms));
    assert_non_null(value_ms("1d", &ms));
}

static void test_rate(void **state) {
    (void)state;
    double rate;
    assert_null(value_rate("100", &rate));
    assert_true(rate == 100.0);
    assert_null(value_rate("0.5/s", &rate));
    assert_true(rate == 0.5);
    assert_null(value_rate("30/m", &rate));
    assert_true(rate == 0.5);
    assert_null(value_rate("3600/h", &rate));
    assert_true(rate == 1.0);
    assert_non_null(value_rate("1/d", &rate));
    assert_non_null(value_rate("10000000000", &rate));
}

static void test_shard(void **state) {
    (void)state;
    unsigned shard, shards;
    assert_null(value_shard("2/4", &shard, &shards));
    assert_int_equal(shard, 2);
    assert_int_equal(shards, 4);
    assert_null(value_shard("1/1", &shard, &shards));
    static const char *const bad[] = {
        "0/4", "5/4", "1/0", "1/", "/4", "1", "1/4/2", "1/1000001", "18446744073709551617/2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(value_shard(bad[i], &shard, &shards));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never), cmocka_unit_test(test_count), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_ms),    cmocka_unit_test(test_rate),  cmocka_unit_test(test_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
