/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_test.c: the input as its user has it: sources in order, records numbered, errors as records.
 */
#include "input/input_fixture.h"

static void test_empty(void **state) {
    (void)state;
    struct input *input = input_open(false);
    expect_end(input);
    add_file(input, write_text("empty", ""));
    add_file(input, write_text("comments", "# a\n\n  \n# b"));
    expect_end(input);
    add_url(input, "u"); /* more can follow after the end */
    expect_url(input, 1, 0, "u");
    expect_end(input);
    input_close(input);
    input_close(NULL);
}

static void test_order(void **state) {
    (void)state;
    struct input *input = input_open(false);
    add_url(input, "g[1-2]");
    add_file(input, write_text("a", "\xef\xbb\xbf# list\r\n\r\nx\r\ny\tname\r\n"));
    add_url(input, "g{p,q}");
    add_file(input, write_text("b", "{\"url\":\"j\",\"tag\":\"t\"}\nl[1-2]\n#\nlast"));
    expect_url(input, 1, 0, "g1");
    assert_int_equal(record.size, -1);
    assert_null(record.name.at);
    assert_null(record.why);
    expect_url(input, 2, 0, "g2");
    expect_url(input, 3, 3, "x");
    expect_url(input, 4, 4, "y");
    assert_true(span_is(record.name, "name"));
    expect_url(input, 5, 0, "gp");
    assert_null(record.name.at);
    expect_url(input, 6, 0, "gq");
    expect_url(input, 7, 1, "j");
    assert_true(span_is(record.tag, "t"));
    expect_url(input, 8, 2, "l[1-2]"); /* lines are never globbed */
    assert_null(record.tag.at);
    expect_url(input, 9, 4, "last");
    expect_end(input);
    input_close(input);
}

static void test_globoff(void **state) {
    (void)state;
    struct input *input = input_open(true);
    add_url(input, "g[1-2]{");
    expect_url(input, 1, 0, "g[1-2]{");
    expect_end(input);
    input_close(input);
    input = input_open(false);
    assert_true(input_add_url(input, "g[1-", why, sizeof why) < 0);
    assert_string_equal(why, "bad URL pattern \"g[1-\": missing ] at position 2");
    expect_end(input);
    input_close(input);
}

static void expect_bad(struct input *input, uint64_t n, uint64_t line, enum err_kind kind) {
    assert_int_equal(input_next(input, &record), INPUT_RECORD);
    assert_int_equal(record.n, n);
    assert_int_equal(record.line, line);
    assert_int_equal(record.err.stage, STAGE_INPUT);
    assert_int_equal(record.err.kind, kind);
    assert_int_equal(record.err.detail, line);
    assert_non_null(record.why);
    assert_non_null(record.url.at);
}

static void test_errors_are_records(void **state) {
    (void)state;
    size_t len = INPUT_LINE_BYTES_MAX + 100;
    char *text = malloc(2 * len + 100), *to = text;
    to += sprintf(to, "a\tb\tc\n{\"url\":1}\nn");
    *to++ = 0;
    *to++ = '\n';
    memset(to, 'u', len);
    to += len;
    to += sprintf(to, "\nok\n#");
    memset(to, 'c', len);
    to += len;
    to += sprintf(to, "\nlast");
    struct input *input = input_open(false);
    add_file(input, write_file("bad", text, (size_t)(to - text)));
    free(text);
    expect_bad(input, 1, 1, ERR_BAD_LINE);
    expect_bad(input, 2, 2, ERR_BAD_JSON);
    expect_bad(input, 3, 3, ERR_BAD_LINE);
    expect_bad(input, 4, 4, ERR_LINE_TOO_LONG);
    assert_int_equal(record.url.len, 4096);
    expect_url(input, 5, 5, "ok");
    assert_false(err_is(record.err));
    expect_url(input, 6, 7, "last"); /* the long comment made no record */
    expect_end(input);
    assert_true(input_buffer_bytes(input) <= 2 * INPUT_LINE_BYTES_MAX);
    input_close(input);
}

static void refuse_file(const char *name, const char *format) {
    struct input *input = input_open(false);
    char want[300];
    assert_true(input_add_file(input, name, why, sizeof why) < 0);
    snprintf(want, sizeof want, format, name);
    assert_string_equal(why, want);
    expect_end(input);
    input_close(input);
}

static void test_files_that_cannot_be_opened(void **state) {
    (void)state;
    refuse_file("/nonexistent/x", "cannot open input file \"%s\": No such file or directory");
    refuse_file("", "cannot open input file \"%s\": No such file or directory");
    refuse_file(directory, "cannot open input file \"%s\": Is a directory");
    set_stdin(open("/dev/null", O_RDONLY | O_CLOEXEC));
    struct input *input = input_open(false);
    assert_true(input_add_file(input, "/x\n\x1b", why, sizeof why) < 0);
    assert_string_equal(why, "cannot open input file \"/x??\": No such file or directory");
    add_file(input, "-");
    assert_true(input_add_file(input, "-", why, sizeof why) < 0);
    assert_string_equal(why, "standard input can be read only once");
    input_close(input);
    restore_stdin();
    set_stdin(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    refuse_file("-", "cannot open input file \"%s\": Is a directory");
    restore_stdin();
}

/* Whatever a read returns, the records are the same. */
static void test_block_sizes(void **state) {
    (void)state;
    const char *name = write_text("mixed", mixed);
    for (size_t block = 1; block <= sizeof mixed; block++) {
        struct input *input = input_open(false);
        input_set_block_bytes(input, block);
        add_file(input, name);
        expect_mixed(input);
        input_close(input);
    }
}

/* However long the list, the buffer is two blocks. */
static void test_memory_is_constant(void **state) {
    (void)state;
    struct input *input = input_open(false);
    char *text = malloc(4 << 20), *to = text;
    unsigned count = 0;
    while (to - text < (4 << 20) - 100)
        to += sprintf(to, "http://www.example.com/%u\n", ++count);
    add_file(input, write_file("long", text, (size_t)(to - text)));
    free(text);
    for (unsigned i = 1; i <= count; i++) {
        char url[60];
        sprintf(url, "http://www.example.com/%u", i);
        expect_url(input, i, i, url);
    }
    expect_end(input);
    assert_int_equal(input_buffer_bytes(input), 2 * 128 * 1024);
    input_close(input);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_globoff),
        cmocka_unit_test(test_errors_are_records),
        cmocka_unit_test(test_files_that_cannot_be_opened),
        cmocka_unit_test(test_block_sizes),
        cmocka_unit_test(test_memory_is_constant),
    };
    return cmocka_run_group_tests_name("input", tests, make_directory, remove_directory);
}
