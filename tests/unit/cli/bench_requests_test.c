/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_requests_test.c: files of requests and lists of URLs: what they say, what is refused and where, and how URLs are resolved.
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

#include "../../../tools/ringfetch/bench_requests.h"

static char path[] = "/tmp/bench_requests_test_XXXXXX";
static char why[600];
static struct bench_requests *requests;
static struct bench_request_set set;

static void write_file(const char *text, size_t len) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static enum rf_exit read_text(const char *text) {
    write_file(text, strlen(text));
    why[0] = '\0';
    return bench_requests_read(&requests, path, why, sizeof why);
}

static enum rf_exit read_list(const char *text) {
    write_file(text, strlen(text));
    why[0] = '\0';
    return bench_requests_read_list(&requests, path, why, sizeof why);
}

static void resolve(const char *base) {
    if (bench_requests_resolve(requests, base, &set, why, sizeof why)) {
        fail_msg("%s", why);
    }
}

static void release(void) {
    bench_request_set_deinit(&set);
    bench_requests_free(requests);
    requests = NULL;
}

/* `why` is the file's name, a colon, and this. */
static void check_why(const char *expected) {
    size_t len = strlen(path);
    if (strncmp(why, path, len) || strcmp(why + len + 1, expected)) {
        fail_msg("\"%s\", not \"%s\"", why, expected);
    }
}

/* ---- what they say ------------------------------------------------------------------------------------- */

static void test_all_members(void **state) {
    (void)state;
    assert_int_equal(
        read_text(
            "\xef\xbb\xbf{\"method\":\"PUT\",\"url\":\"http://h/{seq}\",\"headers\":{\"A\":\"b "
            "{uuid}\",\"E\":\"\"},\"body\":\"{\\\"x\\\":{seq}}\",\"weight\":2.5,\"name\":"
            "\"put\",\"expect\":[\"status = 200\",\"body ~ x\"]}\r\n\r\n  \n"
            "{\"url\":\"/x\",\"headers\":[\"C: d\",\"Accept:\"],\"expect\":\"status = 1\"}"),
        RF_OK);
    assert_int_equal(bench_requests_count(requests), 2);
    resolve("http://base/y");
    const struct rf_load_request *first = &set.request[0], *second = &set.request[1];
    assert_string_equal(first->method, "PUT");
    assert_string_equal(first->url, "http://h/{seq}");
    assert_string_equal(first->headers[0], "A: b {uuid}");
    assert_string_equal(first->headers[1], "E;");
    assert_null(first->headers[2]);
    assert_int_equal(first->body_bytes, 11);
    assert_memory_equal(first->body, "{\"x\":{seq}}", 11);
    assert_true(first->weight == 2.5);
    assert_string_equal(first->name, "put");
    assert_string_equal(first->expect[1], "body ~ x");
    assert_null(first->expect[2]);
    assert_string_equal(second->url, "http://base/x");
    assert_string_equal(second->headers[0], "C: d");
    assert_string_equal(second->headers[1], "Accept:");
    assert_string_equal(second->expect[0], "status = 1");
    assert_null(second->expect[1]);
    assert_null(second->body);
    assert_true(second->weight == 1 && !second->name && !second->method && !second->raw);
    char text[200], expected[200];
    snprintf(expected, sizeof expected, "%s:4", path);
    assert_string_equal(bench_requests_where(requests, 1, text, sizeof text), expected);
    release();
}

static void test_body_file(void **state) {
    (void)state;
    char body[] = "/tmp/bench_requests_body_XXXXXX", line[200];
    int fd = mkstemp(body);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a\0\r\nb", 5), 5);
    close(fd);
    snprintf(line, sizeof line, "{\"url\":\"http://h/\",\"body_file\":\"%s\"}", body);
    assert_int_equal(read_text(line), RF_OK);
    resolve(NULL);
    assert_int_equal(set.request[0].body_bytes, 5);
    assert_memory_equal(set.request[0].body, "a\0\r\nb", 5);
    release();
    unlink(body);
    assert_int_equal(read_text(line), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, ":1: \"body_file\": \"/tmp/bench_requests_body_"));
    assert_non_null(strstr(why, "No such file or directory"));
    assert_null(requests);
}

static void test_empty_body_is_a_body(void **state) {
    (void)state;
    assert_int_equal(read_text("{\"body\":\"\"}\n{\"body_file\":\"/dev/null\"}\n"), RF_OK);
    resolve("h");
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(set.request[i].body);
        assert_int_equal(set.request[i].body_bytes, 0);
    }
    release();
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

static void test_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", " there is no request in it"},
        {"\n \r\n", " there is no request in it"},
        {"{}\n[]", "2: an object is wanted: {\"url\": ...}"},
        {"\"x\"", "1: bad JSON at byte 3: '[' or '{' expected near '\"x\"'"},
        {"{\"wieght\":1}",
         "1: there is no member \"wieght\" (there are method, url, headers, body, "
         "body_file, weight, name, expect)"},
        {"{\"\\u001b[2J\":1}", NULL},
        {"{\"method\":1}", "1: \"method\": a text is wanted"},
        {"{\"method\":\"G T\"}", NULL},
        {"{\"url\":7}", "1: \"url\": a text is wanted, and not an empty one"},
        {"{\"url\":\"\"}", "1: \"url\": a text is wanted, and not an empty one"},
        {"{\"name\":\"\"}", "1: \"name\": a text is wanted, and not an empty one"},
        {"{\"weight\":0}", "1: \"weight\": a number above 0 is wanted"},
        {"{\"weight\":-1}", "1: \"weight\": a number above 0 is wanted"},
        {"{\"weight\":\"1\"}", "1: \"weight\": a number above 0 is wanted"},
        {"{\"weight\":1e999}", NULL},
        {"{\"body\":{\"a\":1}}", "1: \"body\": a text is wanted (JSON in it as a text, too)"},
        {"{\"body\":\"\",\"body_file\":\"x\"}",
         "1: \"body\" and \"body_file\": one of them is enough"},
        {"{\"body_file\":\"-\"}", "1: \"body_file\": the name of a file is wanted"},
        {"{\"headers\":\"A: b\"}",
         "1: \"headers\": an object is wanted, or an array of \"Name: value\""},
        {"{\"headers\":{\"A\":1}}", "1: \"headers\": \"A\": a text is wanted"},
        {"{\"headers\":{\"A:b\":\"c\"}}", "1: \"headers\": \"A:b\" is no name of a header field"},
        {"{\"headers\":{\"A\":\"b\\r\\nC: d\"}}", NULL},
        {"{\"headers\":[\"A\"]}", NULL},
        {"{\"headers\":[1]}", "1: \"headers\": texts like \"Name: value\" are wanted"},
        {"{\"headers\":{\"Content-Length\":\"1\"}}", NULL},
        {"{\"expect\":[\"a\",1]}", "1: \"expect\": an expectation is wanted, or an array of them"},
        {"{\"expect\":{}}", "1: \"expect\": an expectation is wanted, or an array of them"},
        {"{\"url\":\"a\",\"url\":\"b\"}", NULL},
        {"{\"url\":\"a\"} x", NULL},
        {"{\"url\":\"a\\u0000b\"}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_text(cases[i][0]), RF_USAGE);
        assert_null(requests);
        assert_null(strpbrk(why, "\033\r\n"));
        if (cases[i][1]) {
            check_why(cases[i][1]);
        } else {
            assert_memory_equal(why + strlen(path), ":1: ", 4);
        }
    }
}

static void test_unreadable(void **state) {
    (void)state;
    assert_int_equal(bench_requests_read(&requests, "/does/not/exist", why, sizeof why),
                     RF_LOCAL_FAULT);
    assert_string_equal(why, "/does/not/exist: No such file or directory");
    assert_int_equal(bench_requests_read_list(&requests, "/tmp", why, sizeof why), RF_LOCAL_FAULT);
    assert_string_equal(why, "/tmp: Is a directory");
}

/* ---- lists ------------------------------------------------------------------------------------------------ */

static void test_list(void **state) {
    (void)state;
    assert_int_equal(read_list("# all\r\nhttp://h/a\r\n\r\n  localhost:8080/b#c \n\t# x\nh"),
                     RF_OK);
    resolve(NULL);
    assert_int_equal(set.count, 3);
    assert_string_equal(set.request[0].url, "http://h/a");
    assert_string_equal(set.request[1].url, "localhost:8080/b#c");
    assert_string_equal(set.request[2].url, "h");
    assert_true(set.request[2].weight == 1);
    release();
    assert_int_equal(read_list("#\n\n"), RF_USAGE);
    check_why(" there is no URL in it");
    assert_int_equal(read_list("/a?b\n"), RF_OK);
    assert_int_equal(bench_requests_resolve(requests, NULL, &set, why, sizeof why), RF_USAGE);
    check_why("1: \"/a?b\" is relative: a URL on the command line is needed");
    resolve("http://h:1/x");
    assert_string_equal(set.request[0].url, "http://h:1/a?b");
    release();
    write_file("\na\0b\n", 5);
    assert_int_equal(bench_requests_read_list(&requests, path, why, sizeof why), RF_USAGE);
    check_why("2: a NUL byte in a URL");
}

static void test_stdin(void **state) {
    (void)state;
    int ends[2], before = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "{\"url\":\"/\"}\n{\n", 14), 14);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(bench_requests_read(&requests, "-", why, sizeof why), RF_USAGE);
    assert_memory_equal(why, "stdin:2: bad JSON", 17);
    dup2(before, STDIN_FILENO);
    close(before);
}

/* ---- resolving ---------------------------------------------------------------------------------------------- */

static void test_resolve(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"http://h:8/a?b#c", "/x?y", "http://h:8/x?y"},
        {"http://h:8/a?b#c", "x/{line:/a/b}", "http://h:8/x/{line:/a/b}"},
        {"http://h:8/a?b#c", "?q=1", "http://h:8/?q=1"},
        {"https://u:p@[::1]", "/x", "https://u:p@[::1]/x"},
        {"localhost:8080/{seq}", "/x", "localhost:8080/x"},
        {"localhost?a://b", "x", "localhost/x"},
        {"http://h#x", "/", "http://h/"},
        {"http://a/", "https://b/x", "https://b/x"},
        {"http://a/", "ftp://b/x", "ftp://b/x"},
        {"http://a/", "/to?u=http://b/", "http://a/to?u=http://b/"},
        {"http://a/", "to?u=http://b/", "http://a/to?u=http://b/"},
        {"http://a/", "{rand:1:2}://b", "http://a/{rand:1:2}://b"},
        {"http://a/", "../x", "http://a/../x"},
        {"http://a/", "a:1/x", "http://a/a:1/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[200];
        snprintf(line, sizeof line, "{\"url\":\"%s\"}", cases[i][1]);
        assert_int_equal(read_text(line), RF_OK);
        resolve(cases[i][0]);
        assert_string_equal(set.request[0].url, cases[i][2]);
        release();
    }
}

static void test_both_sides(void **state) {
    (void)state;
    static const char *const bases[] = {"http://a/x", "http://b/y"};
    assert_int_equal(read_text("{\"url\":\"/p\"}\n{\"method\":\"HEAD\"}"), RF_OK);
    for (size_t i = 0; i < 2; i++) {
        resolve(bases[i]);
        assert_string_equal(set.request[0].url, i ? "http://b/p" : "http://a/p");
        assert_string_equal(set.request[1].url, bases[i]);
        bench_request_set_deinit(&set);
    }
    release();
    assert_int_equal(read_text("{\"url\":\"http://h/\"}\n{\"method\":\"HEAD\"}"), RF_OK);
    assert_int_equal(bench_requests_resolve(requests, NULL, &set, why, sizeof why), RF_USAGE);
    check_why("2: there is no \"url\": a URL on the command line is needed");
    assert_null(set.request);
    release();
}

static void test_many(void **state) {
    (void)state;
    enum { LINES = 5000 };
    char *text = malloc(LINES * 32), *at = text;
    assert_non_null(text);
    for (int i = 0; i < LINES; i++) {
        at += sprintf(at, "{\"url\":\"/%d\",\"weight\":%d}\n", i, i + 1);
    }
    assert_int_equal(read_text(text), RF_OK);
    resolve("http://h");
    assert_int_equal(set.count, LINES);
    assert_string_equal(set.request[LINES - 1].url, "http://h/4999");
    assert_true(set.request[LINES - 1].weight == LINES);
    release();
    free(text);
}

static int make_path(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_members),
        cmocka_unit_test(test_body_file),
        cmocka_unit_test(test_empty_body_is_a_body),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_both_sides),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
