/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_fuzz.c: whatever an input file or a URL pattern holds: parsers stay inside their input, a record has a URL or an
 * error that fits one line, a pattern stands for as many URLs as it says, and the size of reads changes nothing. Input: a
 * byte with the size of the reads, then the file; its first line is the pattern too. Build with clang
 * -fsanitize=fuzzer,address,undefined, engine/input and the rooms below; start from corpus/input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "input/input.h"
#include "input/input_glob.h"
#include "input/input_line.h"
#include "input/input_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

enum { URLS_MAX = 300 };

static uint64_t digest(uint64_t hash, struct span span) {
    hash = (hash ^ span.len ^ (span.at ? 0x100 : 0)) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < span.len; i++)
        hash = (hash ^ span.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void check_one_line(const char *text) {
    CHECK(*text);
    for (; *text; text++)
        CHECK((uint8_t)*text >= ' ' && *text != 0x7f);
}

static uint64_t check_record(const struct input_record *record) {
    uint64_t hash = digest(record->line, record->url);
    CHECK(record->url.at);
    CHECK(err_is(record->err) == (record->why != NULL));
    if (record->why) {
        check_one_line(record->why);
        CHECK(record->err.stage == STAGE_INPUT || record->is_decided);
        CHECK(record->is_decided || record->url.len <= LINE_URL_SHOWN_MAX);
    } else {
        CHECK(record->url.len > 0);
        CHECK(record->size >= -1);
        CHECK(!record->sha256.at || record->sha256.len == SHA256_HEX_DIGITS);
    }
    hash = digest(hash ^ record->err.kind, record->name);
    hash = digest(digest(hash, record->tag), record->method);
    hash = digest(digest(hash, record->body), record->sha256);
    for (unsigned i = 0; i < record->header_count; i++) {
        CHECK(record->headers[i].at[record->headers[i].len] == 0);
        CHECK(!memchr(record->headers[i].at, '\n', record->headers[i].len));
        hash = digest(hash, record->headers[i]);
    }
    return hash;
}

/* A heap block of exactly the line, so that the sanitizer sees a byte too many being read. */
static void parse_alone(struct span line) {
    struct line_parser parser;
    struct input_record record;
    uint8_t *copy = malloc(line.len ? line.len : 1);
    CHECK(copy);
    memcpy(copy, line.at, line.len);
    line_parser_init(&parser);
    bool is_record = line_parse(&parser, span_of(copy, line.len), 1, &record);
    CHECK(is_record != line_is_silent(line));
    if (is_record)
        check_record(&record);
    line_parser_deinit(&parser);
    free(copy);
}

static void parse_lines(struct span text) {
    while (text.len) {
        const uint8_t *feed = memchr(text.at, '\n', text.len);
        size_t len = feed ? (size_t)(feed - text.at) : text.len;
        parse_alone(span_of(text.at, len));
        text = span_skip(text, len + (feed != NULL));
    }
}

static uint64_t read_file(int fd, const char *from, size_t block_bytes) {
    char path[32], why[200];
    struct input *input = input_open(false);
    struct input_record record;
    uint64_t hash = 0, count = 0;
    CHECK(input);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    input_set_block_bytes(input, block_bytes);
    /* With a base, no link is looked up on this machine. */
    CHECK(input_add_source(input, path, from, "http://b/d/", why, sizeof why) == 0);
    while (input_next(input, &record) == INPUT_RECORD) {
        CHECK(record.n == ++count);
        hash = hash * 31 + check_record(&record);
    }
    CHECK(input_next(input, &record) == INPUT_END);
    input_close(input);
    return hash;
}

static void read_whole(struct span text, size_t block_bytes) {
    static const char *const kinds[] = {"list", "csv:1",    "csv:url", "jsonl:url", "html",
                                        "text", "markdown", "sitemap", NULL};
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("input", MFD_CLOEXEC);
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(pwrite(fd, text.at, text.len, 0) == (ssize_t)text.len);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        CHECK(read_file(fd, kinds[i], block_bytes) == read_file(fd, kinds[i], 65536));
}

static void expand(struct span text) {
    const uint8_t *feed = memchr(text.at, '\n', text.len);
    char why[400],
        *pattern = strndup((const char *)text.at, feed ? (size_t)(feed - text.at) : text.len);
    CHECK(pattern);
    struct glob *glob = glob_parse(pattern, false, why, sizeof why);
    struct span url;
    uint64_t count = 0;
    if (glob) {
        CHECK(glob_count(glob) > 0 && glob_count(glob) <= GLOB_COUNT_MAX);
        while (count < URLS_MAX && glob_next(glob, &url))
            count++;
        CHECK(count == (glob_count(glob) < URLS_MAX ? glob_count(glob) : URLS_MAX));
    } else {
        check_one_line(why);
    }
    glob_free(glob);
    free(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len) {
    if (len < 2)
        return 0;
    struct span text = span_of(input + 1, len - 1);
    parse_lines(text);
    read_whole(text, 1 + input[0] % 64u);
    expand(text);
    return 0;
}
