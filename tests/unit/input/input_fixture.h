/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_fixture.h: what the tests of input.c share: files in a directory of their own, an exchanged standard input, and
 * expectations about the next record.
 */
#ifndef TESTS_INPUT_INPUT_FIXTURE_H
#define TESTS_INPUT_INPUT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input/input.h"
#include "input/input_private.h"

static char directory[] = "/tmp/rf-input-XXXXXX";
static char path[64];
static char why[300];
static struct input_record record;

static inline const char *write_file(const char *name, const char *text, size_t len) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text) {
    return write_file(name, text, strlen(text));
}

static inline void add_file(struct input *input, const char *name) {
    if (input_add_file(input, name, why, sizeof why))
        fail_msg("%s", why);
}

static inline void add_url(struct input *input, const char *pattern) {
    if (input_add_url(input, pattern, why, sizeof why))
        fail_msg("%s", why);
}

static inline void expect_url(struct input *input, uint64_t n, uint64_t line, const char *url) {
    memset(&record, 0x5a, sizeof record);
    assert_int_equal(input_next(input, &record), INPUT_RECORD);
    assert_int_equal(record.n, n);
    assert_int_equal(record.line, line);
    if (!span_is(record.url, url))
        fail_msg("wanted %s, got %.*s", url, (int)record.url.len, (const char *)record.url.at);
}

static inline void expect_end(struct input *input) {
    for (int i = 0; i < 3; i++) {
        assert_true(input_is_ready(input));
        assert_int_equal(input_next(input, &record), INPUT_END);
    }
}

/* Standard input of this process, exchanged for `fd`, which is closed. */
static int saved_stdin = -1;

static inline void set_stdin(int fd) {
    saved_stdin = dup(STDIN_FILENO);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

static inline void restore_stdin(void) {
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* the input never closes it */
    assert_int_equal(dup2(saved_stdin, STDIN_FILENO), STDIN_FILENO);
    close(saved_stdin);
}

/* Returns the pipe's writing end. */
static inline int pipe_stdin(void) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    set_stdin(ends[0]);
    return ends[1];
}

static inline void feed(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static const char mixed[] = "\xef\xbb\xbfhttp://h/1\r\n# c\n\n{\"url\":\"http://h/2\",\"body\":"
                            "\"b\\n\"}\nhttp://h/3\tn\n\thttp://h/4\nhttp://h/5";

static inline void expect_mixed(struct input *input) {
    expect_url(input, 1, 1, "http://h/1");
    expect_url(input, 2, 4, "http://h/2");
    assert_true(span_is(record.body, "b\n"));
    expect_url(input, 3, 5, "http://h/3");
    assert_true(span_is(record.name, "n"));
    expect_url(input, 4, 6, "http://h/4");
    assert_int_equal(record.err.kind, ERR_BAD_LINE);
    expect_url(input, 5, 7, "http://h/5");
    expect_end(input);
}

static inline int make_directory(void **state) {
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static inline int remove_directory(void **state) {
    (void)state;
    static const char *const names[] = {"empty", "comments", "a",    "b",   "bad",
                                        "mixed", "regular",  "fifo", "long"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    return rmdir(directory);
}

#endif
