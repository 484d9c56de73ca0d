/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * response.c: parses the head of an HTTP/1.x response. Pure; any thread. It keeps nothing between calls: a whole head
 * is parsed in one pass; a part of one is only searched for its end, so the verdict never depends on the split.
 *
 * Strict: one space around the status, names are tokens with the colon right behind, no CR, LF or NUL in values, no
 * folded lines (RFC 9112, 5.2, lets us replace a fold by spaces, but a span can't, and a caller must not meet CR LF
 * in a value). Lenient, because servers err here and nothing can hide in it: a bare LF ends a line (RFC 9112, 2.2;
 * curl does the same), the reason may be missing or hold any bytes, status codes up to 999 (RFC 9110, 15, has a client
 * treat those above 599 as 5xx), two empty lines before the status line (a body that ended with a CR LF too many).
 *
 * Rejected: a state machine that resumes at every byte. Heads nearly always come whole, and it is three times slower.
 */
#include "http/response.h"

#include "base/assert.h"
#include "http/token.h"

enum { EMPTY_LINES_MAX = 2 };

struct cursor {
    const uint8_t *at, *end;
};

/* Steps over a line end, LF or CR LF. STEP_BAD: there is something else. */
static inline enum step line_end_take(struct cursor *in) {
    if (in->at == in->end)
        return STEP_MORE;
    if (*in->at == '\n') {
        in->at++;
        return STEP_DONE;
    }
    if (*in->at != '\r')
        return STEP_BAD;
    if (in->end - in->at < 2)
        return STEP_MORE;
    if (in->at[1] != '\n')
        return STEP_BAD;
    in->at += 2;
    return STEP_DONE;
}

/* Steps over empty lines to the status line. STEP_BAD: what comes can't be one. This is decided without waiting for the
 * end of the head, as what isn't HTTP has none. */
static enum step status_line_find(struct cursor *in) {
    for (unsigned lines = 0; lines < EMPTY_LINES_MAX && in->at < in->end && *in->at != 'H';
         lines++) {
        enum step step = line_end_take(in);
        if (step != STEP_DONE)
            return step;
    }
    size_t len = (size_t)(in->end - in->at);
    if (LIKELY(len >= 5))
        return memcmp(in->at, "HTTP/", 5) ? STEP_BAD : STEP_DONE;
    return memcmp(in->at, "HTTP/", len) ? STEP_BAD : STEP_MORE;
}

static inline bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" and its line end. STEP_MORE only while no LF has come. */
static enum step status_line_take(struct response_head *head, struct cursor *in) {
    const uint8_t *at = in->at;
    if (in->end - at < (ptrdiff_t)sizeof "HTTP/1.1 200") /* the NUL counts for a line end */
        return memchr(at, '\n', (size_t)(in->end - at)) ? STEP_BAD : STEP_MORE;
    if (memcmp(at, "HTTP/1.", 7) || !is_digit(at[7]) || at[8] != ' ')
        return STEP_BAD;
    if (!is_digit(at[9]) || at[9] == '0' || !is_digit(at[10]) || !is_digit(at[11]))
        return STEP_BAD;
    head->minor = (uint8_t)(at[7] - '0');
    head->status = (uint16_t)((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
    at += 12;
    bool spaced = *at == ' ';
    if (!spaced && *at != '\r' && *at != '\n')
        return STEP_BAD;
    at += spaced;
    in->at = value_stop(at, in->end);
    head->reason = span_of(at, (size_t)(in->at - at));
    return line_end_take(in);
}

static inline enum step field_take(struct http_field *field, struct cursor *in) {
    const uint8_t *name = in->at, *end = in->end, *at = token_stop(name, end);
    if (at == end)
        return STEP_MORE;
    if (*at != ':' || at == name)
        return STEP_BAD;
    field->name = span_of(name, (size_t)(at - name));
    at++;
    while (at < end && is_blank(*at))
        at++;
    const uint8_t *value = at;
    in->at = at = value_stop(at, end);
    while (at > value && is_blank(at[-1]))
        at--;
    field->value = span_of(value, (size_t)(at - value));
    return line_end_take(in);
}

/* The whole head. STEP_BAD: *kind says why; whether the head has come whole is then not known. */
static enum step head_take(struct response_head *head, struct cursor *in, enum err_kind *kind) {
    *kind = ERR_BAD_STATUS_LINE;
    enum step step = status_line_take(head, in);
    unsigned count = 0;
    while (step == STEP_DONE) {
        enum step empty = line_end_take(in);
        if (empty != STEP_BAD) {
            head->field_count = count;
            return empty;
        }
        *kind = ERR_HEAD_TOO_LARGE;
        if (count == HEAD_FIELDS_MAX)
            return STEP_BAD;
        *kind = ERR_BAD_FIELD;
        step = field_take(&head->field[count++], in);
    }
    return step;
}

/* Whether an empty line ends the head: an LF from `from` on with a line end right behind. */
static bool head_is_whole(const uint8_t *from, const uint8_t *end) {
    while (from < end && (from = memchr(from, '\n', (size_t)(end - from)))) {
        struct cursor next = {++from, end};
        if (line_end_take(&next) == STEP_DONE)
            return true;
    }
    return false;
}

static enum step head_bad(struct err *err, enum err_kind kind) {
    *err = err_make(STAGE_HEAD, kind, 0);
    return STEP_BAD;
}

static enum step head_more(struct span bytes, struct err *err) {
    return bytes.len < HEAD_BYTES_MAX ? STEP_MORE : head_bad(err, ERR_HEAD_TOO_LARGE);
}

enum step response_head_parse(struct response_head *head, struct span bytes, size_t scanned,
                              size_t *head_bytes, struct err *err) {
    CHECK_HOT(scanned <= bytes.len);
    size_t window = bytes.len < HEAD_BYTES_MAX ? bytes.len : HEAD_BYTES_MAX;
    struct cursor in = {bytes.at, bytes.at + window};
    enum step step = window ? status_line_find(&in) : STEP_MORE;
    if (step != STEP_DONE)
        return step == STEP_MORE ? STEP_MORE : head_bad(err, ERR_HTTP_09);

    /* The end may have begun in bytes that were seen: LF, CR, and now the last LF. Empty lines before the status line
     * look like an end too; head_take then asks for more. */
    const uint8_t *unseen = bytes.at + (scanned > 3 ? scanned - 3 : 0);
    const uint8_t *line = in.at;
    if (scanned && !head_is_whole(unseen, in.end))
        return head_more(bytes, err);

    enum err_kind kind;
    step = head_take(head, &in, &kind);
    if (LIKELY(step == STEP_DONE)) {
        *head_bytes = (size_t)(in.at - bytes.at);
        return STEP_DONE;
    }
    /* A fault counts once the head is whole: otherwise one that comes in parts could fail for another reason. */
    if (step == STEP_MORE || !head_is_whole(line, in.end))
        return head_more(bytes, err);
    return head_bad(err, kind);
}
