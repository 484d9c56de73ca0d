/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_context.h: what all parts of an input share: how it is interrupted, and how it fetches. Owned by the input.
 */
#ifndef INPUT_INPUT_CONTEXT_H
#define INPUT_INPUT_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "input/input.h"

/* Larger documents are refused: they are read whole. */
enum { DOCUMENT_BYTES_MAX = 64 << 20 };

struct input_context {
    atomic_bool is_interrupted;
    int event_fd; /* readable from the interruption on */
    input_fetch_fn *fetch;
    void *fetch_context;
};

static inline bool context_is_interrupted(const struct input_context *context) {
    return atomic_load_explicit(&context->is_interrupted, memory_order_acquire);
}

/* INPUT_RECORD: the body is there. INPUT_INTERRUPTED. INPUT_FAULT: it is not; *err, always of stage input, and `why` (one line)
 * say why. */
enum input_step context_fetch(struct input_context *context, const char *url,
                              struct input_body *body, struct err *err, char *why, size_t why_size);

/* Where the body came from: its final URL, or `url` if that isn't known. */
const char *context_final_url(const struct input_body *body, const char *url);

#endif
