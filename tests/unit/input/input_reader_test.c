/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_reader_test.c: lines out of blocks of bytes, wherever the blocks' borders fall.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input/input.h"
#include "input/input_reader.h"

static int file_of(const char *text, size_t len) {
    int fd = memfd_create("input", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct input_stream stream;

static void begin_reading(struct input_reader *reader, int fd) {
    stream_close(&stream);
    stream_open_fd(&stream, fd, false, -1);
    reader_begin(reader, &stream);
}

static void end_reading(struct input_reader *reader) {
    stream_close(&stream);
    reader_deinit(reader);
}

static enum reader_step take(struct input_reader *reader, struct span *line) {
    for (;;) {
        enum reader_step step = reader_take(reader, line);
        if (step != READER_MORE)
            return step;
        assert_int_equal(reader_fill(reader), 0);
    }
}

/* The lines of `text`, each in angle brackets, read in blocks of `block_bytes`. */
static void check_lines(const char *text, size_t len, size_t block_bytes, const char *want) {
    struct input_reader reader;
    struct span line;
    char got[1000], *to = got;
    uint64_t count = 0;
    int fd = file_of(text, len);
    reader_init(&reader, block_bytes);
    begin_reading(&reader, fd);
    *to = 0;
    while (take(&reader, &line) == READER_LINE) {
        assert_int_equal(reader.line, ++count);
        to += sprintf(to, "<%.*s>", (int)line.len, (const char *)line.at);
    }
    assert_string_equal(got, want);
    assert_int_equal(reader_take(&reader, &line), READER_END);
    end_reading(&reader);
    close(fd);
}

static void test_lines(void **state) {
    (void)state;
    static const struct {
        const char *text, *lines;
    } table[] = {
        {"", ""},
        {"a", "<a>"},
        {"a\n", "<a>"},
        {"a\nb", "<a><b>"},
        {"a\r\nb\r\n", "<a><b>"},
        {"a\r", "<a>"},
        {"a\r\r\nb", "<a\r><b>"},
        {"a\rb\n", "<a\rb>"},
        {"\n", "<>"},
        {"\r\n", "<>"},
        {"\r", "<>"},
        {"\n\na\n\n", "<><><a><>"},
        {"first line\nsecond, longer line\nx\nlast", "<first line><second, longer line><x><last>"},
        {"\xef\xbb\xbf", "<>"},
        {"\xef\xbb\xbfurl\nb\n", "<url><b>"},
        {"\xef\xbb\xbf\r\n\xef\xbb\xbf\n", "<><\xef\xbb\xbf>"},
        {"\xef\xbburl", "<\xef\xbburl>"},
        {"\xef", "<\xef>"},
        {"\xef\xbb\xbf\xef\xbb\xbf", "<\xef\xbb\xbf>"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t block = 1; block <= strlen(table[i].text) + 2; block++)
            check_lines(table[i].text, strlen(table[i].text), block, table[i].lines);
}

enum { MAX = INPUT_LINE_BYTES_MAX };

/* A line of `len` bytes between two short ones, with `end` behind it. */
static void check_long(size_t len, const char *front, const char *end, size_t block_bytes,
                       enum reader_step want) {
    size_t front_len = strlen(front), end_len = strlen(end);
    char *text = malloc(front_len + len + end_len + 4);
    memcpy(text, front, front_len);
    memset(text + front_len, 'u', len);
    memcpy(text + front_len + len, end, end_len);
    memcpy(text + front_len + len + end_len, "next", 4);
    int fd = file_of(text, front_len + len + end_len + 4);
    struct input_reader reader;
    struct span line;
    reader_init(&reader, block_bytes);
    begin_reading(&reader, fd);
    assert_int_equal(take(&reader, &line), want);
    if (want == READER_LINE)
        assert_int_equal(line.len, len);
    else
        assert_true(line.len > MAX);
    assert_int_equal(line.at[0], 'u');
    assert_int_equal(reader.line, 1);
    assert_int_equal(take(&reader, &line), READER_LINE);
    assert_true(span_is(line, "next"));
    assert_int_equal(reader.line, 2);
    assert_int_equal(take(&reader, &line), READER_END);
    assert_true(reader.room <= 4 * MAX);
    end_reading(&reader);
    close(fd);
    free(text);
}

static void test_limit(void **state) {
    (void)state;
    static const size_t blocks[] = {1000, 65536, READER_BLOCK_BYTES, MAX, MAX + 1, MAX + 4};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        check_long(MAX - 1, "", "\n", blocks[i], READER_LINE);
        check_long(MAX, "", "\n", blocks[i], READER_LINE);
        check_long(MAX, "", "\r\n", blocks[i], READER_LINE);
        check_long(MAX, "\xef\xbb\xbf", "\r\n", blocks[i], READER_LINE);
        check_long(MAX + 1, "", "\n", blocks[i], READER_TOO_LONG);
        check_long(MAX + 1, "", "\r\n", blocks[i], READER_TOO_LONG);
        check_long(MAX + 1, "\xef\xbb\xbf", "\n", blocks[i], READER_TOO_LONG);
        check_long(MAX + 5, "", "\n", blocks[i], READER_TOO_LONG);
        check_long(MAX + 6, "", "\n", blocks[i], READER_TOO_LONG);
        check_long(3 * MAX, "", "\n", blocks[i], READER_TOO_LONG);
        check_long(3 * MAX, "", "\r\n", blocks[i], READER_TOO_LONG);
    }
}

/* /dev/zero is a line without end: it is handed over once, and memory stays where it is. */
static void test_endless_line(void **state) {
    (void)state;
    struct input_reader reader;
    struct span line;
    FILE *zero = fopen("/dev/zero", "r");
    assert_non_null(zero);
    reader_init(&reader, READER_BLOCK_BYTES);
    begin_reading(&reader, fileno(zero));
    assert_int_equal(take(&reader, &line), READER_TOO_LONG);
    size_t room = reader.room;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(reader_take(&reader, &line), READER_MORE);
        assert_int_equal(reader_fill(&reader), 0);
    }
    assert_int_equal(reader.room, room);
    assert_true(room <= 2 * MAX);
    assert_int_equal(reader.line, 1);
    end_reading(&reader);
    fclose(zero);
}

/* The last line is too long and has no end. */
static void test_long_last(void **state) {
    (void)state;
    for (size_t len = MAX; len < MAX + 8; len++) {
        char *text = malloc(len);
        memset(text, 'u', len);
        int fd = file_of(text, len);
        free(text);
        struct input_reader reader;
        struct span line;
        reader_init(&reader, READER_BLOCK_BYTES);
        begin_reading(&reader, fd);
        assert_int_equal(take(&reader, &line), len > MAX ? READER_TOO_LONG : READER_LINE);
        assert_int_equal(take(&reader, &line), READER_END);
        end_reading(&reader);
        close(fd);
    }
}

/* A copy looks ahead and leaves the original where it was. */
static void test_look_ahead(void **state) {
    (void)state;
    struct input_reader reader;
    struct span line;
    int fd = file_of("a\nb\nc", 5);
    reader_init(&reader, 100);
    begin_reading(&reader, fd);
    assert_int_equal(take(&reader, &line), READER_LINE);
    struct input_reader ahead = reader;
    assert_int_equal(reader_take(&ahead, &line), READER_LINE);
    assert_int_equal(reader_take(&ahead, &line), READER_MORE);
    assert_int_equal(take(&reader, &line), READER_LINE);
    assert_true(span_is(line, "b"));
    assert_int_equal(take(&reader, &line), READER_LINE);
    assert_true(span_is(line, "c"));
    end_reading(&reader);
    close(fd);
}

/* One buffer serves file after file; what a file left behind is gone. */
static void test_begin_again(void **state) {
    (void)state;
    struct input_reader reader;
    struct span line;
    int first = file_of("a\nleft over", 11), second = file_of("\xef\xbb\xbf"
                                                              "b\n",
                                                              5);
    reader_init(&reader, 100);
    begin_reading(&reader, first);
    assert_int_equal(take(&reader, &line), READER_LINE);
    const uint8_t *bytes = reader.bytes;
    begin_reading(&reader, second);
    assert_int_equal(take(&reader, &line), READER_LINE);
    assert_true(span_is(line, "b"));
    assert_int_equal(reader.line, 1);
    assert_ptr_equal(reader.bytes, bytes);
    assert_int_equal(take(&reader, &line), READER_END);
    end_reading(&reader);
    close(first);
    close(second);
}

static void test_error(void **state) {
    (void)state;
    struct input_reader reader;
    struct span line;
    reader_init(&reader, 100);
    begin_reading(&reader, -1);
    assert_int_equal(reader_take(&reader, &line), READER_MORE);
    assert_int_equal(reader_fill(&reader), EBADF);
    end_reading(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_endless_line), cmocka_unit_test(test_long_last),
        cmocka_unit_test(test_look_ahead),   cmocka_unit_test(test_begin_again),
        cmocka_unit_test(test_error),
    };
    return cmocka_run_group_tests_name("input_reader", tests, NULL, NULL);
}
