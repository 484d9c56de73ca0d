/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * harness.h: what the tests of outputs share: a scratch directory, a stream as the engine would make it, whole files
 * read and written. Included once by each test program.
 */
#ifndef TESTS_OUTPUT_HARNESS_H
#define TESTS_OUTPUT_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <ringfetch/output.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "output/output.h"

#define UNUSED __attribute__((unused))

static char scratch[64];

static UNUSED int scratch_make(void **state) {
    (void)state;
    /* In memory where that can be: the disk of a busy machine is no part of what is tested. */
    bool memory = !access("/dev/shm", W_OK);
    snprintf(scratch, sizeof scratch, "%s/rf-output-XXXXXX", memory ? "/dev/shm" : "/tmp");
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk) {
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static UNUSED int scratch_remove(void **state) {
    (void)state;
    return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "scratch/NAME"; of the last eight calls. */
static UNUSED const char *in_scratch(const char *name) {
    static _Thread_local char paths[8][4200];
    static _Thread_local unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

/* A whole file, NUL-terminated; NULL if it is not there. free it. */
static UNUSED char *slurp(const char *path, size_t *len) {
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *text = malloc(1 << 24);
    size_t count = fread(text, 1, (1 << 24) - 1, file);
    fclose(file);
    text[count] = '\0';
    if (len)
        *len = count;
    return realloc(text, count + 1);
}

static UNUSED void spit(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static UNUSED void assert_file(const char *path, const char *text) {
    char *found = slurp(path, NULL);
    if (!found)
        fail_msg("%s is missing", path);
    assert_string_equal(found, text);
    free(found);
}

static UNUSED bool is_there(const char *path) {
    struct stat about;
    return !lstat(path, &about);
}

/* How many entries a directory has. */
static UNUSED unsigned entries(const char *path) {
    DIR *dir = opendir(path);
    assert_non_null(dir);
    unsigned count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

/* One output and one request on its way to it. */
struct fetch {
    const struct rf_output_ops *ops;
    void *output;
    struct rf_stream stream;
};

static UNUSED void *must_open(const struct rf_output_ops *ops, const char *argument,
                              const struct rf_output_options *options) {
    char why[200] = "";
    void *output = NULL;
    if (ops->open(&output, argument, options, why, sizeof why) != RF_OK)
        fail_msg("open: %s", why);
    return output;
}

static UNUSED void must_close(const struct rf_output_ops *ops, void *output) {
    char why[300] = "";
    if (ops->close(output, why, sizeof why) != RF_OK)
        fail_msg("close: %s", why);
}

static UNUSED struct fetch fetch_make(const struct rf_output_ops *ops, void *output, uint64_t n,
                                      const char *url) {
    struct fetch fetch = {.ops = ops, .output = output, .stream = {.n = n, .url = url, .size = -1}};
    fetch.stream.state = aligned_alloc(16, (ops->state_bytes + 16) & ~(size_t)15);
    memset(fetch.stream.state, 0, ops->state_bytes);
    return fetch;
}

static UNUSED enum rf_output_answer fetch_prepare(struct fetch *fetch) {
    return fetch->ops->prepare ? fetch->ops->prepare(fetch->output, &fetch->stream) : RF_OUTPUT_OK;
}

static UNUSED enum rf_output_answer fetch_begin(struct fetch *fetch, int64_t body_bytes) {
    struct rf_response response = {.status = 200, .body_bytes = body_bytes};
    return fetch->ops->begin(fetch->output, &fetch->stream, &response);
}

/* The bytes are passed as a copy of their own size, so that AddressSanitizer sees what is read behind them. */
static UNUSED enum rf_output_answer fetch_body(struct fetch *fetch, const char *bytes,
                                               size_t count) {
    char *copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    enum rf_output_answer answer = fetch->ops->body(fetch->output, &fetch->stream, copy, count);
    free(copy);
    return answer;
}

static UNUSED enum rf_output_answer fetch_finish(struct fetch *fetch) {
    return fetch->ops->finish(fetch->output, &fetch->stream);
}

static UNUSED void fetch_discard(struct fetch *fetch) {
    fetch->ops->discard(fetch->output, &fetch->stream);
}

static UNUSED void fetch_record(struct fetch *fetch) {
    struct rf_result result = {
        .n = fetch->stream.n, .url = fetch->stream.url, .path = fetch->stream.path};
    if (fetch->ops->record)
        fetch->ops->record(fetch->output, &fetch->stream, &result);
    if (fetch->ops->release)
        fetch->ops->release(fetch->output, &fetch->stream);
    free(fetch->stream.state);
    fetch->stream.state = NULL;
}

#endif
