/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/dns_search.h"

#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char result[1000];

/* "NDOTS: DOMAIN DOMAIN", with "rotate" before the colon where that is said. */
static const char *read_path(const char *path) {
    struct dns_search search;
    assert_int_equal(dns_search_read(&search, path), 0);
    int len =
        snprintf(result, sizeof result, "%u%s:", search.ndots, search.rotate ? " rotate" : "");
    for (unsigned i = 0; i < search.count; i++)
        len += snprintf(result + len, sizeof result - (size_t)len, " %s", search.domain[i]);
    dns_search_deinit(&search);
    return result;
}

static const char *read_text(const char *text) {
    char path[] = "/tmp/dns-search-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    read_path(path);
    unlink(path);
    return result;
}

static int set_up(void **state) {
    (void)state;
    unsetenv("LOCALDOMAIN");
    unsetenv("RES_OPTIONS");
    return 0;
}

static void lines_are_read_as_resolv_conf5_says(void **state) {
    (void)state;
    assert_string_equal(read_text("# search no.test\n"
                                  "; search no.test\n"
                                  "nameserver 192.0.2.1\n"
                                  "search a.test\tb.test  c.test. # no.test\r\n"
                                  "options timeout:1 ndots:3 rotate\n"),
                        "3 rotate: a.test b.test c.test.");
    assert_string_equal(read_text("  search a.test\r\n\toptions ndots:0\r\n"), "0: a.test");
    assert_string_equal(read_text("domain a.test b.test\noptions ndots:2"), "2: a.test");
    assert_string_equal(read_text("search a.test; no.test\n"), "1: a.test");
    assert_string_equal(read_text("search a.test\noptions rotated norotate\n#options rotate"),
                        "1: a.test");
    assert_string_equal(read_text("searching no.test\nsearch a.test"), "1: a.test");
}

static void the_last_list_counts(void **state) {
    (void)state;
    assert_string_equal(read_text("search a.test b.test\nsearch c.test\n"), "1: c.test");
    assert_string_equal(read_text("search a.test b.test\ndomain c.test\n"), "1: c.test");
    assert_string_equal(read_text("domain c.test\nsearch a.test b.test\n"), "1: a.test b.test");
    assert_string_equal(read_text("search a.test\noptions ndots:2\noptions ndots:4\n"),
                        "4: a.test");
}

static void the_environment_overrides(void **state) {
    (void)state;
    setenv("LOCALDOMAIN", " x.test y.test ", 1);
    setenv("RES_OPTIONS", "rotate ndots:5", 1);
    assert_string_equal(read_text("search a.test\noptions ndots:2\n"), "5 rotate: x.test y.test");
    assert_string_equal(read_path("/nonexistent/resolv.conf"), "5 rotate: x.test y.test");
    setenv("LOCALDOMAIN", "", 1);
    setenv("RES_OPTIONS", "", 1);
    assert_string_equal(read_text("search a.test\noptions ndots:2\n"), "2:");
}

static void the_root_is_no_domain(void **state) {
    (void)state;
    assert_string_equal(read_text("search .\n"), "1:");
    assert_string_equal(read_text("search a.test . .b.test ..\n"), "1: a.test b.test");
}

static void numbers_of_dots_are_capped(void **state) {
    (void)state;
    assert_string_equal(read_text("search .\noptions ndots:15\n"), "15:");
    assert_string_equal(read_text("search .\noptions ndots:16\n"), "15:");
    assert_string_equal(read_text("search .\noptions ndots:99999999999999999999999\n"), "15:");
    assert_string_equal(read_text("search .\noptions ndots:2 ndots: ndots:-1 ndots:x ndots\n"),
                        "2:");
}

static void long_lists_are_cut(void **state) {
    (void)state;
    char text[1000] = "search";
    for (int i = 0; i < DNS_DOMAINS_MAX + 2; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), " d%d.test", i);
    read_text(text);
    assert_non_null(strstr(result, " d31.test"));
    assert_null(strstr(result, " d32.test"));
}

/* In a namespace of its own this process may name the machine; where it may have none, the machine
 * keeps its name. */
static void name_machine(const char *name) {
    if (unshare(CLONE_NEWUTS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWUTS) == 0)
        assert_int_equal(sethostname(name, strlen(name)), 0);
}

static void without_a_list_it_is_the_machines_domain(void **state) {
    (void)state;
    char name[HOST_NAME_MAX + 1] = "", expected[HOST_NAME_MAX + 10];
    name_machine("box.corp.test");
    assert_int_equal(gethostname(name, sizeof name - 1), 0);
    const char *dot = strchr(name, '.');
    snprintf(expected, sizeof expected, "1:%s%s", dot ? " " : "", dot ? dot + 1 : "");
    assert_string_equal(read_text("nameserver 192.0.2.1\n"), expected);
    assert_string_equal(read_text(""), expected);
    assert_string_equal(read_path("/nonexistent/resolv.conf"), expected);
    assert_string_equal(read_text("search a.test\n"), "1: a.test");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_as_resolv_conf5_says),
        TEST(the_last_list_counts),
        TEST(the_environment_overrides),
        TEST(the_root_is_no_domain),
        TEST(numbers_of_dots_are_capped),
        TEST(long_lists_are_cut),
        TEST(without_a_list_it_is_the_machines_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
