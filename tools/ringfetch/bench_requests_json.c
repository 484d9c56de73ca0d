/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_requests_json.c: one line of a --requests-file. Its texts stay in the JSON object that the request owns. What isn't known is refused: a
 * misspelt "wieght" that is ignored makes figures of another load than the one that was meant.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_requests_lines.h"

struct parser {
    struct bench_request *request;
    char *why;
    size_t why_size;
};

typedef enum rf_exit take_fn(struct parser *parser, const json_t *value);

static enum rf_exit refuse(struct parser *parser, const char *what) {
    snprintf(parser->why, parser->why_size, "%s", what);
    return RF_USAGE;
}

static enum rf_exit no_memory(struct parser *parser) {
    refuse(parser, "out of memory");
    return RF_LOCAL_FAULT;
}

/* ---- members ------------------------------------------------------------------------------------------ */

static enum rf_exit take_method(struct parser *parser, const json_t *value) {
    const char *method = json_string_value(value);
    const char *wrong = method ? field_check_method(method) : "a text is wanted";
    if (wrong) {
        snprintf(parser->why, parser->why_size, "\"method\": %s", wrong);
        return RF_USAGE;
    }
    parser->request->request.method = method;
    return RF_OK;
}

static enum rf_exit take_url(struct parser *parser, const json_t *value) {
    parser->request->request.url = json_string_value(value);
    if (!json_string_length(value)) {
        return refuse(parser, "\"url\": a text is wanted, and not an empty one");
    }
    return RF_OK;
}

static enum rf_exit take_name(struct parser *parser, const json_t *value) {
    parser->request->request.name = json_string_value(value);
    if (!json_string_length(value)) {
        return refuse(parser, "\"name\": a text is wanted, and not an empty one");
    }
    return RF_OK;
}

static enum rf_exit take_weight(struct parser *parser, const json_t *value) {
    double weight = json_number_value(value);
    if (!(weight > 0) || !isfinite(weight)) {
        return refuse(parser, "\"weight\": a number above 0 is wanted");
    }
    parser->request->request.weight = weight;
    return RF_OK;
}

static enum rf_exit take_body(struct parser *parser, const json_t *value) {
    if (!json_is_string(value)) {
        return refuse(parser, "\"body\": a text is wanted (JSON in it as a text, too)");
    }
    parser->request->request.body = json_string_value(value);
    parser->request->request.body_bytes = json_string_length(value);
    return RF_OK;
}

static enum rf_exit take_body_file(struct parser *parser, const json_t *value) {
    const char *path = json_string_value(value);
    struct bench_request *request = parser->request;
    char fault[200];
    if (!json_string_length(value) || strcmp(path, "-") == 0) {
        return refuse(parser, "\"body_file\": the name of a file is wanted");
    }
    if (json_object_get(request->object, "body")) {
        return refuse(parser, "\"body\" and \"body_file\": one of them is enough");
    }
    if (!data_add_file(&request->body, path, false, fault, sizeof fault)) {
        snprintf(parser->why, parser->why_size, "\"body_file\": \"%s\": %s", path, fault);
        return RF_LOCAL_FAULT;
    }
    request->request.body = request->body.bytes;
    request->request.body_bytes = request->body.count;
    return RF_OK;
}

/* ---- header fields -------------------------------------------------------------------------------------- */

static enum rf_exit check_header(struct parser *parser, const char *header) {
    bool needless = false;
    const char *wrong = field_check(header, &needless);
    if (wrong) {
        snprintf(parser->why, parser->why_size, "\"headers\": \"%s\": %s", header, wrong);
        return RF_USAGE;
    }
    return RF_OK;
}

static enum rf_exit add_header(struct parser *parser, const char *format, const char *name,
                               const char *value) {
    struct bench_request *request = parser->request;
    char *header;
    if (asprintf(&header, format, name, value) < 0) {
        return no_memory(parser);
    }
    request->header[request->header_count++] = header;
    return check_header(parser, header);
}

/* An empty value is sent as one: that is what ";" says in curl's forms. */
static enum rf_exit take_header_object(struct parser *parser, const json_t *value) {
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const char *name = json_object_iter_key(at);
        const char *text = json_string_value(json_object_iter_value(at));
        if (!field_is_token(name, strlen(name))) {
            snprintf(parser->why, parser->why_size,
                     "\"headers\": \"%s\" is no name of a header field", name);
            return RF_USAGE;
        }
        if (!text) {
            snprintf(parser->why, parser->why_size, "\"headers\": \"%s\": a text is wanted", name);
            return RF_USAGE;
        }
        bool blank = !text[strspn(text, " \t")];
        enum rf_exit exit = add_header(parser, blank ? "%s;" : "%s: %s", name, text);
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}

static enum rf_exit take_header_array(struct parser *parser, const json_t *value) {
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        if (!text) {
            return refuse(parser, "\"headers\": texts like \"Name: value\" are wanted");
        }
        enum rf_exit exit = add_header(parser, "%s%s", text, "");
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}

static enum rf_exit take_headers(struct parser *parser, const json_t *value) {
    struct bench_request *request = parser->request;
    size_t count = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    if (!json_is_object(value) && !json_is_array(value)) {
        return refuse(parser, "\"headers\": an object is wanted, or an array of \"Name: value\"");
    }
    request->header = calloc(count + 1, sizeof *request->header);
    if (!request->header) {
        return no_memory(parser);
    }
    request->request.headers = (const char *const *)request->header;
    return json_is_object(value) ? take_header_object(parser, value)
                                 : take_header_array(parser, value);
}

/* ---- expectations --------------------------------------------------------------------------------------- */

static enum rf_exit take_expect(struct parser *parser, const json_t *value) {
    struct bench_request *request = parser->request;
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    request->expect = calloc(count + 1, sizeof *request->expect);
    if (!request->expect) {
        return no_memory(parser);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_string_length(text)) {
            return refuse(parser, "\"expect\": an expectation is wanted, or an array of them");
        }
        request->expect[i] = json_string_value(text);
    }
    request->request.expect = request->expect;
    return RF_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    take_fn *take;
} members[] = {
    {"method", take_method},       {"url", take_url},
    {"headers", take_headers},     {"body", take_body},
    {"body_file", take_body_file}, {"weight", take_weight},
    {"name", take_name},           {"expect", take_expect},
};
enum { MEMBERS = sizeof members / sizeof *members };

static enum rf_exit take_member(struct parser *parser, const char *name, const json_t *value) {
    for (size_t i = 0; i < MEMBERS; i++) {
        if (strcmp(members[i].name, name) == 0) {
            return members[i].take(parser, value);
        }
    }
    snprintf(parser->why, parser->why_size,
             "there is no member \"%s\" (there are method, url, headers, body, body_file, weight, "
             "name, expect)",
             name);
    return RF_USAGE;
}

enum rf_exit bench_request_parse(struct bench_request *request, const char *text, size_t count,
                                 char *why, size_t why_size) {
    struct parser parser = {.request = request, .why = why, .why_size = why_size};
    json_error_t error;
    request->object = json_loadb(text, count, JSON_REJECT_DUPLICATES, &error);
    if (!request->object) {
        snprintf(why, why_size, "bad JSON at byte %d: %s", error.position, error.text);
        return RF_USAGE;
    }
    if (!json_is_object(request->object)) {
        return refuse(&parser, "an object is wanted: {\"url\": ...}");
    }
    for (void *at = json_object_iter(request->object); at;
         at = json_object_iter_next(request->object, at)) {
        enum rf_exit exit =
            take_member(&parser, json_object_iter_key(at), json_object_iter_value(at));
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}
