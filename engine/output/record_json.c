/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/assert.h"
#include "base/err.h"
#include "output/record.h"
#include "output/utf8.h"

#define PUT(text, literal) text_put(text, literal, sizeof(literal) - 1)

/* 1: copied as it is. 0: needs a look: quotes, backslash, control characters and everything beyond ASCII. */
static const uint8_t plain[256] = {[0x20] = 1, 1, 0, [0x23 ... 0x5B] = 1, [0x5D ... 0x7E] = 1};

static char *put_escape(char *at, uint8_t byte) {
    static const char short_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    *at++ = '\\';
    for (size_t i = 0; i + 1 < sizeof short_escapes; i += 2) {
        if ((uint8_t)short_escapes[i] == byte) {
            *at++ = short_escapes[i + 1];
            return at;
        }
    }
    memcpy(at, "u00", 3);
    at[3] = "0123456789abcdef"[byte >> 4];
    at[4] = "0123456789abcdef"[byte & 15];
    return at + 5;
}

static void put_string(struct text *text, const char *string) {
    if (!string) {
        PUT(text, "null");
        return;
    }
    size_t len = strlen(string);
    const uint8_t *from = (const uint8_t *)string;
    char *begin = text_room(text, 6 * len + 2), *at = begin;
    *at++ = '"';
    for (size_t i = 0; i < len;) {
        if (LIKELY(plain[from[i]])) {
            *at++ = (char)from[i++];
        } else if (from[i] < 0x80) {
            at = put_escape(at, from[i++]);
        } else {
            size_t count = utf8_sequence(from + i, len - i);
            memcpy(at, count ? (const char *)from + i : "\\ufffd", count ? count : 6);
            at += count ? count : 6;
            i += count ? count : 1;
        }
    }
    *at++ = '"';
    text->len += (size_t)(at - begin);
}

static void put_bool(struct text *text, bool value) {
    text_put_string(text, value ? "true" : "false");
}

static void put_number_or_null(struct text *text, uint64_t number) {
    if (number)
        text_put_number(text, number);
    else
        PUT(text, "null");
}

static void put_date(struct text *text, bool known, int64_t time_s) {
    if (!known) {
        PUT(text, "null");
        return;
    }
    PUT(text, "\"");
    text_put_time_s(text, time_s);
    PUT(text, "\"");
}

const char *record_detail(const struct rf_result *result, char *room, size_t size) {
    if (result->error.stage != STAGE_INPUT || !result->line)
        return result->detail;
    snprintf(room, size, "line %llu: %s", (unsigned long long)result->line,
             result->detail ? result->detail : "");
    return room;
}

static void put_error(struct text *text, const struct rf_result *result) {
    struct rf_error error = result->error;
    struct err err = {.stage = error.stage, .kind = error.kind, .detail = error.detail};
    char room[DETAIL_BYTES];
    if (!err_is(err)) {
        PUT(text, "null");
        return;
    }
    PUT(text, "{\"stage\":");
    put_string(text, err_stage_name(err));
    PUT(text, ",\"kind\":");
    put_string(text, err_kind_name((enum err_kind)err.kind));
    PUT(text, ",\"fault\":");
    put_string(text, err_fault_name(err));
    PUT(text, ",\"detail\":");
    put_string(text, record_detail(result, room, sizeof room));
    PUT(text, "}");
}

static void put_redirects(struct text *text, const struct rf_result *result) {
    PUT(text, "[");
    for (size_t i = 0; i < result->redirect_count; i++) {
        if (i)
            PUT(text, ",");
        PUT(text, "{\"status\":");
        put_number_or_null(text, result->redirects[i].status);
        PUT(text, ",\"url\":");
        put_string(text, result->redirects[i].url);
        PUT(text, "}");
    }
    PUT(text, "]");
}

static void put_times(struct text *text, const struct rf_times *ms) {
    const struct {
        const char *name;
        double value;
    } times[] = {{"{\"queue\":", ms->queue},     {",\"dns\":", ms->dns},
                 {",\"connect\":", ms->connect}, {",\"tls\":", ms->tls},
                 {",\"wait\":", ms->wait},       {",\"body\":", ms->body},
                 {",\"total\":", ms->total}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        text_put_string(text, times[i].name);
        if (times[i].value >= 0)
            text_put_ms(text, times[i].value);
        else
            PUT(text, "null");
    }
    PUT(text, "}");
}

static void put_connection(struct text *text, const struct rf_result *result) {
    PUT(text, ",\"http\":");
    put_string(text, result->http);
    PUT(text, ",\"ip\":");
    put_string(text, result->ip);
    PUT(text, ",\"port\":");
    put_number_or_null(text, result->port);
    PUT(text, ",\"reused\":");
    put_bool(text, result->reused);
    PUT(text, ",\"attempts\":");
    text_put_number(text, result->attempts);
}

static void put_body(struct text *text, const struct rf_result *result) {
    PUT(text, ",\"body_bytes\":");
    text_put_number(text, result->body_bytes);
    PUT(text, ",\"wire_bytes\":");
    text_put_number(text, result->wire_bytes);
    PUT(text, ",\"content_type\":");
    put_string(text, result->content_type);
    PUT(text, ",\"path\":");
    put_string(text, result->path);
    PUT(text, ",\"sha256\":");
    put_string(text, result->sha256);
}

/* What is known of the certificate comes as a whole or not at all. */
static void put_certificate(struct text *text, const struct rf_tls_facts *tls) {
    bool known = tls->has_cert;
    PUT(text, ",\"subject\":");
    put_string(text, known ? tls->subject : NULL);
    PUT(text, ",\"issuer\":");
    put_string(text, known ? tls->issuer : NULL);
    PUT(text, ",\"not_after\":");
    put_date(text, known, tls->not_after);
    PUT(text, ",\"days_left\":");
    if (known)
        text_put_signed(text, tls->days_left);
    else
        PUT(text, "null");
}

static void put_sans(struct text *text, const struct rf_tls_facts *tls) {
    if (!tls->has_cert) {
        PUT(text, "null");
        return;
    }
    PUT(text, "[");
    for (size_t i = 0; i < tls->san_count; i++) {
        if (i)
            PUT(text, ",");
        put_string(text, tls->sans[i]);
    }
    PUT(text, "]");
}

static void put_tls(struct text *text, const struct rf_tls_facts *tls) {
    if (!tls) {
        PUT(text, "null");
        return;
    }
    PUT(text, "{\"version\":");
    put_string(text, tls->version);
    PUT(text, ",\"cipher\":");
    put_string(text, tls->cipher);
    PUT(text, ",\"verify\":");
    put_string(text, tls->verify);
    put_certificate(text, tls);
    PUT(text, ",\"resumed\":");
    put_bool(text, tls->resumed);
    PUT(text, ",\"sans\":");
    put_sans(text, tls);
    PUT(text, ",\"not_before\":");
    put_date(text, tls->has_cert, tls->not_before);
    PUT(text, ",\"fingerprint\":");
    put_string(text, tls->has_cert ? tls->fingerprint : NULL);
    PUT(text, "}");
}

/* ---- check runs ------------------------------------------------------------------------------------ */

static void put_source(struct text *text, const struct rf_result *result) {
    if (!result->source) {
        PUT(text, "null");
        return;
    }
    PUT(text, "{\"file\":");
    put_string(text, result->source);
    PUT(text, ",\"line\":");
    put_number_or_null(text, result->line);
    PUT(text, ",\"column\":");
    put_number_or_null(text, result->column);
    PUT(text, "}");
}

/* What the first pass found, where a confirm pass has decided. */
static void put_first(struct text *text, const struct rf_result *result) {
    struct err err = {.stage = result->first_error.stage, .kind = result->first_error.kind};
    if (!result->passes) {
        PUT(text, "null");
        return;
    }
    PUT(text, "{\"status\":");
    put_number_or_null(text, result->first_status);
    PUT(text, ",\"stage\":");
    put_string(text, err_stage_name(err));
    PUT(text, ",\"kind\":");
    put_string(text, err_kind_name((enum err_kind)err.kind));
    PUT(text, ",\"fault\":");
    put_string(text, err_fault_name(err));
    PUT(text, "}");
}

static void put_check(struct text *text, const struct rf_result *result) {
    PUT(text, ",\"verdict\":");
    put_string(text, rf_verdict_name(result->verdict));
    PUT(text, ",\"title\":");
    put_string(text, result->title);
    PUT(text, ",\"source\":");
    put_source(text, result);
    PUT(text, ",\"passes\":");
    text_put_number(text, result->passes);
    PUT(text, ",\"first\":");
    put_first(text, result);
    PUT(text, ",\"cached\":");
    put_bool(text, result->cached);
    PUT(text, ",\"change\":");
    put_string(text, result->change);
}

void record_put_json(struct text *text, const struct rf_result *result) {
    PUT(text, "{\"v\":1,\"n\":");
    text_put_number(text, result->n);
    PUT(text, ",\"url\":");
    put_string(text, result->url);
    PUT(text, ",\"tag\":");
    put_string(text, result->tag);
    PUT(text, ",\"ok\":");
    put_bool(text, result->ok);
    PUT(text, ",\"status\":");
    put_number_or_null(text, result->status);
    PUT(text, ",\"error\":");
    put_error(text, result);
    PUT(text, ",\"method\":");
    put_string(text, result->method);
    PUT(text, ",\"final_url\":");
    put_string(text, result->final_url);
    PUT(text, ",\"redirects\":");
    put_redirects(text, result);
    put_connection(text, result);
    put_body(text, result);
    PUT(text, ",\"ms\":");
    put_times(text, &result->ms);
    PUT(text, ",\"tls\":");
    put_tls(text, result->tls);
    if (result->skipped)
        PUT(text, ",\"skipped\":true");
    if (result->verdict)
        put_check(text, result);
    PUT(text, ",\"time\":\"");
    text_put_time(text, result->time_us);
    PUT(text, "\"}\n");
}
