/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_json.c: lines that are JSON objects. The parsed tree stays with the line parser until the next line, so that
 * most of the record's spans can point into it. What is wrong is named by member (or, where the text is no JSON, by
 * position), because the record in the result file is all that the user gets to see of it.
 *
 * jansson allocates for every line, on the input's thread; a request with headers of its own costs more than that in the
 * worker. Rejected: a parser of our own for the sake of speed, as plain lines are there for the long lists.
 */
#include "input/input.h"
#include "input/input_line.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

struct reading {
    struct line_parser *parser;
    struct input_record *record;
    struct span line;
};

void line_parser_deinit(struct line_parser *parser) {
    json_decref(parser->json);
    free(parser->headers);
    free(parser->text);
    free(parser->expect);
    line_parser_init(parser);
}

__attribute__((format(printf, 2, 3))) static bool fail(const struct reading *reading,
                                                       const char *format, ...) {
    char *why = reading->parser->why;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, LINE_WHY_BYTES, format, arguments);
    va_end(arguments);
    input_one_line(why, LINE_WHY_BYTES);
    line_fail(reading->record, ERR_BAD_JSON, why, reading->line);
    return false;
}

static bool fail_memory(const struct reading *reading) {
    line_fail(reading->record, ERR_MEMORY, "out of memory", reading->line);
    return false;
}

static struct span string_span(const json_t *value) {
    return span_of(json_string_value(value), json_string_length(value));
}

static bool has_byte(struct span text, int byte) {
    return text.len && memchr(text.at, byte, text.len);
}

/* RFC 9110, 5.6.2. */
static bool is_token(struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i], lower = ascii_lower(c);
        bool is_alphanumeric = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.len > 0;
}

/* Sees to it that *memory has `bytes`, which were counted and not guessed. */
static bool reserve(void **memory, size_t *room, size_t bytes) {
    if (*room >= bytes)
        return true;
    free(*memory);
    *memory = malloc(bytes);
    *room = *memory ? bytes : 0;
    return *memory;
}

/* ---- headers ------------------------------------------------------------------------------------- */

/* `which` names the header for people; value.at NULL: there is none. */
static bool check_header(const struct reading *reading, const char *which, struct span name,
                         struct span value) {
    if (!is_token(name))
        return fail(reading, "%s: not a valid field name", which);
    if (has_byte(value, '\r') || has_byte(value, '\n'))
        return fail(reading, "%s: a line break in the value", which);
    if (has_byte(value, 0))
        return fail(reading, "%s: a NUL character in the value", which);
    return true;
}

/* curl's forms, which the request writer knows: "Name: value", "Name:" and "Name;". */
static bool check_header_line(const struct reading *reading, size_t index, struct span line) {
    char which[48];
    snprintf(which, sizeof which, "member \"headers\", element %zu", index + 1);
    const uint8_t *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
    size_t name_len = colon ? (size_t)(colon - line.at) : line.len - (line.len > 0);
    if (!colon && (!line.len || line.at[line.len - 1] != ';'))
        return fail(reading, "%s: not \"Name: value\"", which);
    return check_header(reading, which, span_of(line.at, name_len), span_skip(line, name_len));
}

static bool reserve_headers(const struct reading *reading, size_t count) {
    struct line_parser *parser = reading->parser;
    void *memory = parser->headers;
    bool ok =
        reserve(&memory, &parser->headers_bytes, (count ? count : 1) * sizeof *parser->headers);
    parser->headers = memory;
    return ok || fail_memory(reading);
}

static bool reserve_text(const struct reading *reading, size_t bytes) {
    void *memory = reading->parser->text;
    bool ok = reserve(&memory, &reading->parser->text_bytes, bytes);
    reading->parser->text = memory;
    return ok || fail_memory(reading);
}

static bool take_header_array(const struct reading *reading, const json_t *array) {
    size_t count = json_array_size(array);
    if (!reserve_headers(reading, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(array, i);
        if (!json_is_string(element))
            return fail(reading, "member \"headers\", element %zu: must be a string", i + 1);
        struct span line = string_span(element);
        if (!check_header_line(reading, i, line))
            return false;
        reading->parser->headers[i] = line;
    }
    reading->record->header_count = (unsigned)count;
    return true;
}

/* An empty value becomes "Name;": the user wants the field sent empty, and "Name:" would remove it. */
static struct span write_header(char *to, const char *name, struct span value) {
    size_t name_len = strlen(name), len = name_len;
    memcpy(to, name, name_len);
    if (value.len) {
        memcpy(to + len, ": ", 2);
        memcpy(to + len + 2, value.at, value.len);
        len += 2 + value.len;
    } else {
        to[len++] = ';';
    }
    to[len] = 0;
    return span_of(to, len);
}

static bool check_header_member(const struct reading *reading, const char *name,
                                const json_t *value) {
    char which[96];
    snprintf(which, sizeof which, "member \"headers\", field \"%.*s\"", input_shown_len(name, 48),
             name);
    if (!json_is_string(value))
        return fail(reading, "%s: must be a string", which);
    return check_header(reading, which, span_text(name), string_span(value));
}

static bool take_header_object(const struct reading *reading, json_t *object) {
    const char *name;
    json_t *value;
    size_t bytes = 0, count = 0;
    json_object_foreach(object, name, value) {
        if (!check_header_member(reading, name, value))
            return false;
        bytes += strlen(name) + json_string_length(value) + sizeof ": ";
    }
    if (!reserve_headers(reading, json_object_size(object)) || !reserve_text(reading, bytes))
        return false;
    char *to = reading->parser->text;
    json_object_foreach(object, name, value) {
        struct span line = write_header(to, name, string_span(value));
        reading->parser->headers[count++] = line;
        to += line.len + 1;
    }
    reading->record->header_count = (unsigned)count;
    return true;
}

static bool take_headers(const struct reading *reading, json_t *value) {
    reading->record->headers = NULL;
    bool ok;
    if (json_is_object(value))
        ok = take_header_object(reading, value);
    else if (json_is_array(value))
        ok = take_header_array(reading, value);
    else
        ok = fail(reading, "member \"headers\" must be an object or an array");
    if (ok)
        reading->record->headers = reading->parser->headers;
    return ok;
}

/* ---- the other members --------------------------------------------------------------------------- */

static bool take_text(const struct reading *reading, const char *name, const json_t *value,
                      struct span *text) {
    if (!json_is_string(value))
        return fail(reading, "member \"%s\" must be a string", name);
    struct span found = string_span(value);
    if (text != &reading->record->body && has_byte(found, 0))
        return fail(reading, "member \"%s\": a NUL character", name);
    *text = found;
    return true;
}

static bool take_filled_text(const struct reading *reading, const char *name, const json_t *value,
                             struct span *text) {
    if (json_is_string(value) && !json_string_length(value))
        return fail(reading, "member \"%s\" is empty", name);
    return take_text(reading, name, value, text);
}

static bool take_url(const struct reading *reading, json_t *value) {
    return take_filled_text(reading, "url", value, &reading->record->url);
}

static bool take_path(const struct reading *reading, json_t *value) {
    return take_filled_text(reading, "path", value, &reading->record->name);
}

static bool take_method(const struct reading *reading, json_t *value) {
    struct span *method = &reading->record->method;
    if (!take_text(reading, "method", value, method))
        return false;
    return is_token(*method) || fail(reading, "member \"method\": not a valid method");
}

static bool take_body(const struct reading *reading, json_t *value) {
    return take_text(reading, "body", value, &reading->record->body);
}

static bool take_tag(const struct reading *reading, json_t *value) {
    return take_text(reading, "tag", value, &reading->record->tag);
}

static bool take_size(const struct reading *reading, json_t *value) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return fail(reading, "member \"size\" must be an integer, 0 or more");
    reading->record->size = json_integer_value(value);
    return true;
}

static bool take_sha256(const struct reading *reading, json_t *value) {
    static const char wrong[] = "member \"sha256\" must be 64 hex digits";
    if (!json_is_string(value) || json_string_length(value) != SHA256_HEX_DIGITS)
        return fail(reading, "%s", wrong);
    const uint8_t *digits = string_span(value).at;
    uint8_t *to = reading->parser->sha256;
    for (size_t i = 0; i < SHA256_HEX_DIGITS; i++) {
        to[i] = ascii_lower(digits[i]);
        if (!(to[i] >= '0' && to[i] <= '9') && !(to[i] >= 'a' && to[i] <= 'f'))
            return fail(reading, "%s", wrong);
    }
    reading->record->sha256 = span_of(to, SHA256_HEX_DIGITS);
    return true;
}

static bool take_expectation(const struct reading *reading, const json_t *value, size_t index) {
    struct span text = string_span(value);
    if (!json_is_string(value) || !text.len)
        return fail(reading, "member \"expect\", element %zu: must be a string that is not empty",
                    index + 1);
    if (has_byte(text, 0))
        return fail(reading, "member \"expect\", element %zu: a NUL character", index + 1);
    reading->parser->expect[index] = text;
    return true;
}

/* One expectation or an array of them. */
static bool take_expect(const struct reading *reading, json_t *value) {
    struct line_parser *parser = reading->parser;
    if (!json_is_string(value) && !json_is_array(value))
        return fail(reading, "member \"expect\" must be a string or an array of strings");
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    void *memory = parser->expect;
    bool has_room =
        reserve(&memory, &parser->expect_bytes, (count ? count : 1) * sizeof *parser->expect);
    parser->expect = memory;
    if (!has_room)
        return fail_memory(reading);
    for (size_t i = 0; i < count; i++)
        if (!take_expectation(reading, json_is_array(value) ? json_array_get(value, i) : value, i))
            return false;
    reading->record->expect = count ? parser->expect : NULL;
    reading->record->expect_count = (unsigned)count;
    return true;
}

static const struct {
    const char *name;
    bool (*take)(const struct reading *reading, json_t *value);
} members[] = {
    {"url", take_url},         {"path", take_path}, {"method", take_method},
    {"headers", take_headers}, {"body", take_body}, {"size", take_size},
    {"sha256", take_sha256},   {"tag", take_tag},   {"expect", take_expect},
};

static bool take_member(const struct reading *reading, const char *name, json_t *value) {
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0)
            return json_is_null(value) || members[i].take(reading, value);
    return fail(reading, "unknown member \"%.*s\"", input_shown_len(name, 128), name);
}

/* ---- the object ---------------------------------------------------------------------------------- */

static json_t *load(struct span line, size_t flags, json_error_t *error) {
    return json_loadb((const char *)line.at, line.len, flags | JSON_ALLOW_NUL, error);
}

/* A record that fails shows its URL if there is one to be found, whichever member is at fault. */
static void show_url(const struct reading *reading) {
    json_t *url = json_object_get(reading->parser->json, "url");
    if (json_is_string(url) && json_string_length(url) && !has_byte(string_span(url), 0))
        reading->record->url = string_span(url);
}

static void fail_syntax(const struct reading *reading, const json_error_t *error) {
    enum json_error_code code = json_error_code(error);
    if (code == json_error_out_of_memory) {
        fail_memory(reading);
        return;
    }
    if (code == json_error_duplicate_key) {
        json_error_t none;
        reading->parser->json = load(reading->line, 0, &none);
        show_url(reading);
    }
    fail(reading, "%s at byte %d", error->text, error->position);
}

void line_parse_json(struct line_parser *parser, struct span line, struct input_record *record) {
    struct reading reading = {.parser = parser, .record = record, .line = line};
    json_error_t error;
    json_decref(parser->json);
    parser->json = load(line, JSON_REJECT_DUPLICATES, &error);
    if (!parser->json) {
        fail_syntax(&reading, &error);
        return;
    }
    show_url(&reading);
    const char *name;
    json_t *value;
    json_object_foreach(parser->json, name, value) {
        if (!take_member(&reading, name, value))
            return;
    }
    if (!record->url.at)
        fail(&reading, "member \"url\" is missing");
}

const char *input_library(void) {
    return JANSSON_VERSION;
}
