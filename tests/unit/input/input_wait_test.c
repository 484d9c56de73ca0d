/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_wait_test.c: the input where it waits: pipes that fill slowly, interruption, faults in the middle, and what can
 * be said without waiting.
 */
#include "input/input_fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests_name("input_wait", tests, make_directory, remove_directory);
}
