/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_jsonl.c: see input_jsonl.h. A member whose own name holds the dots comes before a path. Equal members are not
 * refused: the last one counts, as nearly everywhere. The parser keeps the tree, because the record's URL points into it. On
 * the input's thread.
 */
#include "input/input_jsonl.h"

#include <jansson.h>
#include <stdio.h>

static json_t *find(json_t *object, const char *field) {
    json_t *found = json_object_get(object, field);
    if (found)
        return found;
    for (const char *dot = strchr(field, '.'); dot; dot = strchr(dot + 1, '.')) {
        json_t *inner = json_object_getn(object, field, (size_t)(dot - field));
        if (inner && (found = find(inner, dot + 1)))
            return found;
    }
    return NULL;
}

static void fail(struct line_parser *parser, struct input_record *record, struct span line,
                 const char *field, const char *what) {
    snprintf(parser->why, sizeof parser->why, "member \"%.*s\"%s", input_shown_len(field, 128),
             field, what);
    input_one_line(parser->why, sizeof parser->why);
    line_fail(record, ERR_BAD_JSON, parser->why, line);
}

static void fail_syntax(struct line_parser *parser, struct input_record *record, struct span line,
                        const json_error_t *error) {
    if (json_error_code(error) == json_error_out_of_memory) {
        line_fail(record, ERR_MEMORY, "out of memory", line);
        return;
    }
    snprintf(parser->why, sizeof parser->why, "%s at byte %d", error->text, error->position);
    input_one_line(parser->why, sizeof parser->why);
    line_fail(record, ERR_BAD_JSON, parser->why, line);
}

bool jsonl_parse(struct line_parser *parser, const char *field, struct span line, uint64_t number,
                 struct input_record *record) {
    json_error_t error;
    if (line_is_blank(line))
        return false;
    *record = (struct input_record){.line = number, .size = -1};
    json_decref(parser->json);
    parser->json = json_loadb((const char *)line.at, line.len, JSON_ALLOW_NUL, &error);
    if (!parser->json) {
        fail_syntax(parser, record, line, &error);
        return true;
    }
    json_t *value = find(parser->json, field);
    struct span url = span_of(json_string_value(value), json_string_length(value));
    if (!value || json_is_null(value))
        fail(parser, record, line, field, " is missing");
    else if (!json_is_string(value))
        fail(parser, record, line, field, " must be a string");
    else if (!url.len)
        fail(parser, record, line, field, " is empty");
    else if (memchr(url.at, 0, url.len))
        fail(parser, record, line, field, ": a NUL character");
    else
        record->url = url;
    return true;
}
