/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * source_fixture.h: what the tests of sources share: a tree of files in a directory of its own, which is the working
 * directory, gzip of any text, a web of a few pages for input_on_fetch, and expectations about records.
 */
#ifndef TESTS_INPUT_SOURCE_FIXTURE_H
#define TESTS_INPUT_SOURCE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "input/input.h"
#include "input/input_private.h"

static char tree[] = "/tmp/rf-source-XXXXXX";
static char why[400];
static struct input_record record;

static inline int make_tree(void **state) {
    (void)state;
    return mkdtemp(tree) && chdir(tree) == 0 ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *stat, int flag,
                               struct FTW *ftw) {
    (void)stat, (void)flag, (void)ftw;
    return remove(path);
}

static inline int remove_tree(void **state) {
    (void)state;
    return chdir("/") == 0 ? nftw(tree, remove_entry, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

static inline const char *put_bytes(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *put(const char *path, const char *text) {
    return put_bytes(path, text, strlen(text));
}

/* One gzip member; free it. */
static inline uint8_t *gzip(const void *text, size_t len, size_t *count) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, len) + 64;
    uint8_t *packed = malloc(room);
    z.next_in = (Bytef *)text;
    z.avail_in = (uInt)len;
    z.next_out = packed;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *count = room - z.avail_out;
    deflateEnd(&z);
    return packed;
}

static inline const char *put_gzip(const char *path, const void *text, size_t len) {
    size_t count;
    uint8_t *packed = gzip(text, len, &count);
    put_bytes(path, packed, count);
    free(packed);
    return path;
}

static inline void add(struct input *input, const char *path, const char *from, const char *base) {
    if (input_add_source(input, path, from, base, why, sizeof why))
        fail_msg("%s", why);
}

static inline struct input *open_source(const char *path, const char *from, const char *base) {
    struct input *input = input_open(false);
    assert_non_null(input);
    add(input, path, from, base);
    return input;
}

static inline void refuse(const char *path, const char *from, const char *base, const char *want) {
    struct input *input = input_open(false);
    assert_true(input_add_source(input, path, from, base, why, sizeof why) < 0);
    assert_string_equal(why, want);
    assert_int_equal(input_next(input, &record), INPUT_END);
    input_close(input);
}

static inline void expect_record(struct input *input) {
    memset(&record, 0x5a, sizeof record);
    assert_int_equal(input_next(input, &record), INPUT_RECORD);
    assert_true(err_is(record.err) == (record.why != NULL));
}

static inline void expect_span(struct span got, const char *want) {
    if (!span_is(got, want))
        fail_msg("wanted %s, got %.*s", want, (int)got.len, (const char *)got.at);
}

static inline void expect_url(struct input *input, uint64_t line, uint32_t column,
                              const char *url) {
    expect_record(input);
    expect_span(record.url, url);
    if (record.why)
        fail_msg("%s: %s", url, record.why);
    assert_int_equal(record.line, line);
    assert_int_equal(record.column, column);
}

/* A failed record of stage input. */
/* noinline: with a phrase of "" inlined, the compiler takes `why` for NULL. */
__attribute__((noinline, unused)) static void expect_bad(struct input *input, uint64_t line,
                                                         enum err_kind kind, const char *phrase) {
    expect_record(input);
    assert_int_equal(record.err.stage, STAGE_INPUT);
    assert_string_equal(err_kind_name(record.err.kind), err_kind_name(kind));
    assert_non_null(record.url.at);
    assert_int_equal(record.line, line);
    assert_non_null(record.why);
    if (!strstr(record.why, phrase))
        fail_msg("wanted \"%s\", got \"%s\"", phrase, record.why);
}

static inline void expect_end(struct input *input) {
    for (int i = 0; i < 2; i++) {
        enum input_step step = input_next(input, &record);
        if (step == INPUT_RECORD)
            fail_msg("one more: %.*s", (int)record.url.len, (const char *)record.url.at);
        assert_int_equal(step, INPUT_END);
        assert_true(input_is_ready(input));
    }
    input_close(input);
}

/* ---- a web ---------------------------------------------------------------------------------------- */

struct page {
    const char *url, *type, *text, *final_url;
};
struct web {
    const struct page *pages; /* the last one has no url */
    unsigned asked;
    struct input *interrupt; /* interrupted at the first question */
};

static inline bool fetch_page(void *context, const char *url, struct input_body *body,
                              struct err *err, char *reason, size_t reason_size) {
    struct web *web = context;
    web->asked++;
    if (web->interrupt) {
        input_interrupt(web->interrupt);
        return false;
    }
    for (const struct page *page = web->pages; page->url; page++)
        if (strcmp(page->url, url) == 0) {
            body->count = strlen(page->text);
            body->bytes = malloc(body->count + 1);
            memcpy(body->bytes, page->text, body->count);
            snprintf(body->content_type, sizeof body->content_type, "%s",
                     page->type ? page->type : "");
            snprintf(body->final_url, sizeof body->final_url, "%s",
                     page->final_url ? page->final_url : url);
            return true;
        }
    *err = err_make(STAGE_HEAD, ERR_HTTP_STATUS, 404);
    snprintf(reason, reason_size, "status 404");
    return false;
}

#endif
