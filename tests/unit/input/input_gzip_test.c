/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_gzip_test.c: compressed sources: whole, in several members, cut at every byte, damaged at every byte, and larger than any
 * memory.
 */
#include <sys/socket.h>

#include "input/input_stream.h"
#include "input/source_fixture.h"

static const char list[] = "http://a/1\nhttp://a/2\n# c\nhttp://a/3\nhttp://a/4";

static void expect_list(struct input *input, bool has_end) {
    expect_url(input, 1, 0, "http://a/1");
    expect_url(input, 2, 0, "http://a/2");
    expect_url(input, 4, 0, "http://a/3");
    expect_url(input, 5, 0, "http://a/4");
    if (has_end)
        expect_end(input);
}

static void test_whole(void **state) {
    (void)state;
    for (size_t block = 1; block < 70; block += 3) {
        struct input *input = input_open(false);
        input_set_block_bytes(input, block);
        add(input, put_gzip("l.gz", list, strlen(list)), "list", NULL);
        expect_list(input, true);
    }
}

static void test_members(void **state) {
    (void)state;
    size_t first_len, second_len;
    uint8_t *first = gzip(list, 15, &first_len),
            *second = gzip(list + 15, strlen(list) - 15, &second_len);
    uint8_t *both = calloc(1, first_len + second_len + 512);
    memcpy(both, first, first_len);
    memcpy(both + first_len, second, second_len);
    for (size_t zeros = 0; zeros <= 512; zeros += 256)
        expect_list(open_source(put_bytes("m", both, first_len + second_len + zeros), NULL, NULL),
                    true);
    both[first_len + second_len] = 'x';
    struct input *input = open_source(put_bytes("m", both, first_len + second_len + 1), NULL, NULL);
    expect_url(input, 1, 0, "http://a/1");
    expect_url(input, 2, 0, "http://a/2");
    expect_url(input, 4, 0, "http://a/3");
    expect_bad(input, 4, ERR_BAD_GZIP, ""); /* the line before the garbage has no end */
    expect_end(input);
    free(first);
    free(second);
    free(both);
}

/* What came before counts, a half line doesn't, one record says that it isn't all, and the next source is read. */
static void check_damaged(const uint8_t *packed, size_t count, const char *from,
                          bool may_be_whole) {
    struct input *input = open_source(put_bytes("cut.gz", packed, count), from, NULL);
    add(input, put("next", "http://next/\n"), "list", NULL);
    static const char *const urls[] = {"http://a/1", "http://a/2", "http://a/3", "http://a/4"};
    unsigned good = 0, bad = 0;
    for (;;) {
        expect_record(input);
        if (span_is(record.source, "next"))
            break;
        assert_int_equal(bad, 0);
        if (record.err.kind == ERR_BAD_GZIP) {
            assert_int_equal(record.err.stage, STAGE_INPUT);
            expect_span(record.url, "cut.gz");
            bad++;
        } else {
            assert_true(good < 4);
            expect_span(record.url, urls[good++]);
        }
    }
    expect_span(record.url, "http://next/");
    assert_true(bad == 1 || (may_be_whole && good == 4));
    expect_end(input);
}

static void test_cut(void **state) {
    (void)state;
    size_t count;
    uint8_t *packed = gzip(list, strlen(list), &count);
    for (size_t cut = 2; cut < count; cut++)
        check_damaged(packed, cut, "list", false);
    free(packed);
    static const char page[] = "<p><a href='http://a/1'>x</a><a href='http://a/2'>y</a> <a "
                               "href='http://a/3'>z</a><a href='http://a/4'>z</a>";
    packed = gzip(page, strlen(page), &count);
    for (size_t cut = 2; cut < count; cut++)
        check_damaged(packed, cut, "html", false);
    free(packed);
    static const char text[] = "http://a/1 http://a/2 http://a/3 http://a/4";
    packed = gzip(text, strlen(text), &count);
    for (size_t cut = 2; cut < count; cut++)
        check_damaged(packed, cut, "text", false);
    free(packed);
    static const char map[] =
        "<urlset "
        "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>http://a/1</loc></url>"
        "<url><loc>http://a/2</loc></url><url><loc>http://a/3</loc></url><url><loc>http://a/4</"
        "loc></url></urlset>";
    packed = gzip(map, strlen(map), &count);
    for (size_t cut = 2; cut < count; cut++)
        check_damaged(packed, cut, "sitemap", false);
    free(packed);
}

/* A byte of zlib's data that differs is damage that the checksum sees at the latest; in the header it may be harmless. */
static void test_damaged(void **state) {
    (void)state;
    size_t count;
    uint8_t *packed = gzip(list, strlen(list), &count);
    for (size_t at = count - 8; at < count; at++) {
        packed[at] ^= 0x40;
        struct input *input = open_source(put_bytes("d.gz", packed, count), "list", NULL);
        expect_url(input, 1, 0, "http://a/1");
        expect_url(input, 2, 0, "http://a/2");
        expect_url(input, 4, 0, "http://a/3");
        expect_bad(input, 4, ERR_BAD_GZIP, "incorrect");
        expect_end(input);
        packed[at] ^= 0x40;
    }
    for (size_t at = 2; at < count; at++)
        for (int bit = 0; bit < 8; bit++) {
            packed[at] ^= (uint8_t)(1 << bit);
            struct input *input = open_source(put_bytes("d.gz", packed, count), "list", NULL);
            enum input_step step;
            unsigned records = 0;
            while ((step = input_next(input, &record)) == INPUT_RECORD)
                assert_true(++records < 300);
            assert_int_equal(step, INPUT_END);
            input_close(input);
            packed[at] ^= (uint8_t)(1 << bit);
        }
    free(packed);
}

/* Thousands of times its size, in the memory of a plain list. */
static void test_bomb(void **state) {
    (void)state;
    size_t len = 1 << 20, count;
    char *text = malloc(len);
    memset(text, '\n', len);
    uint8_t *packed = gzip(text, len, &count);
    FILE *file = fopen("bomb.gz", "w");
    for (int i = 0; i < 10; i++)
        assert_int_equal(fwrite(packed, 1, count, file), count);
    fclose(file);
    free(packed);
    free(text);
    struct input *input = open_source("bomb.gz", "list", NULL);
    assert_int_equal(input_next(input, &record), INPUT_END);
    assert_true(input_buffer_bytes(input) <= 2 * 128 * 1024);
    expect_end(input);
}

static void test_magic_alone(void **state) {
    (void)state;
    struct input *input = open_source(put("m", "\x1f"), "list", NULL);
    expect_url(input, 1, 0, "\x1f");
    expect_end(input);
    input = open_source(put("m", "\x1fx\n"), "list", NULL);
    expect_url(input, 1, 0, "\x1fx");
    expect_end(input);
}

/* Standard input that gives a byte at each reading, the magic's too: a socket that keeps packets apart. */
static void test_byte_by_byte(void **state) {
    (void)state;
    size_t count;
    uint8_t *packed = gzip(list, strlen(list), &count);
    int ends[2], saved = dup(STDIN_FILENO);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    dup2(ends[0], STDIN_FILENO);
    struct input *input = open_source("-", "list", NULL);
    assert_false(input_is_ready(input));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(write(ends[1], packed + i, 1), 1);
    close(ends[1]);
    expect_list(input, false);
    expect_span(record.source, "-");
    expect_end(input);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(ends[0]);
    free(packed);
}

/* Reading by single bytes gives what one large reading gives, and an end stays one. */
static void test_stream(void **state) {
    (void)state;
    size_t count, got;
    uint8_t *packed = gzip(list, strlen(list), &count), bytes[200];
    for (size_t room = 1; room < sizeof list; room++) {
        struct input_stream stream;
        struct span begin;
        size_t total = 0;
        stream_open_memory(&stream, span_of(packed, count));
        if (room % 2) {
            assert_int_equal(stream_peek(&stream, &begin), 0);
            assert_memory_equal(begin.at, list, begin.len);
        }
        do {
            assert_int_equal(stream_read(&stream, bytes + total, room, &got), 0);
            total += got;
        } while (got);
        assert_int_equal(total, strlen(list));
        assert_memory_equal(bytes, list, total);
        assert_int_equal(stream_read(&stream, bytes, room, &got), 0);
        assert_int_equal(got, 0);
        stream_close(&stream);
    }
    free(packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_members),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_bomb),         cmocka_unit_test(test_magic_alone),
        cmocka_unit_test(test_byte_by_byte), cmocka_unit_test(test_stream),
    };
    return cmocka_run_group_tests_name("input_gzip", tests, make_tree, remove_tree);
}
