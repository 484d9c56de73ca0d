/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fields_test.c: what users may put into a request, and how -d collects its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/fields.h"

static void test_field(void **state) {
    (void)state;
    static const char *const good[] = {
        "A: b",    "A:b",    "A:",          "A;",     "Host: x", "X-1_~: \xC3\xBC",
        "Accept:", "X: a;b", "User-Agent;", "Test: t"};
    static const char *const bad[] = {"",
                                      "A",
                                      ": b",
                                      "A b: c",
                                      "A: b\r\nC: d",
                                      "A: \n",
                                      "A;b",
                                      "A : b",
                                      "\xC3\xBC: x",
                                      "A: \001",
                                      "A: \177",
                                      "content-length: 3",
                                      "Content-Length:",
                                      "Transfer-Encoding: chunked",
                                      "connection: close",
                                      "Expect: 100-continue",
                                      "UPGRADE: h2c",
                                      "te: trailers",
                                      "Expect;",
                                      "Range: bytes=0-1",
                                      "Keep-Alive: 3",
                                      "trailer: X"};
    bool needless;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(field_check(good[i], &needless));
        assert_false(needless);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(field_check(bad[i], &needless));
        assert_false(needless);
    }
    assert_null(field_check("Expect:", &needless));
    assert_true(needless);
    assert_null(field_check("te: \t", &needless));
    assert_true(needless);
}

static void test_method_and_range(void **state) {
    (void)state;
    assert_null(field_check_method("PURGE"));
    assert_non_null(field_check_method(""));
    assert_non_null(field_check_method("GET /"));
    assert_non_null(field_check_method("CONNECT"));
    static const char *const good[] = {"0-499", "500-", "-500", "7-7"};
    static const char *const bad[] = {"",
                                      "-",
                                      "5",
                                      "9-5",
                                      "a-b",
                                      "0-1,5-6",
                                      "1-2-3",
                                      "0x1-",
                                      " 1-2",
                                      "18446744073709551616-",
                                      "1111111111111111111111111-",
                                      "0-00000000000000000000000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(field_check_range(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(field_check_range(bad[i]));
    }
}

static void test_data(void **state) {
    (void)state;
    char why[128] = "", path[] = "/tmp/fields_testXXXXXX", at[64];
    int fd = mkstemp(path);
    assert_true(write(fd, "x\r\ny\0z\n", 7) == 7);
    close(fd);
    snprintf(at, sizeof at, "@%s", path);
    struct data data = {0};
    assert_true(data_add_value(&data, "a=1", true, why, sizeof why));
    assert_true(data_add_value(&data, at, true, why, sizeof why));
    assert_true(data_add_value(&data, at, false, why, sizeof why));
    assert_int_equal(data.count, 3 + 1 + 3 + 1 + 7);
    assert_memory_equal(data.bytes, "a=1&xyz&x\r\ny\0z\n", data.count);
    data_deinit(&data);
    unlink(path);
    assert_false(data_add_value(&data, at, true, why, sizeof why));
    assert_string_equal(why, "No such file or directory");
    assert_false(data_add_value(&data, "@/", true, why, sizeof why));
    assert_string_equal(why, "Is a directory");
    data_deinit(&data);
}

/* An empty body is a body: -d '' makes a POST of length 0. */
static void test_empty_data(void **state) {
    (void)state;
    char why[128] = "";
    struct data data = {0};
    assert_true(data_add_value(&data, "", true, why, sizeof why));
    assert_non_null(data.bytes);
    assert_int_equal(data.count, 0);
    data_deinit(&data);
    assert_true(data_add_value(&data, "@/dev/null", true, why, sizeof why));
    assert_non_null(data.bytes);
    data_deinit(&data);
}

static void test_large_data(void **state) {
    (void)state;
    struct data data = {0};
    for (unsigned i = 0; i < 100000; i++) {
        assert_true(data_add(&data, "0123456789", 10));
    }
    assert_int_equal(data.count, 1000000);
    assert_memory_equal(data.bytes + 999990, "0123456789", 11);
    data_deinit(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field),      cmocka_unit_test(test_method_and_range),
        cmocka_unit_test(test_data),       cmocka_unit_test(test_empty_data),
        cmocka_unit_test(test_large_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
