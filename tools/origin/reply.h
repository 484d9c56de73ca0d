/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * reply.h: writes responses into a connection's output. A head is reply_begin, fields and reply_end,
 * which adds what the connection needs. Worker's thread.
 */
#ifndef ORIGIN_REPLY_H
#define ORIGIN_REPLY_H

#include "connection.h"
#include "range.h"

/* "Not Found"; "" for a status without a name. */
const char *reply_reason(unsigned status);

void reply_bytes(struct connection *connection, const void *bytes, size_t count);
void reply_text(struct connection *connection, const char *text);
void reply_number(struct connection *connection, uint64_t number);
#define REPLY_LITERAL(connection, literal) reply_bytes(connection, literal, sizeof(literal) - 1)

/* Status line and Date. */
void reply_begin(struct connection *connection, unsigned status);
void reply_field(struct connection *connection, const char *name, const char *value);
void reply_length(struct connection *connection, uint64_t bytes);
void reply_end(struct connection *connection);

/* What most plans are. */
static inline struct plan plan_end(void) {
    return (struct plan){.after = AFTER_END};
}

/* A whole response with a short text; the body is left out where the method or status forbids it. */
struct plan reply_whole(struct connection *connection, unsigned status, const char *type,
                        struct span body);
struct plan reply_line(struct connection *connection, unsigned status, const char *text);

/* The head for what range_select chose of a resource. */
void reply_selection(struct connection *connection, const struct resource *resource,
                     const struct selection *part);

/* Answers what can't be answered: the connection ends after it. */
struct plan reply_refusal(struct connection *connection, unsigned status);

#endif
