/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request.h: writes HTTP/1.1 requests. Pure; any thread. CR, LF and NUL never pass: what holds them is refused
 * by request_field_parse and request_method_is_valid before a run starts.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "http/response.h"
#include "http/url.h"

struct request_head {
    const char *method; /* "GET" */
    const struct url *url;
    const struct http_field *
        extra; /* user's fields, in order; one with the name of a default replaces it, one whose value
                                       has `at` NULL removes it */
    unsigned extra_count;
    const char *user_agent;    /* "" or NULL: none */
    const char *referer;       /* or NULL */
    struct span authorization; /* value of the Authorization field, or empty */
    struct span range;         /* value of Range, or empty: "bytes=0-499" */
    struct span if_range;      /* or empty */
    int64_t body_bytes;        /* Content-Length; -1: no body */
    const char *content_type;  /* default for a body; or NULL */
    bool
        secrets_stay; /* leave out Authorization, Cookie, Proxy-Authorization and `extra` fields that may hold
                                secrets: the URL is another origin than the user named */
};

/* The length of the head. With `room` enough (call with 0 to ask) it is written to `memory`, without NUL. Fields: Host, User-Agent,
 * Accept, Authorization, Referer, Range, If-Range, extra, Content-Type, Content-Length. */
size_t request_write(const struct request_head *head, char *memory, size_t room);

/* Parses curl's -H forms: "Name: value", "Name;" (send it empty), "Name:" (remove it). False if malformed or
 * if CR, LF or NUL are in it. The spans point into `text`. */
bool request_field_parse(struct http_field *field, const char *text);
/* Whether the engine owns the field, because it says where a message ends or what becomes of the connection. Whoever takes
 * fields from users refuses these by name: request_write would send them. */
bool request_field_is_framing(const struct http_field *field);
/* Whether a text may be sent as a field's value: for user_agent and referer. */
bool request_value_is_valid(const char *text);

bool request_method_is_valid(const char *method);
/* RFC 9110, 9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE. */
bool request_method_is_idempotent(const char *method);

/* "Basic " and base64 of "name:password" into memory; returns the length, 0 if room is too small. */
size_t request_basic(const char *user, char *memory, size_t room);

/* Retry-After's value (seconds or an HTTP-date) as milliseconds from `now_s` (Unix time); -1 if malformed. */
int64_t retry_after_ms(struct span value, int64_t now_s);

/* What a redirect status does to the method (RFC 9110, 15.4; the fetch standard): the method to use next, and whether
 * the body is dropped. 303 becomes GET (HEAD stays); 301 and 302 turn POST into GET; 307 and 308 keep both. */
const char *redirect_method(unsigned status, const char *method, bool *drop_body);
bool redirect_status(unsigned status);

#endif
