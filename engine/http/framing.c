/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * framing.c: finds fields in a parsed head and decides by them where the body ends and whether the connection may serve
 * again (RFC 9112, 6.3 and 9.3). Pure; any thread.
 *
 * A body whose end two readers may see at two places is how responses are smuggled: whatever is ambiguous is an error
 * or costs the connection. A malformed Content-Length is an error even where no body follows.
 *
 * Rejected: to read until close where the last transfer coding isn't chunked, as 6.3 has it. We ask for no coding and
 * decode none, so such a body would be stored encoded.
 */
#include "http/response.h"

#include "base/assert.h"
#include "http/token.h"

/* Cuts the next element off a comma-separated list, without white space; it may be empty. False at the end. */
static bool list_next(struct span *list, struct span *element) {
    if (!list->at)
        return false;
    const uint8_t *comma = list->len ? memchr(list->at, ',', list->len) : NULL;
    size_t len = comma ? (size_t)(comma - list->at) : list->len;
    *element = span_trim(span_of(list->at, len));
    *list = comma ? span_skip(*list, len + 1) : (struct span){.at = NULL, .len = 0};
    return true;
}

const struct http_field *response_field(const struct response_head *head, const char *name) {
    size_t len = strlen(name);
    for (unsigned i = 0; i < head->field_count; i++)
        if (token_is(head->field[i].name, name, len))
            return &head->field[i];
    return NULL;
}

bool response_field_has(const struct response_head *head, const char *name, const char *token) {
    size_t len = strlen(name);
    for (unsigned i = 0; i < head->field_count; i++) {
        struct span list = head->field[i].value, element;
        if (token_is(head->field[i].name, name, len))
            while (list_next(&list, &element))
                if (span_is_nocase(element, token))
                    return true;
    }
    return false;
}

/* What the fields say about the message, before it is weighed. */
struct claims {
    int64_t length;         /* -1: none */
    unsigned codings;       /* in all Transfer-Encoding fields together */
    bool encoded, chunked;  /* there is such a field; its last coding is chunked */
    bool close, keep_alive; /* tokens of Connection */
};

/* 1*DIGIT up to INT64_MAX, or -1. */
static int64_t length_of(struct span digits) {
    int64_t length = digits.len ? 0 : -1;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.at[i] - '0';
        if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10)
            return -1;
        length = length * 10 + digit;
    }
    return length;
}

static bool claim_one_length(struct claims *claims, int64_t length) {
    if (length < 0 || (claims->length >= 0 && claims->length != length))
        return false;
    claims->length = length;
    return true;
}

/* Equal values may repeat, in a list and in several fields (RFC 9110, 8.6). False: malformed or different. */
static bool claim_length(struct claims *claims, struct span list) {
    struct span element;
    int64_t only = length_of(list); /* nearly every server sends one number */
    if (LIKELY(only >= 0))
        return claim_one_length(claims, only);
    while (list_next(&list, &element))
        if (!claim_one_length(claims, length_of(element)))
            return false;
    return true;
}

static void claim_codings(struct claims *claims, struct span list) {
    struct span element;
    claims->encoded = true;
    while (list_next(&list, &element)) {
        if (!element.len)
            continue;
        claims->codings++;
        claims->chunked = span_is_nocase(element, "chunked");
    }
}

static void claim_connection(struct claims *claims, struct span list) {
    struct span element;
    while (list_next(&list, &element)) {
        claims->close |= span_is_nocase(element, "close");
        claims->keep_alive |= span_is_nocase(element, "keep-alive");
    }
}

/* One look at each field; its length is enough to pass over nearly all of them. */
static bool claims_read(struct claims *claims, const struct response_head *head) {
    *claims = (struct claims){.length = -1};
    for (unsigned i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->field[i];
        switch (field->name.len) {
        case sizeof "content-length" - 1:
            if (TOKEN_IS(field->name, "content-length") && !claim_length(claims, field->value))
                return false;
            break;
        case sizeof "transfer-encoding" - 1:
            if (TOKEN_IS(field->name, "transfer-encoding"))
                claim_codings(claims, field->value);
            break;
        case sizeof "connection" - 1:
            if (TOKEN_IS(field->name, "connection"))
                claim_connection(claims, field->value);
            break;
        default:
            break;
        }
    }
    return true;
}

static enum step framing_bad(struct err *err, enum err_kind kind) {
    *err = err_make(STAGE_HEAD, kind, 0);
    return STEP_BAD;
}

static bool status_has_no_body(unsigned status) {
    return status < 200 || status == 204 || status == 304;
}

/* There is no body, whatever the fields claim; those of HEAD and 304 describe what another request would get. */
static void framing_none(struct response_framing *framing, const struct claims *claims,
                         unsigned status, bool head_method) {
    framing->framing = FRAMING_NONE;
    framing->length = head_method ? claims->length : 0;
    if (head_method || status == 304)
        return;
    /* 1xx and 204 must not announce a body: if they do, one may follow. */
    if (claims->encoded || claims->length > 0)
        framing->keep_alive = false;
}

static void framing_length(struct response_framing *framing, int64_t length) {
    framing->length = length;
    framing->framing = length ? FRAMING_LENGTH : FRAMING_NONE;
    if (length < 0) {
        framing->framing = FRAMING_UNTIL_CLOSE;
        framing->keep_alive = false;
    }
}

enum step response_framing(struct response_framing *framing, const struct response_head *head,
                           bool head_method, struct err *err) {
    struct claims claims;
    if (!claims_read(&claims, head))
        return framing_bad(err, ERR_BAD_LENGTH);

    framing->keep_alive = !claims.close && (head->minor >= 1 || claims.keep_alive);
    /* Two lengths, or a coding that HTTP/1.0 doesn't have: read it, then hang up (RFC 9112, 6.1 and 6.3). */
    if (claims.encoded && (claims.length >= 0 || head->minor == 0))
        framing->keep_alive = false;

    if (head_method || status_has_no_body(head->status)) {
        framing_none(framing, &claims, head->status, head_method);
    } else if (claims.encoded) {
        if (claims.codings != 1 || !claims.chunked)
            return framing_bad(err, ERR_BAD_TRANSFER_ENCODING);
        framing->framing = FRAMING_CHUNKED;
        framing->length = -1;
    } else {
        framing_length(framing, claims.length);
    }
    return STEP_DONE;
}
