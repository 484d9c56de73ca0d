/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * files_testing.h: what the tests of `files` share beyond harness.h: one request for one file, whole or step by step. Included
 * once by each test program.
 */
#ifndef TESTS_OUTPUT_FILES_TESTING_H
#define TESTS_OUTPUT_FILES_TESTING_H

#include "harness.h"

void rf_stream_resume(struct rf_stream *stream) {
    (void)stream;
    fail_msg("files never waits");
}

static void *open_files(const char *name, enum rf_on_exist on_exist) {
    struct rf_output_options options = {.name = name, .on_exist = on_exist};
    return must_open(&output_files, in_scratch("out"), &options);
}

static struct fetch prepared(void *output, const char *url, const char *name) {
    struct fetch fetch = fetch_make(&output_files, output, 1, url);
    fetch.stream.name = name;
    assert_int_equal(fetch_prepare(&fetch), RF_OUTPUT_OK);
    return fetch;
}

static enum rf_output_answer send(struct fetch *fetch, const char *body) {
    enum rf_output_answer answer = fetch_begin(fetch, (int64_t)strlen(body));
    if (answer == RF_OUTPUT_OK)
        answer = fetch_body(fetch, body, strlen(body));
    if (answer == RF_OUTPUT_OK)
        return fetch_finish(fetch);
    fetch_discard(fetch);
    return answer;
}

static enum err_kind get(void *output, const char *url, const char *name, const char *body) {
    struct fetch fetch = fetch_make(&output_files, output, 1, url);
    fetch.stream.name = name;
    if (fetch_prepare(&fetch) == RF_OUTPUT_OK)
        send(&fetch, body);
    enum err_kind kind = (enum err_kind)fetch.stream.error.kind;
    fetch_record(&fetch);
    return kind;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

#endif
