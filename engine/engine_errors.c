/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_errors.c: the public names of errors, from the one table in base/err_kinds.h.
 */
#include <ringfetch/output.h>

#include "base/err.h"

_Static_assert(RF_KINDS_MAX >= (int)ERR_KIND_COUNT, "rf_progress has room for every kind");

static struct err err_of(struct rf_error error) {
    return (struct err){.stage = error.stage < ERR_STAGE_COUNT ? error.stage : (uint8_t)STAGE_NONE,
                        .kind = error.kind < ERR_KIND_COUNT ? error.kind : (uint8_t)ERR_NONE,
                        .detail = error.detail};
}

const char *rf_error_stage(struct rf_error error) {
    return err_stage_name(err_of(error));
}

const char *rf_error_kind(struct rf_error error) {
    return err_kind_name((enum err_kind)err_of(error).kind);
}

const char *rf_error_fault(struct rf_error error) {
    return err_fault_name(err_of(error));
}

char *rf_error_text(struct rf_error error, char *text, size_t size) {
    return err_text(err_of(error), text, size);
}

const char *rf_kind_name(unsigned kind) {
    return kind < ERR_KIND_COUNT ? err_kind_name((enum err_kind)kind) : NULL;
}

bool rf_error_row(size_t index, struct rf_error_row *row) {
    if (index >= ERR_KIND_COUNT - 1)
        return false;
    struct err err = err_make(STAGE_NONE, (enum err_kind)(index + 1), 0);
    *row = (struct rf_error_row){.kind = err_kind_name((enum err_kind)err.kind),
                                 .fault = err_fault_name(err),
                                 .meaning = err_kind_meaning((enum err_kind)err.kind),
                                 .retried = err_may_retry(err)};
    return true;
}

struct rf_error rf_output_error(int error_number) {
    struct err err = err_from_file_errno(STAGE_OUTPUT, error_number);
    return (struct rf_error){.stage = err.stage, .kind = err.kind, .detail = err.detail};
}
