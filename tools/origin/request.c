/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request.c: see request.h. The end of the head is looked for first and everything is parsed in one
 * go once it is there: a head comes in one piece nearly always, and a parser that can stop at any
 * byte would be three times as long.
 */
#include "request.h"

#include "http/token.h"

enum { STATUS_OK = 0 };

/* What the fields said about the message, to be weighed when all have been read. */
struct framing_fields {
    unsigned hosts, lengths, codings;
    bool close, keep;
};

/* ---- the request line -------------------------------------------------------------------------- */

static bool is_target_byte(uint8_t c) {
    return c > 0x20 && c != 0x7f;
}

/* Path and query of the target's four forms (RFC 9112, 3.2). */
static bool split_target(struct request *request) {
    static const char scheme[] = "http://";
    struct span rest = request->target;
    if (span_is(rest, "*")) {
        request->path = rest;
        request->query = span_of(rest.at, 0);
        return span_is(request->method, "OPTIONS");
    }
    size_t scheme_len = sizeof scheme - 1;
    if (rest.len > scheme_len && span_is_nocase(span_of(rest.at, scheme_len), scheme)) {
        rest = span_skip(rest, scheme_len);
        while (rest.len && rest.at[0] != '/' && rest.at[0] != '?')
            rest = span_skip(rest, 1);
        if (!rest.len)
            rest = span_text("/");
    } else if (rest.at[0] != '/') {
        return false;
    }
    const uint8_t *mark = memchr(rest.at, '?', rest.len);
    size_t path_len = mark ? (size_t)(mark - rest.at) : rest.len;
    request->path = span_of(rest.at, path_len);
    request->query = span_skip(rest, mark ? path_len + 1 : path_len);
    return true;
}

static unsigned parse_version(struct request *request, struct span text) {
    if (text.len != 8 || memcmp(text.at, "HTTP/", 5) != 0 || text.at[6] != '.')
        return 400;
    if (text.at[5] != '1' || text.at[7] < '0' || text.at[7] > '9')
        return 505;
    request->minor = (uint8_t)(text.at[7] - '0');
    return STATUS_OK;
}

static unsigned parse_request_line(struct request *request, struct span line) {
    size_t at = 0, begin;
    while (at < line.len && token_bytes[line.at[at]])
        at++;
    if (at == 0 || at == line.len || line.at[at] != ' ')
        return 400;
    request->method = span_of(line.at, at);
    begin = ++at;
    while (at < line.len && is_target_byte(line.at[at]))
        at++;
    if (at == begin || at == line.len || line.at[at] != ' ')
        return 400;
    request->target = span_of(line.at + begin, at - begin);
    unsigned status = parse_version(request, span_skip(line, at + 1));
    if (status != STATUS_OK)
        return status;
    if (span_is(request->method, "CONNECT"))
        return 501;
    request->is_head = span_is(request->method, "HEAD");
    return split_target(request) ? STATUS_OK : 400;
}

/* ---- fields ------------------------------------------------------------------------------------ */

static unsigned note_connection(struct span value, struct framing_fields *fields) {
    while (value.len) {
        const uint8_t *comma = memchr(value.at, ',', value.len);
        size_t len = comma ? (size_t)(comma - value.at) : value.len;
        struct span option = span_trim(span_of(value.at, len));
        if (TOKEN_IS(option, "close"))
            fields->close = true;
        else if (TOKEN_IS(option, "keep-alive"))
            fields->keep = true;
        value = span_skip(value, comma ? len + 1 : len);
    }
    return STATUS_OK;
}

static unsigned note_length(struct request *request, struct span value) {
    int64_t length = 0;
    if (value.len == 0 || value.len > 18)
        return 400;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return 400;
        length = length * 10 + (value.at[i] - '0');
    }
    request->length = length;
    return STATUS_OK;
}

static unsigned note_field(struct request *request, const struct http_field *field,
                           struct framing_fields *fields) {
    switch (field->name.len) {
    case 4:
        fields->hosts += TOKEN_IS(field->name, "host");
        return STATUS_OK;
    case 6:
        if (!TOKEN_IS(field->name, "expect"))
            return STATUS_OK;
        request->expects_continue = true;
        return span_is_nocase(field->value, "100-continue") ? STATUS_OK : 417;
    case 10:
        if (TOKEN_IS(field->name, "connection"))
            return note_connection(field->value, fields);
        return STATUS_OK;
    case 14:
        if (!TOKEN_IS(field->name, "content-length"))
            return STATUS_OK;
        fields->lengths++;
        return note_length(request, field->value);
    case 17:
        if (!TOKEN_IS(field->name, "transfer-encoding"))
            return STATUS_OK;
        fields->codings++;
        request->is_chunked = true;
        return span_is_nocase(field->value, "chunked") ? STATUS_OK : 501;
    default:
        return STATUS_OK;
    }
}

/* One line at `at`, of which `end` is the head's: its CRLF is known to exist somewhere. */
static unsigned parse_field(struct request *request, const uint8_t **at, const uint8_t *end) {
    const uint8_t *name = *at, *colon = name;
    while (colon < end && token_bytes[*colon])
        colon++;
    if (colon == name || colon == end || *colon != ':')
        return 400;
    const uint8_t *stop = value_stop(colon + 1, end);
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n')
        return 400;
    if (request->field_count == REQUEST_FIELDS_MAX)
        return 431;
    request->field[request->field_count++] =
        (struct http_field){.name = span_of(name, (size_t)(colon - name)),
                            .value = span_trim(span_of(colon + 1, (size_t)(stop - colon - 1)))};
    *at = stop + 2;
    return STATUS_OK;
}

/* RFC 9112, 6.3: two answers to where the body ends are an attack, or a client worth telling. */
static unsigned weigh(struct request *request, const struct framing_fields *fields) {
    if (fields->hosts > 1 || (fields->hosts == 0 && request->minor > 0))
        return 400;
    if (fields->lengths + fields->codings > 1 || (fields->codings && request->minor == 0))
        return 400;
    if (request->minor == 0)
        request->expects_continue = false; /* RFC 9110, 10.1.1 */
    request->keep_alive = !fields->close && (request->minor > 0 || fields->keep);
    return STATUS_OK;
}

static unsigned parse_head(struct request *request) {
    struct framing_fields fields = {0};
    const uint8_t *at = request->head.at, *end = at + request->head.len - 2;
    const uint8_t *stop = value_stop(at, end);
    if (stop[0] != '\r' || stop[1] != '\n')
        return 400;
    unsigned status = parse_request_line(request, span_of(at, (size_t)(stop - at)));
    at = stop + 2;
    while (status == STATUS_OK && at < end) {
        status = parse_field(request, &at, end);
        if (status == STATUS_OK)
            status = note_field(request, &request->field[request->field_count - 1], &fields);
    }
    return status == STATUS_OK ? weigh(request, &fields) : status;
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* An unfinished head: may it still become one? */
static enum step judge_beginning(struct span head, unsigned *status) {
    if (head.len && !token_bytes[head.at[0]] && head.at[0] != '\r') {
        *status = 400; /* a TLS handshake, most likely: it would wait for us for ever */
        return STEP_BAD;
    }
    if (head.len <= REQUEST_HEAD_BYTES_MAX)
        return STEP_MORE;
    *status = memchr(head.at, '\n', head.len) ? 431 : 414;
    return STEP_BAD;
}

enum step request_parse(struct request *request, struct span bytes, size_t scanned, size_t *used,
                        unsigned *status) {
    size_t skipped = 0;
    while (bytes.len - skipped >= 2 && memcmp(bytes.at + skipped, "\r\n", 2) == 0 &&
           skipped < 2 * REQUEST_EMPTY_LINES_MAX)
        skipped += 2;
    struct span head = span_skip(bytes, skipped);
    size_t from = scanned > skipped + 3 ? scanned - skipped - 3 : 0;
    const uint8_t *end = memmem(head.at + from, head.len - from, "\r\n\r\n", 4);
    if (!end)
        return judge_beginning(head, status);
    head.len = (size_t)(end - head.at) + 4;
    if (head.len > REQUEST_HEAD_BYTES_MAX) {
        *status = 431;
        return STEP_BAD;
    }
    request->head = head;
    request->body = span_of(NULL, 0);
    request->expects_continue = request->is_chunked = false;
    request->length = 0;
    request->field_count = 0;
    *status = parse_head(request);
    *used = skipped + head.len;
    return *status == STATUS_OK ? STEP_DONE : STEP_BAD;
}

const struct http_field *request_field(const struct request *request, const char *name) {
    size_t len = strlen(name);
    for (unsigned i = 0; i < request->field_count; i++)
        if (token_is(request->field[i].name, name, len))
            return &request->field[i];
    return NULL;
}
