/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_fault.h: the first local fault of an output. A request that fails because the disk is full is one failed
 * record, but the run must also end with "local fault": each output remembers the first one and reports it when closed.
 * Any thread.
 */
#ifndef OUTPUT_OUTPUT_FAULT_H
#define OUTPUT_OUTPUT_FAULT_H

#include <pthread.h>
#include <ringfetch/output.h>

#include "base/err.h"

struct output_fault {
    pthread_mutex_t lock;
    struct err first;
    char what[256];                           /* the file or directory it happened to */
    void (*unread)(struct rf_engine *engine); /* see rf_output_options */
    struct rf_engine *engine;
};

void output_fault_init(struct output_fault *fault);
void output_fault_deinit(struct output_fault *fault);

/* From now on a pipe that nobody reads any more ends the run, instead of being found out when the output is closed: what writes to it
 * is a thread that no request asks how it fares. */
void output_fault_tell(struct output_fault *fault, const struct rf_output_options *options);

/* Remembers `err` if it is a local fault and the first. */
void output_fault_note(struct output_fault *fault, struct err err, const char *what);

/* RF_LOCAL_FAULT and a line in `why` if there was one, else 0. */
enum rf_exit output_fault_report(struct output_fault *fault, char *why, size_t why_size);

static inline struct rf_error output_error(struct err err) {
    return (struct rf_error){.stage = err.stage, .kind = err.kind, .detail = err.detail};
}

static inline struct err output_errno(int error_number) {
    return err_from_file_errno(STAGE_OUTPUT, error_number);
}

#endif
