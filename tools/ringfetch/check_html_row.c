/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_row.c: one result as the page's script reads it: a JSON object in which what does not apply is left out, because
 * the record's nulls would double the page. Texts are cut: a page is for looking, records have the whole. See check_html_rows.h.
 */
#include "check_html_rows.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum {
    URL_BYTES = 1000,
    DETAIL_BYTES = 400,
    SHORT_BYTES = 120,
    CUT_BYTES_MAX = 1024,
    ROW_BYTES_MAX = 4096 /* a longer row is made again with shorter texts */
};

void html_escape(FILE *out, const char *json, size_t len) {
    const char *end = json + len, *less;
    while ((less = memchr(json, '<', (size_t)(end - json)))) {
        fwrite(json, 1, (size_t)(less - json), out);
        fputs("\\u003c", out);
        json = less + 1;
    }
    fwrite(json, 1, (size_t)(end - json), out);
}

void html_string(FILE *out, const char *text, size_t max) {
    char cut[CUT_BYTES_MAX + sizeof "…"];
    size_t len = strnlen(text, max + 1);
    if (max > CUT_BYTES_MAX) {
        max = CUT_BYTES_MAX;
    }
    if (len <= max) {
        text_json(out, text);
        return;
    }
    /* Not in the middle of a character. */
    for (len = max; len > max - 3 && ((unsigned char)text[len] & 0xC0) == 0x80;) {
        len--;
    }
    memcpy(cut, text, len);
    memcpy(cut + len, "…", sizeof "…");
    text_json(out, cut);
}

static void put_string(FILE *out, const char *name, const char *text, size_t max) {
    if (text && *text) {
        fprintf(out, ",\"%s\":", name);
        html_string(out, text, max);
    }
}

static void put_number(FILE *out, const char *name, uint64_t number) {
    if (number) {
        fprintf(out, ",\"%s\":%llu", name, (unsigned long long)number);
    }
}

static void put_flag(FILE *out, const char *name, bool flag) {
    if (flag) {
        fprintf(out, ",\"%s\":true", name);
    }
}

static void put_error(FILE *out, const struct rf_result *result) {
    put_string(out, "stage", rf_error_stage(result->error), SHORT_BYTES);
    put_string(out, "kind", rf_error_kind(result->error), SHORT_BYTES);
    put_string(out, "fault", rf_error_fault(result->error), SHORT_BYTES);
}

static void put_times(FILE *out, const struct rf_times *ms) {
    const double times[] = {ms->queue, ms->dns,  ms->connect, ms->tls,
                            ms->wait,  ms->body, ms->total};
    if (ms->total < 0) {
        return;
    }
    fputs(",\"ms\":[", out);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        fputs(i ? "," : "", out);
        if (times[i] >= 0) {
            fprintf(out, times[i] < 100 ? "%.3g" : "%.0f", times[i]);
        } else {
            fputs("null", out);
        }
    }
    fputc(']', out);
}

static void put_place(FILE *out, const struct rf_result *result, size_t max) {
    put_string(out, "source", result->source, max);
    put_number(out, "line", result->line);
    put_number(out, "column", result->column);
    put_string(out, "tag", result->tag, SHORT_BYTES);
    put_string(out, "change", result->change, SHORT_BYTES);
}

static void put_attempts(FILE *out, const struct rf_result *result) {
    put_number(out, "attempts", result->attempts);
    put_number(out, "passes", result->passes);
    if (result->passes) {
        put_number(out, "first_status", result->first_status);
        put_string(out, "first_kind", rf_error_kind(result->first_error), SHORT_BYTES);
    }
    put_flag(out, "cached", result->cached);
    put_flag(out, "reused", result->reused);
}

static void put_answer(FILE *out, const struct rf_result *result, size_t max) {
    put_string(out, "method", result->method, SHORT_BYTES);
    put_number(out, "redirects", result->redirect_count);
    if (result->final_url && result->url && strcmp(result->final_url, result->url) != 0) {
        put_string(out, "final", result->final_url, max);
    }
    put_string(out, "http", result->http, SHORT_BYTES);
    put_string(out, "ip", result->ip, SHORT_BYTES);
    if (result->ip) {
        put_number(out, "port", result->port);
    }
    put_string(out, "type", result->content_type, SHORT_BYTES);
    put_string(out, "title", result->title, max);
    put_number(out, "bytes", result->body_bytes);
}

static void put_tls(FILE *out, const struct rf_tls_facts *tls) {
    if (!tls) {
        return;
    }
    put_string(out, "tls", tls->version, SHORT_BYTES);
    if (tls->has_cert) {
        put_string(out, "issuer", tls->issuer, SHORT_BYTES);
        fprintf(out, ",\"days\":%d", tls->days_left);
    }
}

static void put_row(FILE *out, const struct rf_result *result, size_t url_max, size_t detail_max) {
    const char *verdict = rf_verdict_name(result->verdict);
    fprintf(out, "{\"n\":%llu,\"v\":", (unsigned long long)result->n);
    text_json(out, *verdict ? verdict : result->ok ? "ok" : "dead");
    put_string(out, "url", result->url, url_max);
    put_number(out, "status", result->status);
    put_error(out, result);
    put_string(out, "detail", result->detail, detail_max);
    put_place(out, result, detail_max);
    put_attempts(out, result);
    put_answer(out, result, detail_max);
    put_times(out, &result->ms);
    put_tls(out, result->tls);
    fprintf(out, ",\"time\":%lld}", (long long)(result->time_us / 1000));
}

static char *row_of(const struct rf_result *result, size_t url_max, size_t detail_max,
                    size_t *len) {
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out) {
        return NULL;
    }
    put_row(out, result, url_max, detail_max);
    bool whole = !ferror(out);
    if (fclose(out) != 0 || !whole) {
        free(text);
        return NULL;
    }
    return text;
}

char *html_row_text(const struct rf_result *result, size_t *len) {
    char *text = row_of(result, URL_BYTES, DETAIL_BYTES, len);
    if (text && *len > ROW_BYTES_MAX) {
        free(text);
        text = row_of(result, SHORT_BYTES, SHORT_BYTES, len);
    }
    return text;
}
