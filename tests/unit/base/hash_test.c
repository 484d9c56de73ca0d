/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hash_test.c: hashes and random numbers, against published values where there are any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/hash.h"
#include "guard.h"

/* The values of the FNV authors' test suite. */
static void test_stable_vectors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } table[] = {
        {"", UINT64_C(0xcbf29ce484222325)},     {"a", UINT64_C(0xaf63dc4c8601ec8c)},
        {"b", UINT64_C(0xaf63df4c8601f1a5)},    {"foo", UINT64_C(0xdcb27518fed9d577)},
        {"foob", UINT64_C(0xdd120e790c2512af)}, {"foobar", UINT64_C(0x85944171f73967e8)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t len = strlen(table[i].text);
        assert_true(hash_stable(guard_copy(table[i].text, len), len) == table[i].hash);
    }
}

/* Every length takes its own way through words and rest; none reads past the end, and alignment changes nothing. */
static void test_bytes_is_a_function(void **state) {
    (void)state;
    uint8_t bytes[80];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    for (size_t len = 0; len <= 64; len++) {
        uint64_t hash = hash_bytes(guard_copy(bytes, len), len);
        uint8_t shifted[80];
        for (size_t offset = 0; offset < 8; offset++) {
            memcpy(shifted + offset, bytes, len);
            assert_true(hash_bytes(shifted + offset, len) == hash);
        }
    }
}

static void test_bytes_depends_on_every_bit(void **state) {
    (void)state;
    uint8_t bytes[40] = {0};
    for (size_t len = 1; len <= sizeof bytes; len++) {
        uint64_t hash = hash_bytes(bytes, len);
        assert_true(hash != hash_bytes(bytes, len - 1));
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            uint64_t changed = hash ^ hash_bytes(bytes, len);
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            /* Fewer than 8 of 64 bits change with a probability of 3e-11. */
            assert_true(__builtin_popcountll(changed) >= 8);
        }
    }
}

/* 4096 similar keys in 256 buckets: 16 each; 60 in one would be a dozen standard deviations away. */
static void test_bytes_spreads(void **state) {
    (void)state;
    unsigned buckets[256] = {0};
    for (uint32_t i = 0; i < 4096; i++)
        buckets[hash_bytes(&i, sizeof i) & 255]++;
    for (size_t i = 0; i < 256; i++)
        assert_true(buckets[i] < 60);
}

/* SplitMix64 from seed 0 gives these four, which become the state. */
static void test_seed(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 0);
    assert_true(random.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(random.s[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(random.s[2] == UINT64_C(0x06c45d188009454f));
    assert_true(random.s[3] == UINT64_C(0xf88bb8a8724c81ec));
}

/* The reference implementation's first numbers from the state 1, 2, 3, 4. */
static void test_next(void **state) {
    (void)state;
    struct random random = {.s = {1, 2, 3, 4}};
    assert_true(random_next(&random) == 11520);
    assert_true(random_next(&random) == 0);
    assert_true(random_next(&random) == 1509978240);
    assert_true(random_next(&random) == UINT64_C(1215971899390074240));
}

static void test_below(void **state) {
    (void)state;
    struct random random;
    unsigned seen[7] = {0};
    random_seed(&random, 42);
    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_below(&random, 7);
        assert_true(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_true(seen[i] > 800 && seen[i] < 1200);
    for (int i = 0; i < 100; i++) {
        assert_true(random_below(&random, 1) == 0);
        assert_true(random_below(&random, UINT64_MAX) < UINT64_MAX);
    }
}

/* Below 3 * 2^62 a plain remainder would fall into the lowest third half the time. */
static void test_below_is_even(void **state) {
    (void)state;
    struct random random;
    unsigned low = 0;
    random_seed(&random, 7);
    for (int i = 0; i < 6000; i++)
        low += random_below(&random, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    assert_true(low > 1800 && low < 2200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stable_vectors),
        cmocka_unit_test(test_bytes_is_a_function),
        cmocka_unit_test(test_bytes_depends_on_every_bit),
        cmocka_unit_test(test_bytes_spreads),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_below_is_even),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
