/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/output_fault.h"

#include <stdio.h>

void output_fault_init(struct output_fault *fault) {
    pthread_mutex_init(&fault->lock, NULL);
    fault->first = ERR_OK;
    fault->unread = NULL;
}

void output_fault_deinit(struct output_fault *fault) {
    pthread_mutex_destroy(&fault->lock);
}

void output_fault_tell(struct output_fault *fault, const struct rf_output_options *options) {
    fault->unread = options ? options->unread : NULL;
    fault->engine = options ? options->engine : NULL;
}

void output_fault_note(struct output_fault *fault, struct err err, const char *what) {
    if (err_fault(err) != FAULT_LOCAL)
        return;
    pthread_mutex_lock(&fault->lock);
    if (!err_is(fault->first)) {
        fault->first = err;
        snprintf(fault->what, sizeof fault->what, "%s", what);
    }
    pthread_mutex_unlock(&fault->lock);
    if (err.kind == ERR_PIPE_CLOSED && fault->unread)
        fault->unread(fault->engine);
}

enum rf_exit output_fault_report(struct output_fault *fault, char *why, size_t why_size) {
    char text[160];
    if (!err_is(fault->first))
        return RF_OK;
    snprintf(why, why_size, "%s: %s", fault->what, err_text(fault->first, text, sizeof text));
    return RF_LOCAL_FAULT;
}
