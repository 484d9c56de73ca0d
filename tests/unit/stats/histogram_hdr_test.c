/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram_hdr_test.c: HdrHistogram's V2 encoding and log lines, against bytes worked out by hand from
 * the format's description, there and back, and against files that lie. zlib may pack as it likes, so
 * what was encoded is compared unpacked.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/hash.h"
#include "guard.h"
#include "stats/histogram_hdr.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define HIGHEST UINT64_C(3600000000)

enum { HEADER = 40, INNER_MAX = 600000 };

/* Cookie, length of the counts, offset, digits, lowest 1, highest 3,600,000,000, ratio 1.0. */
static const uint8_t header[HEADER] = {
    0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 0, 0,    0,    0,    0, 0,    0,    0, 3, 0, 0, 0, 0,
    0,    0,    0,    1,    0, 0, 0, 0, 0xd6, 0x93, 0xa4, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0,
};

/* Value 1 twice, 2047 three hundred times, 2048 once: an empty place, 2, 2045 empty places, 300, 1.
 * ZigZag makes 0, 4, 4089, 600 and 2 of these, in groups of seven bits 00, 04, f9 1f, d8 04, 02. */
static const uint8_t worked[] = {0x00, 0x04, 0xf9, 0x1f, 0xd8, 0x04, 0x02};
/* The same with cookie and length, in a zlib stream that stores instead of packing. */
static const char worked_text[] = "HISTFAAAADp4AQEvAND/HISTEwAAAAcAAAAAAAAAAwAA"
                                  "AAAAAAABAAAAANaTpAA/8AAAAAAAAAAE+R/YBAJ5pgaI";

static void record_worked(struct histogram *histogram) {
    histogram_init(histogram, HIGHEST);
    histogram_record_times(histogram, 1, 2);
    histogram_record_times(histogram, 2047, 300);
    histogram_record(histogram, 2048);
}

/* ---- a second implementation, as plain as can be ---------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t unpack(const char *text, uint8_t *inner) {
    uint8_t *outer = malloc(strlen(text) + 4);
    uint32_t group = 0;
    size_t count = 0;
    uLongf unpacked = INNER_MAX;
    assert_int_equal(strlen(text) % 4, 0);
    for (size_t i = 0; text[i]; i++) {
        group = group << 6 | (text[i] == '=' ? 0 : (uint32_t)(strchr(digits, text[i]) - digits));
        if (i % 4 == 3)
            for (int shift = 16; shift >= 0; shift -= 8)
                outer[count++] = (uint8_t)(group >> shift);
    }
    for (const char *at = text + strlen(text); at[-1] == '='; at--)
        count--;
    assert_memory_equal(outer, "\x1c\x84\x93\x14", 4);
    uint32_t packed = 0;
    for (size_t i = 4; i < 8; i++)
        packed = packed << 8 | outer[i];
    assert_int_equal(packed, count - 8);
    assert_int_equal(uncompress(inner, &unpacked, outer + 8, count - 8), Z_OK);
    free(outer);
    return unpacked;
}

static char *pack(const uint8_t *inner, size_t count, uint32_t cookie) {
    uLongf packed = compressBound(count);
    uint8_t *outer = malloc(packed + 10);
    assert_int_equal(compress(outer + 8, &packed, inner, count), Z_OK);
    for (int i = 0; i < 4; i++) {
        outer[i] = (uint8_t)(cookie >> (24 - 8 * i));
        outer[4 + i] = (uint8_t)(packed >> (24 - 8 * i));
    }
    size_t all = packed + 8, length = 0;
    char *text = calloc(all / 3 * 4 + 5, 1);
    outer[all] = outer[all + 1] = 0;
    for (size_t i = 0; i < all; i += 3) {
        uint32_t group = (uint32_t)outer[i] << 16 | (uint32_t)outer[i + 1] << 8 | outer[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            text[length++] = digits[group >> shift & 63];
    }
    for (size_t i = 0; i < (3 - all % 3) % 3; i++)
        text[length - 1 - i] = '=';
    free(outer);
    return text;
}

static enum hdr_result decode_text(const char *text, struct histogram *histogram) {
    size_t length = strlen(text);
    return hdr_decode((const char *)guard_copy(text, length), length, histogram);
}

/* Our header, changed at one place, before these counts. */
static enum hdr_result decode_changed(size_t at, uint8_t byte, const uint8_t *counts, size_t count,
                                      struct histogram *histogram) {
    uint8_t *inner = malloc(HEADER + count);
    memcpy(inner, header, HEADER);
    memcpy(inner + HEADER, counts, count);
    inner[6] = (uint8_t)(count >> 8);
    inner[7] = (uint8_t)count;
    inner[at] = byte;
    char *text = pack(inner, HEADER + count, 0x1c849314);
    enum hdr_result result = decode_text(text, histogram);
    free(text);
    free(inner);
    return result;
}

static enum hdr_result decode_counts(const uint8_t *counts, size_t count,
                                     struct histogram *histogram) {
    return decode_changed(0, header[0], counts, count, histogram);
}

/* ---- worked out by hand ----------------------------------------------------------------------- */

static void worked_example_is_written(void **state) {
    static uint8_t inner[INNER_MAX];
    struct histogram histogram;
    (void)state;
    record_worked(&histogram);
    char *text = hdr_encode(&histogram);
    assert_memory_equal(text, "HISTFAAA", 8);
    assert_int_equal(unpack(text, inner), HEADER + sizeof worked);
    assert_int_equal(inner[7], sizeof worked);
    inner[7] = 0;
    assert_memory_equal(inner, header, HEADER);
    assert_memory_equal(inner + HEADER, worked, sizeof worked);
    free(text);
    histogram_deinit(&histogram);
}

static void worked_example_is_read(void **state) {
    struct histogram histogram;
    (void)state;
    assert_int_equal(decode_text(worked_text, &histogram), HDR_OK);
    assert_int_equal(histogram.total, 303);
    assert_int_equal(histogram.highest, HIGHEST);
    assert_int_equal(histogram.count[1], 2);
    assert_int_equal(histogram.count[2047], 300);
    assert_int_equal(histogram.count[2048], 1);
    assert_int_equal(histogram.min, 1);
    assert_int_equal(histogram.max, 2049); /* its bucket's end */
    assert_true(histogram.sum == 2 + 300 * 2047 + 2048.5);
    histogram_deinit(&histogram);
}

static void empty_one_is_a_single_zero(void **state) {
    static uint8_t inner[INNER_MAX];
    struct histogram histogram, back;
    (void)state;
    histogram_init(&histogram, HIGHEST);
    char *text = hdr_encode(&histogram);
    assert_int_equal(unpack(text, inner), HEADER + 1);
    assert_int_equal(inner[HEADER], 0);
    assert_int_equal(decode_text(text, &back), HDR_OK);
    assert_int_equal(back.total, 0);
    assert_int_equal(back.min, UINT64_MAX);
    free(text);
    histogram_deinit(&histogram);
    histogram_deinit(&back);
}

/* 2^63 - 1 becomes 2^64 - 2: eight groups of seven bits, and a byte of eight. */
static void largest_count_takes_nine_bytes(void **state) {
    static const uint8_t nine[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static uint8_t inner[INNER_MAX];
    struct histogram histogram, back;
    (void)state;
    histogram_init(&histogram, HIGHEST);
    histogram_record_times(&histogram, 0, INT64_MAX);
    char *text = hdr_encode(&histogram);
    assert_int_equal(unpack(text, inner), HEADER + sizeof nine);
    assert_memory_equal(inner + HEADER, nine, sizeof nine);
    assert_int_equal(decode_text(text, &back), HDR_OK);
    assert_int_equal(back.total, INT64_MAX);
    free(text);
    histogram_deinit(&histogram);
    histogram_deinit(&back);
}

/* ---- there and back --------------------------------------------------------------------------- */

static void counts_come_back(void **state) {
    static const uint64_t highest[] = {2, 2047, 2048, 1000000, HIGHEST, INT64_MAX};
    struct random random;
    (void)state;
    random_seed(&random, 11);
    for (size_t i = 0; i < COUNT(highest); i++) {
        struct histogram histogram, back;
        histogram_init(&histogram, highest[i]);
        for (unsigned n = 0; n < 3000; n++) {
            uint64_t value = random_next(&random) >> random_below(&random, 64);
            histogram_record_times(&histogram, value,
                                   1 + (random_next(&random) >> random_below(&random, 30) >> 34));
        }
        char *text = hdr_encode(&histogram);
        assert_int_equal(decode_text(text, &back), HDR_OK);
        assert_int_equal(back.total, histogram.total);
        assert_int_equal(back.count_length, histogram.count_length);
        assert_memory_equal(back.count, histogram.count, back.count_length * sizeof *back.count);
        assert_true(fabs(histogram_mean(&back) / histogram_mean(&histogram) - 1) < 0.001);
        assert_true(histogram_merge(&back, &histogram));
        free(text);
        histogram_deinit(&histogram);
        histogram_deinit(&back);
    }
}

/* ---- lies ------------------------------------------------------------------------------------- */

static void other_layouts_are_named(void **state) {
    static const struct {
        size_t at;
        uint8_t byte;
        enum hdr_result result;
    } cases[] = {
        {3, 0x03, HDR_OK},
        {3, 0x83, HDR_OK},
        {3, 0x01, HDR_UNSUPPORTED},
        {2, 0x94, HDR_BAD},
        {11, 1, HDR_UNSUPPORTED},
        {15, 2, HDR_UNSUPPORTED},
        {23, 2, HDR_UNSUPPORTED},
        {33, 0xf1, HDR_UNSUPPORTED},
        {24, 0x80, HDR_BAD},
        {7, 6, HDR_BAD},
        {5, 1, HDR_BAD},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct histogram histogram;
        enum hdr_result result =
            decode_changed(cases[i].at, cases[i].byte, worked, sizeof worked, &histogram);
        assert_int_equal(result, cases[i].result);
        if (result == HDR_OK)
            histogram_deinit(&histogram);
    }
}

static void counts_that_lie_are_refused(void **state) {
    static const struct {
        uint8_t bytes[24];
        size_t count;
        enum hdr_result result;
    } cases[] = {
        {{0}, 0, HDR_OK},                       /* no counts at all */
        {{0xff, 0xef, 0x02}, 3, HDR_OK},        /* 23552 empty places: all */
        {{0x81, 0xf0, 0x02}, 3, HDR_BAD},       /* one more */
        {{0xff, 0xef, 0x02, 0x02}, 4, HDR_BAD}, /* a count behind the last */
        {{0x84}, 1, HDR_BAD},                   /* cut off */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 8, HDR_BAD},       /* cut off */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, HDR_BAD}, /* -2^63 */
        {{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2},
         10,
         HDR_BAD}, /* a sum beyond 2^63 */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct histogram histogram;
        enum hdr_result result = decode_counts(cases[i].bytes, cases[i].count, &histogram);
        assert_int_equal(result, cases[i].result);
        if (result == HDR_OK)
            histogram_deinit(&histogram);
    }
}

static void half_texts_and_changed_ones_are_refused(void **state) {
    static const char *const bad[] = {"",
                                      "=",
                                      "H",
                                      "HIST",
                                      "HISTFAAA",
                                      "HISTFAAAAAA=",
                                      "!",
                                      "HISTFAAAAAAA AAA",
                                      "AAAAAAAAAAAAAAAA",
                                      "H4sIAAAAAAAAAwMAAAAAAAAAAAA="};
    struct histogram histogram;
    size_t length = strlen(worked_text);
    char text[sizeof worked_text];
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(decode_text(bad[i], &histogram), HDR_BAD);
    for (size_t cut = 0; cut < length - 2; cut++)
        assert_int_equal(hdr_decode((const char *)guard_copy(worked_text, cut), cut, &histogram),
                         HDR_BAD);
    /* The header or zlib's checksum finds it, unless it is one of the bits that mean nothing: the width of
     * the writer's words, and what fills zlib's first byte up. */
    for (size_t i = 0; i < length - 4; i++) {
        strcpy(text, worked_text);
        text[i] = text[i] == 'Q' ? 'R' : 'Q';
        if (decode_text(text, &histogram) != HDR_OK)
            continue;
        assert_int_equal(histogram.total, 303);
        histogram_deinit(&histogram);
    }
    memcpy(text, worked_text, sizeof text);
    text[7] = '\0';
    assert_int_equal(hdr_decode(text, length, &histogram), HDR_BAD);
}

/* What unpacks to more than any histogram has ends there. */
static void bombs_do_not_go_off(void **state) {
    static uint8_t zeros[INNER_MAX * 4];
    struct histogram histogram;
    (void)state;
    memcpy(zeros, header, HEADER);
    char *text = pack(zeros, sizeof zeros, 0x1c849314);
    assert_int_equal(decode_text(text, &histogram), HDR_BAD);
    free(text);
    text = pack(zeros, HEADER, 0x1c849302);
    assert_int_equal(decode_text(text, &histogram), HDR_UNSUPPORTED);
    free(text);
}

/* ---- the log ---------------------------------------------------------------------------------- */

static void log_begins_as_the_format_says(void **state) {
    char *text = hdr_log_begin(1441812279.474);
    (void)state;
    assert_string_equal(text,
                        "#[Histogram log format version 1.3]\n"
                        "#[StartTime: 1441812279.474 (seconds since epoch), 2015-09-09T15:24:39Z]\n"
                        "#[BaseTime: 1441812279.474 (seconds since epoch)]\n"
                        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                        "\"Interval_Compressed_Histogram\"\n");
    free(text);
}

static void log_lines_are_written(void **state) {
    struct hdr_log_interval interval = {
        .tag = NULL, .start_s = 0.127, .length_s = 1.007, .max_unit = 1000};
    struct histogram histogram;
    char expected[4096];
    (void)state;
    record_worked(&histogram);
    char *encoded = hdr_encode(&histogram), *line = hdr_log_line(&interval, &histogram);
    snprintf(expected, sizeof expected, "0.127,1.007,2.048,%s\n", encoded);
    assert_string_equal(line, expected);
    free(line);
    interval.tag = "a, b\nc";
    line = hdr_log_line(&interval, &histogram);
    snprintf(expected, sizeof expected, "Tag=a__b_c,0.127,1.007,2.048,%s\n", encoded);
    assert_string_equal(line, expected);
    free(line);
    interval.tag = "";
    line = hdr_log_line(&interval, &histogram);
    snprintf(expected, sizeof expected, "Tag=,0.127,1.007,2.048,%s\n", encoded);
    assert_string_equal(line, expected);
    free(line);
    free(encoded);
    histogram_deinit(&histogram);
}

static enum hdr_log_kind read_line(const char *line, struct hdr_log_record *record) {
    size_t length = strlen(line);
    return hdr_log_read((const char *)guard_copy(line, length), length, record);
}

static void log_lines_are_read(void **state) {
    struct hdr_log_record record;
    (void)state;
    assert_int_equal(read_line("Tag=x,0.5,1.25,2e1,HISTFAAAAA\r\n", &record), HDR_LOG_INTERVAL);
    assert_true(record.time_s == 0.5 && record.length_s == 1.25 && record.max == 20);
    assert_int_equal(record.tag_length, 1);
    assert_memory_equal(record.tag, "x", 1);
    assert_int_equal(record.text_length, 10);
    assert_memory_equal(record.text, "HISTFAAAAA", 10);
    assert_int_equal(read_line("0,1,2,H", &record), HDR_LOG_INTERVAL);
    assert_null(record.tag);
    assert_int_equal(read_line("#[StartTime: 12.5 (seconds since epoch), x]", &record),
                     HDR_LOG_START);
    assert_true(record.time_s == 12.5);
    assert_int_equal(read_line("#[BaseTime: 7]\n", &record), HDR_LOG_BASE);
    assert_true(record.time_s == 7);
    assert_int_equal(read_line("#[BaseTime: x]", &record), HDR_LOG_BAD);
    assert_int_equal(read_line("", &record), HDR_LOG_OTHER);
    assert_int_equal(read_line("\n", &record), HDR_LOG_OTHER);
    assert_int_equal(read_line("# anything", &record), HDR_LOG_OTHER);
    assert_int_equal(read_line("\"StartTimestamp\",\"...\"", &record), HDR_LOG_OTHER);
}

static void log_lines_that_lie_are_refused(void **state) {
    static const char *const bad[] = {
        "0,1,2,",
        "0,1,2",
        "0,1",
        "0",
        "x,1,2,H",
        "inf,1,2,H",
        "nan,1,2,H",
        "0x1,1,2,H",
        "-1,1,2,H",
        ",1,2,H",
        "1 ,1,2,H",
        "1e999,1,2,H",
        "Tag=",
        "Tag=a",
        "Tag=a,0,1",
        "1..2,1,2,H",
        "00000000000000000000000000000000000000000,1,2,H",
    };
    struct hdr_log_record record;
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(read_line(bad[i], &record), HDR_LOG_BAD);
}

static void log_goes_there_and_back(void **state) {
    struct hdr_log_interval interval = {.tag = "get", .start_s = 1, .length_s = 2, .max_unit = 1};
    struct histogram histogram, back;
    struct hdr_log_record record;
    (void)state;
    record_worked(&histogram);
    char *line = hdr_log_line(&interval, &histogram);
    assert_int_equal(read_line(line, &record), HDR_LOG_INTERVAL);
    assert_int_equal(hdr_decode(record.text, record.text_length, &back), HDR_OK);
    assert_true(histogram_merge(&histogram, &back));
    assert_int_equal(histogram.total, 606);
    free(line);
    histogram_deinit(&histogram);
    histogram_deinit(&back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example_is_written),
        cmocka_unit_test(worked_example_is_read),
        cmocka_unit_test(empty_one_is_a_single_zero),
        cmocka_unit_test(largest_count_takes_nine_bytes),
        cmocka_unit_test(counts_come_back),
        cmocka_unit_test(other_layouts_are_named),
        cmocka_unit_test(counts_that_lie_are_refused),
        cmocka_unit_test(half_texts_and_changed_ones_are_refused),
        cmocka_unit_test(bombs_do_not_go_off),
        cmocka_unit_test(log_begins_as_the_format_says),
        cmocka_unit_test(log_lines_are_written),
        cmocka_unit_test(log_lines_are_read),
        cmocka_unit_test(log_lines_that_lie_are_refused),
        cmocka_unit_test(log_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
