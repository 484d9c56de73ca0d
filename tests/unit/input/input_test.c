/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_test.c: the input as its user has it: sources in order, records numbered, errors as records, interruption, faults,
 * and what can be said without waiting.
 */
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

static const char *write_file(const char *name, const char *text, size_t len) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *write_text(const char *name, const char *text) {
    return write_file(name, text, strlen(text));
}

static void add_file(struct input *input, const char *name) {
    if (input_add_file(input, name, why, sizeof why))
        fail_msg("%s", why);
}

static void add_url(struct input *input, const char *pattern) {
    if (input_add_url(input, pattern, why, sizeof why))
        fail_msg("%s", why);
}

static void expect_url(struct input *input, uint64_t n, uint64_t line, const char *url) {
    memset(&record, 0x5a, sizeof record);
    assert_int_equal(input_next(input, &record), INPUT_RECORD);
    assert_int_equal(record.n, n);
    assert_int_equal(record.line, line);
    if (!span_is(record.url, url))
        fail_msg("wanted %s, got %.*s", url, (int)record.url.len, (const char *)record.url.at);
}

static void expect_end(struct input *input) {
    for (int i = 0; i < 3; i++) {
        assert_true(input_is_ready(input));
        assert_int_equal(input_next(input, &record), INPUT_END);
    }
}

/* Standard input of this process, exchanged for `fd`, which is closed. */
static int saved_stdin = -1;

static void set_stdin(int fd) {
    saved_stdin = dup(STDIN_FILENO);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
}

static void restore_stdin(void) {
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* the input never closes it */
    assert_int_equal(dup2(saved_stdin, STDIN_FILENO), STDIN_FILENO);
    close(saved_stdin);
}

/* Returns the pipe's writing end. */
static int pipe_stdin(void) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    set_stdin(ends[0]);
    return ends[1];
}

static void feed(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

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

static const char mixed[] = "\xef\xbb\xbfhttp://h/1\r\n# c\n\n{\"url\":\"http://h/2\",\"body\":"
                            "\"b\\n\"}\nhttp://h/3\tn\n\thttp://h/4\nhttp://h/5";

static void expect_mixed(struct input *input) {
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

/* A pipe that holds the text's first part when reading begins, and gets the rest at the moment when the input can't go
 * on without it. */
static void test_pipe_split(void **state) {
    (void)state;
    for (size_t split = 0; split < sizeof mixed; split++) {
        int to = pipe_stdin();
        struct input *input = input_open(false);
        add_file(input, "-");
        assert_int_equal(write(to, mixed, split), (ssize_t)split);
        uint64_t count = 0;
        assert_false(input_is_ready(input));
        if (memchr(mixed, '\n', split)) {
            expect_url(input, ++count, 1, "http://h/1");
            while (input_is_ready(input)) {
                assert_int_equal(input_next(input, &record), INPUT_RECORD);
                assert_int_equal(record.n, ++count);
            }
        }
        assert_int_equal(write(to, mixed + split, sizeof mixed - 1 - split),
                         (ssize_t)(sizeof mixed - 1 - split));
        close(to);
        while (input_next(input, &record) == INPUT_RECORD)
            assert_int_equal(record.n, ++count);
        assert_int_equal(count, 5);
        expect_end(input);
        input_close(input);
        restore_stdin();
    }
}

struct drip {
    int fd;
    const char *text;
};

static void *drip(void *context) {
    const struct drip *d = context;
    for (const char *at = d->text; *at; at++)
        if (write(d->fd, at, 1) != 1)
            abort();
    close(d->fd);
    return NULL;
}

static void test_byte_by_byte(void **state) {
    (void)state;
    struct drip d = {.fd = pipe_stdin(), .text = mixed};
    pthread_t thread;
    struct input *input = input_open(false);
    add_file(input, "-");
    assert_int_equal(pthread_create(&thread, NULL, drip, &d), 0);
    expect_mixed(input);
    pthread_join(thread, NULL);
    input_close(input);
    restore_stdin();
}

/* Opening a FIFO doesn't wait for its writer; reading does. */
static void test_fifo(void **state) {
    (void)state;
    snprintf(path, sizeof path, "%s/fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct input *input = input_open(false);
    add_file(input, path);
    assert_false(input_is_ready(input));
    struct drip d = {.fd = open(path, O_WRONLY), .text = mixed};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, drip, &d), 0);
    expect_mixed(input);
    pthread_join(thread, NULL);
    input_close(input);
}

/* A non-blocking standard input, as some shells leave it, is waited for like any other. */
static void test_nonblocking_stdin(void **state) {
    (void)state;
    struct drip d = {.fd = pipe_stdin(), .text = mixed};
    pthread_t thread;
    assert_int_equal(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), 0);
    struct input *input = input_open(false);
    add_file(input, "-");
    assert_int_equal(pthread_create(&thread, NULL, drip, &d), 0);
    expect_mixed(input);
    pthread_join(thread, NULL);
    input_close(input);
    restore_stdin();
}

static void test_is_ready(void **state) {
    (void)state;
    int to = pipe_stdin();
    struct input *input = input_open(false);
    add_url(input, "g[1-2]");
    add_file(input, write_text("comments", "#\n"));
    add_file(input, "-");
    add_url(input, "end");
    assert_true(input_is_ready(input));
    expect_url(input, 1, 0, "g1");
    assert_true(input_is_ready(input));
    expect_url(input, 2, 0, "g2");
    assert_false(input_is_ready(input)); /* the file may hold comments only, as it does */
    feed(to, "a\nb\n# comment\n \npart");
    expect_url(input, 3, 1, "a");
    assert_true(input_is_ready(input));
    expect_url(input, 4, 2, "b");
    assert_false(input_is_ready(input));
    feed(to, "ly\n\tbad\n");
    expect_url(input, 5, 5, "partly");
    assert_true(input_is_ready(input)); /* an error is a record */
    expect_url(input, 6, 6, "bad");
    assert_false(input_is_ready(input));
    close(to);
    expect_url(input, 7, 0, "end");
    expect_end(input);
    input_close(input);
    restore_stdin();
}

/* The last line of a pipe, whose end is known, and what follows it. */
static void test_is_ready_at_end(void **state) {
    (void)state;
    int to = pipe_stdin();
    struct input *input = input_open(false);
    add_file(input, "-");
    feed(to, "a\nlast");
    expect_url(input, 1, 1, "a");
    assert_false(input_is_ready(input));
    close(to);
    expect_url(input, 2, 2, "last");
    assert_true(input_is_ready(input));
    expect_end(input);
    input_close(input);
    restore_stdin();
}

static void test_is_ready_regular(void **state) {
    (void)state;
    struct input *input = input_open(false);
    input_set_block_bytes(input, 2);
    add_file(input, write_text("regular", "a\n#\n#\nb\n"));
    assert_true(input_is_ready(input));
    expect_url(input, 1, 1, "a");
    assert_true(input_is_ready(input));
    expect_url(input, 2, 4, "b");
    expect_end(input);
    input_close(input);
}

static void *interrupt_input(void *context) {
    input_interrupt(context);
    return NULL;
}

/* Both orders of waiting and interrupting end the same way, so the test needs no pause. */
static void test_interrupt_blocked(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        int to = pipe_stdin();
        pthread_t thread;
        struct input *input = input_open(false);
        add_file(input, "-");
        feed(to, "a\npart");
        expect_url(input, 1, 1, "a");
        assert_int_equal(pthread_create(&thread, NULL, interrupt_input, input), 0);
        assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
        pthread_join(thread, NULL);
        assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
        assert_true(input_is_ready(input));
        input_close(input);
        close(to);
        restore_stdin();
    }
}

static void test_interrupt_early(void **state) {
    (void)state;
    struct input *input = input_open(false);
    add_url(input, "g[1-9]");
    expect_url(input, 1, 0, "g1");
    input_interrupt(input);
    input_interrupt(input);
    assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
    input_close(input);
}

static void expect_fault(struct input *input, int error_number, const char *text) {
    assert_int_equal(input_next(input, &record), INPUT_FAULT);
    assert_int_equal(record.err.stage, STAGE_INPUT);
    assert_int_equal(record.err.kind, ERR_UNREADABLE);
    assert_int_equal(record.err.detail, error_number);
    assert_int_equal(err_fault(record.err), FAULT_LOCAL);
    assert_string_equal(record.why, text);
    expect_end(input);
}

/* A peer that closes with bytes unread makes the reader see what was sent, then ECONNRESET. The unfinished line is no
 * record, and the sources behind are not read. */
static void test_fault(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    set_stdin(ends[0]);
    struct input *input = input_open(false);
    add_file(input, "-");
    add_url(input, "never");
    feed(ends[1], "a\nb\nhttp://h/par");
    expect_url(input, 1, 1, "a");
    feed(STDIN_FILENO, "unread");
    close(ends[1]);
    expect_url(input, 2, 2, "b");
    expect_fault(input, ECONNRESET, "cannot read input file \"-\": Connection reset by peer");
    input_close(input);
    restore_stdin();
}

/* Page 0 of a process is not mapped, and its memory file says EIO. */
static void test_fault_of_regular_file(void **state) {
    (void)state;
    struct input *input = input_open(false);
    add_url(input, "u");
    add_file(input, "/proc/self/mem");
    expect_url(input, 1, 0, "u");
    expect_fault(input, EIO, "cannot read input file \"/proc/self/mem\": Input/output error");
    input_close(input);
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

static int make_directory(void **state) {
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
    (void)state;
    static const char *const names[] = {"empty", "comments", "a",    "b",   "bad",
                                        "mixed", "regular",  "fifo", "long"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    return rmdir(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_globoff),
        cmocka_unit_test(test_errors_are_records),
        cmocka_unit_test(test_files_that_cannot_be_opened),
        cmocka_unit_test(test_block_sizes),
        cmocka_unit_test(test_pipe_split),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_nonblocking_stdin),
        cmocka_unit_test(test_is_ready),
        cmocka_unit_test(test_is_ready_at_end),
        cmocka_unit_test(test_is_ready_regular),
        cmocka_unit_test(test_interrupt_blocked),
        cmocka_unit_test(test_interrupt_early),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_fault_of_regular_file),
        cmocka_unit_test(test_memory_is_constant),
    };
    return cmocka_run_group_tests_name("input", tests, make_directory, remove_directory);
}
