/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "output/record.h"
#include "output/utf8.h"

static const char header[] =
    "n,url,tag,ok,status,stage,kind,fault,detail,method,final_url,redirects,http,ip,port,reused,"
    "attempts,body_bytes,wire_bytes,content_type,path,sha256,queue_ms,dns_ms,connect_ms,tls_ms,"
    "wait_ms,body_ms,total_ms,time,"
    "tls_version,tls_cipher,tls_verify,tls_subject,tls_issuer,tls_not_after,tls_days_left,tls_"
    "fingerprint\n";

static const char check_columns[] =
    ",verdict,title,source,line,column,passes,first_kind,first_status,cached,change\n";

void record_put_csv_header(struct text *text, bool check) {
    text_put(text, header, sizeof header - 1 - check); /* one line of both */
    if (check)
        text_put(text, check_columns, sizeof check_columns - 1);
}

static void put_comma(struct text *text) {
    text_put(text, ",", 1);
}

/* A cell of text and the comma after it. NULL is an empty cell. */
static void put_cell(struct text *text, const char *string) {
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    size_t len = string ? strlen(string) : 0;
    bool formula = len && strchr("=+-@\t\r", string[0]);
    bool quoted = len && strpbrk(string, "\",\r\n");
    char *begin = text_room(text, 3 * len + 4), *at = begin;
    if (quoted)
        *at++ = '"';
    if (formula)
        *at++ = '\'';
    for (size_t i = 0; i < len;) {
        size_t count = utf8_sequence((const uint8_t *)string + i, len - i);
        if (string[i] == '"')
            *at++ = '"';
        memcpy(at, count ? string + i : replacement, count ? count : 3);
        at += count ? count : 3;
        i += count ? count : 1;
    }
    if (quoted)
        *at++ = '"';
    *at++ = ',';
    text->len += (size_t)(at - begin);
}

static void put_number_cell(struct text *text, uint64_t number) {
    text_put_number(text, number);
    put_comma(text);
}

static void put_number_or_nothing(struct text *text, uint64_t number) {
    if (number)
        text_put_number(text, number);
    put_comma(text);
}

static void put_error(struct text *text, const struct rf_result *result) {
    struct rf_error error = result->error;
    struct err err = {.stage = error.stage, .kind = error.kind, .detail = error.detail};
    char room[DETAIL_BYTES];
    bool failed = err_is(err);
    put_cell(text, failed ? err_stage_name(err) : NULL);
    put_cell(text, failed ? err_kind_name((enum err_kind)err.kind) : NULL);
    put_cell(text, failed ? err_fault_name(err) : NULL);
    put_cell(text, failed ? record_detail(result, room, sizeof room) : NULL);
}

static void put_times(struct text *text, const struct rf_times *ms) {
    const double times[] = {ms->queue, ms->dns,  ms->connect, ms->tls,
                            ms->wait,  ms->body, ms->total};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (times[i] >= 0)
            text_put_ms(text, times[i]);
        put_comma(text);
    }
}

/* The last columns but those of checks: the last one has no comma after it. The names that a certificate is for are in JSON only: they can be
 * hundreds. */
static void put_tls(struct text *text, const struct rf_tls_facts *tls) {
    static const struct rf_tls_facts none;
    if (!tls)
        tls = &none;
    put_cell(text, tls->version);
    put_cell(text, tls->cipher);
    put_cell(text, tls->verify);
    put_cell(text, tls->has_cert ? tls->subject : NULL);
    put_cell(text, tls->has_cert ? tls->issuer : NULL);
    if (tls->has_cert)
        text_put_time_s(text, tls->not_after);
    put_comma(text);
    if (tls->has_cert)
        text_put_signed(text, tls->days_left);
    put_comma(text);
    if (tls->has_cert && tls->fingerprint)
        text_put_string(text, tls->fingerprint);
}

static void put_check(struct text *text, const struct rf_result *result) {
    put_comma(text);
    put_cell(text, rf_verdict_name(result->verdict));
    put_cell(text, result->title);
    put_cell(text, result->source);
    put_number_or_nothing(text, result->line);
    put_number_or_nothing(text, result->column);
    put_number_cell(text, result->passes);
    put_cell(text, result->passes ? err_kind_name((enum err_kind)result->first_error.kind) : NULL);
    put_number_or_nothing(text, result->first_status);
    put_cell(text, result->cached ? "true" : "false");
    text_put_string(text, result->change ? result->change : "");
}

void record_put_csv(struct text *text, const struct rf_result *result) {
    put_number_cell(text, result->n);
    put_cell(text, result->url);
    put_cell(text, result->tag);
    put_cell(text, result->ok ? "true" : "false");
    put_number_or_nothing(text, result->status);
    put_error(text, result);
    put_cell(text, result->method);
    put_cell(text, result->final_url);
    put_number_cell(text, result->redirect_count);
    put_cell(text, result->http);
    put_cell(text, result->ip);
    put_number_or_nothing(text, result->port);
    put_cell(text, result->reused ? "true" : "false");
    put_number_cell(text, result->attempts);
    put_number_cell(text, result->body_bytes);
    put_number_cell(text, result->wire_bytes);
    put_cell(text, result->content_type);
    put_cell(text, result->path);
    put_cell(text, result->sha256);
    put_times(text, &result->ms);
    text_put_time(text, result->time_us);
    put_comma(text);
    put_tls(text, result->tls);
    if (result->verdict)
        put_check(text, result);
    text_put(text, "\n", 1);
}
