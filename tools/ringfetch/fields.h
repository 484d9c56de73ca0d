/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fields.h: what users put into requests: header fields (-H), methods (-X), ranges (-r) and bodies
 * (-d). Checked here, before anything runs, because a mistake would otherwise fail every request of
 * a list. No state; any thread.
 */
#ifndef TOOLS_FIELDS_H
#define TOOLS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/* A token of RFC 9110, 5.6.2, which methods and field names are. */
bool field_is_token(const char *text, size_t count);

/* Checks one -H value: "Name: value", "Name;" (send it empty) or "Name:" (don't send ours).
 * NULL, or what is wrong. Fields that frame the message or govern the connection are the
 * engine's own and refused; removing one that is never sent anyway (`-H 'Expect:'` is in many a
 * script) is fine, and sets *needless. */
const char *field_check(const char *text, bool *needless);

/* Checks a method; CONNECT is refused: it asks for a tunnel, not for a response. */
const char *field_check_method(const char *text);

/* Checks one range: "0-499", "500-" or "-500". */
const char *field_check_range(const char *text);

/* True if the text has a control character, which no field value may hold (RFC 9110, 5.5). */
bool field_has_control(const char *text);

/* Bytes that grow. */
struct data {
    char *bytes; /* NULL: nothing was ever added */
    size_t count, room;
};
void data_deinit(struct data *data);
bool data_add(struct data *data, const void *bytes, size_t count);

/* Adds a whole file, "-" being standard input; `lines_joined` leaves out CR, LF and NUL, as
 * curl's --data does. False: a phrase is in `why`. */
bool data_add_file(struct data *data, const char *path, bool lines_joined, char *why,
                   size_t why_size);

/* Adds one -d value as curl does: after "&" if there is something already; "@path" is a file's
 * content. */
bool data_add_value(struct data *data, const char *value, bool lines_joined, char *why,
                    size_t why_size);

#endif
