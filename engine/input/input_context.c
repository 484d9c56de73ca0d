/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_context.c: fetching, with what callers would forget to check. On the input's thread.
 */
#include "input/input_context.h"

#include <stdio.h>
#include <stdlib.h>

#include "input/input_line.h"

enum input_step context_fetch(struct input_context *context, const char *url,
                              struct input_body *body, struct err *err, char *why,
                              size_t why_size) {
    *body = (struct input_body){0};
    *err = ERR_OK;
    why[0] = 0;
    if (context_is_interrupted(context))
        return INPUT_INTERRUPTED;
    bool is_there = false;
    if (context->fetch)
        is_there = context->fetch(context->fetch_context, url, body, err, why, why_size);
    else
        snprintf(why, why_size, "nothing can be fetched here");
    if (is_there)
        return INPUT_RECORD;
    free(body->bytes);
    *body = (struct input_body){0};
    if (context_is_interrupted(context))
        return INPUT_INTERRUPTED;
    enum err_kind kind = err_is(*err) ? (enum err_kind)err->kind : ERR_UNREADABLE;
    *err = err_make(STAGE_INPUT, kind, err->detail);
    if (!why[0])
        snprintf(why, why_size, "%s", err_kind_meaning(kind));
    input_one_line(why, why_size);
    return INPUT_FAULT;
}

const char *context_final_url(const struct input_body *body, const char *url) {
    return body->final_url[0] ? body->final_url : url;
}
