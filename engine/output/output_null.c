/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_null.c: bodies are read and dropped. The engine counts them into the record, so there is nothing to do
 * but to want them, and to verify those of which length or SHA-256 are known. Any thread.
 */
#include <stdio.h>

#include "output/output.h"
#include "output/output_fault.h"
#include "output/output_verify.h"

static enum rf_exit null_open(void **output, const char *argument,
                              const struct rf_output_options *options, char *why, size_t why_size) {
    (void)options;
    *output = NULL;
    if (!argument || !*argument)
        return RF_OK;
    snprintf(why, why_size, "null takes no argument: null:%s", argument);
    return RF_USAGE;
}

static enum rf_output_answer null_begin(void *output, struct rf_stream *stream,
                                        const struct rf_response *response) {
    (void)output;
    verify_begin(stream->state, stream, false, response->offset);
    return RF_OUTPUT_OK;
}

static enum rf_output_answer answer(struct rf_stream *stream, struct err err) {
    stream->error = output_error(err);
    return err_is(err) ? RF_OUTPUT_FAIL : RF_OUTPUT_OK;
}

static enum rf_output_answer null_body(void *output, struct rf_stream *stream, const void *bytes,
                                       size_t count) {
    (void)output;
    return answer(stream, verify_body(stream->state, stream, bytes, count));
}

static enum rf_output_answer null_finish(void *output, struct rf_stream *stream) {
    (void)output;
    return answer(stream, verify_finish(stream->state, stream));
}

static void null_discard(void *output, struct rf_stream *stream) {
    (void)output, (void)stream;
}

static void null_release(void *output, struct rf_stream *stream) {
    (void)output;
    verify_end(stream->state);
}

static enum rf_exit null_close(void *output, char *why, size_t why_size) {
    (void)output, (void)why, (void)why_size;
    return RF_OK;
}

const struct rf_output_ops output_null = {
    .abi = RF_OUTPUT_ABI,
    .kind = "null",
    .state_bytes = sizeof(struct verify),
    .wants_body = true,
    .open = null_open,
    .begin = null_begin,
    .body = null_body,
    .finish = null_finish,
    .discard = null_discard,
    .release = null_release,
    .close = null_close,
};
