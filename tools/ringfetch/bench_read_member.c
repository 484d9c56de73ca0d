/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_read_member.c: see bench_read.h. Types are taken strictly: a file whose counts are texts is not ours, and guessing what it
 * means would end in a verdict that nobody can explain. Names in messages are ours; what comes from the file is escaped.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "bench_read.h"
#include "text.h"

bool read_fail(struct bench_reader *reader, const char *format, ...) {
    if (reader->failed)
        return false;
    char what[384], shown[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(reader->why, reader->why_size, "%s: %s",
             text_escape(shown, sizeof shown, reader->path), what);
    reader->failed = true;
    return false;
}

bool read_out_of_memory(struct bench_reader *reader) {
    return read_fail(reader, "out of memory");
}

static const json_t *member(struct bench_reader *reader, const json_t *object, const char *name) {
    const json_t *found = reader->failed ? NULL : json_object_get(object, name);
    return json_is_null(found) ? NULL : found;
}

static void refuse(struct bench_reader *reader, const char *name, const char *what) {
    read_fail(reader, "\"%s%s\" is %s", reader->in, name, what);
}

uint64_t read_count(struct bench_reader *reader, const json_t *object, const char *name) {
    const json_t *found = member(reader, object, name);
    if (!found)
        return 0;
    if (json_is_integer(found) && json_integer_value(found) >= 0)
        return (uint64_t)json_integer_value(found);
    refuse(reader, name, "not a whole number from 0");
    return 0;
}

unsigned read_unsigned(struct bench_reader *reader, const json_t *object, const char *name) {
    uint64_t count = read_count(reader, object, name);
    if (count <= UINT_MAX)
        return (unsigned)count;
    refuse(reader, name, "too large");
    return 0;
}

double read_number(struct bench_reader *reader, const json_t *object, const char *name,
                   double missing) {
    const json_t *found = member(reader, object, name);
    if (!found)
        return missing;
    if (json_is_number(found))
        return json_number_value(found);
    refuse(reader, name, "not a number");
    return missing;
}

bool read_boolean(struct bench_reader *reader, const json_t *object, const char *name) {
    const json_t *found = member(reader, object, name);
    if (found && !json_is_boolean(found))
        refuse(reader, name, "neither true nor false");
    return json_is_true(found);
}

const char *read_text(struct bench_reader *reader, const json_t *object, const char *name) {
    const json_t *found = member(reader, object, name);
    if (found && !json_is_string(found))
        refuse(reader, name, "not a text");
    return found ? json_string_value(found) : NULL;
}

const json_t *read_object(struct bench_reader *reader, const json_t *object, const char *name) {
    const json_t *found = member(reader, object, name);
    if (found && !json_is_object(found))
        refuse(reader, name, "not an object");
    return reader->failed ? NULL : found;
}

const json_t *read_array(struct bench_reader *reader, const json_t *object, const char *name) {
    const json_t *found = member(reader, object, name);
    if (found && !json_is_array(found))
        refuse(reader, name, "not an array");
    return reader->failed ? NULL : found;
}

const json_t *read_element(struct bench_reader *reader, const json_t *array, size_t index,
                           const char *name) {
    const json_t *found = json_array_get(array, index);
    if (!json_is_object(found))
        refuse(reader, name, "not an array of objects");
    return reader->failed ? NULL : found;
}
