/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * err.h: what can go wrong with one request. A failed request is data: an err travels by value to the
 * result record, and only the first cause is kept. ERR_KINDS is the one table behind the enum, the names in records
 * and the rows of the documentation.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err_kinds.h"

enum err_stage {
#define X(id, name) STAGE_##id,
    ERR_STAGES(X)
#undef X
        ERR_STAGE_COUNT
};

enum err_fault { FAULT_NONE, FAULT_TARGET, FAULT_LOCAL, FAULT_POLICY, FAULT_CANCELLED };

enum err_kind {
#define X(id, name, fault, retry, meaning) ERR_##id,
    ERR_KINDS(X)
#undef X
        ERR_KIND_COUNT
};

struct err {
    uint8_t stage, kind;
    int32_t detail; /* errno, status, line or library code, as the kind says */
};

static inline struct err err_make(enum err_stage stage, enum err_kind kind, int32_t detail) {
    return (struct err){.stage = (uint8_t)stage, .kind = (uint8_t)kind, .detail = detail};
}

static inline bool err_is(struct err err) {
    return err.kind != ERR_NONE;
}

#define ERR_OK ((struct err){0, 0, 0})

/* The kind that an errno of a socket operation means at this stage. `error_number` is positive. */
struct err err_from_errno(enum err_stage stage, int error_number);
/* The same for files and directories; stage output, or input for what is read. */
struct err err_from_file_errno(enum err_stage stage, int error_number);

/* Names as records print them, "" for no error; out of range is a programmer's error. */
const char *err_stage_name(struct err err);
const char *err_kind_name(enum err_kind kind);
const char *err_fault_name(struct err err);
const char *err_kind_meaning(enum err_kind kind);
enum err_fault err_fault(struct err err);
/* Whether trying again can help. */
bool err_may_retry(struct err err);
/* One sentence for people, detail included. Returns `text`. */
char *err_text(struct err err, char *text, size_t size);

#endif
