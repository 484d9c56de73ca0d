/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/resolver_hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static void write_file(const char *text, size_t len) {
    strcpy(path, "/tmp/hosts-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static struct hosts *open_text(const char *text) {
    struct hosts *hosts = NULL;
    write_file(text, strlen(text));
    assert_int_equal(hosts_open(&hosts, path), 0);
    unlink(path);
    return hosts;
}

static void expect(const struct hosts *hosts, const char *name, const char *out) {
    struct address address[8];
    unsigned count = hosts_find(hosts, name_key(span_text(name)), address, 8);
    char result[400] = "", text[ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < count; i++) {
        if (i)
            strcat(result, " ");
        strcat(result, address_text(&address[i], text));
    }
    assert_string_equal(result, out);
}

static void lines_are_read_as_hosts5_says(void **state) {
    (void)state;
    struct hosts *hosts = open_text("# comment\n"
                                    "127.0.0.1\tlocalhost  Alias.Test # rest\n"
                                    "\n   \t ::1 localhost ip6\r\n"
                                    "bad.line a.test\n"
                                    "10.0.0.1\n"
                                    "10.0.0.2#x y\n"
                                    "10.0.0.3 c.test #d.test\n"
                                    "10.0.0.4 last.test");
    expect(hosts, "localhost", "127.0.0.1 ::1");
    expect(hosts, "alias.test", "127.0.0.1");
    expect(hosts, "ip6", "::1");
    expect(hosts, "a.test", "");
    expect(hosts, "c.test", "10.0.0.3");
    expect(hosts, "d.test", "");
    expect(hosts, "rest", "");
    expect(hosts, "last.test", "10.0.0.4");
    assert_int_equal(hosts_name_count(hosts), 5);
    hosts_close(hosts);
}

static void odd_files_do_no_harm(void **state) {
    (void)state;
    struct hosts *hosts = open_text("");
    expect(hosts, "localhost", "");
    hosts_close(hosts);
    static const char binary[] = "127.0.0.1 a\0b \xff\xfe\n\0\0\n127.0.0.2 c";
    write_file(binary, sizeof binary - 1);
    assert_int_equal(hosts_open(&hosts, path), 0);
    unlink(path);
    expect(hosts, "c", "127.0.0.2");
    hosts_close(hosts);
    assert_true(hosts_open(&hosts, "/nonexistent/hosts") < 0);
    assert_true(hosts_open(&hosts, "/tmp") < 0);
    hosts_close(NULL);
}

static void one_file_is_read_once(void **state) {
    (void)state;
    struct hosts *first = open_text("127.0.0.1 a\n"), *second = NULL;
    assert_int_equal(hosts_open(&second, path), 0); /* unlinked by now */
    assert_ptr_equal(first, second);
    hosts_close(first);
    expect(second, "a", "127.0.0.1");
    hosts_close(second);
    assert_true(hosts_open(&second, path) < 0);
}

static void large_files_are_fine(void **state) {
    (void)state;
    enum { LINES = 100000 };
    size_t size = (size_t)LINES * 40, len = 0;
    char *text = malloc(size), name[40];
    assert_non_null(text);
    for (unsigned i = 0; i < LINES; i++)
        len += (size_t)snprintf(text + len, size - len, "10.%u.%u.%u ads-%u.test\n", i >> 16,
                                i >> 8 & 255, i & 255, i);
    text[len] = 0;
    struct hosts *hosts = open_text(text);
    free(text);
    assert_int_equal(hosts_name_count(hosts), LINES);
    for (unsigned i = 0; i < LINES; i += 997) {
        char expected[40];
        snprintf(name, sizeof name, "ads-%u.test", i);
        snprintf(expected, sizeof expected, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        expect(hosts, name, expected);
    }
    hosts_close(hosts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_as_hosts5_says),
        cmocka_unit_test(odd_files_do_no_harm),
        cmocka_unit_test(one_file_is_read_once),
        cmocka_unit_test(large_files_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
