/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_json_figures.c: the members of a side in JSON. What is derived (latency_us, cpu_us_per_request) is for people and scripts;
 * what is read back are the histograms, counts and tables. Durations are microseconds, as fractions of which a nanosecond
 * still shows; blocks are nanoseconds, as they are samples and not for reading. Main thread; allocates only what encoding does.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_json.h"

static double us(double ns) {
    return ns / 1000;
}

const char *bench_block_column(unsigned column) {
    static const char *const names[BENCH_BLOCK_COLUMNS] = {
        "start_s", "length_s", "requests", "errors", "rps",
        "mean_ns", "p50_ns",   "p90_ns",   "p99_ns", "error_share"};
    return column < BENCH_BLOCK_COLUMNS ? names[column] : NULL;
}

/* Without user information, which is a password's place: results are kept by CI for everybody to see. Also of names that hold
 * a URL. */
static void put_url(struct json_out *out, const char *name, const char *text) {
    const char *host = text ? strstr(text, "://") : NULL;
    size_t authority = host ? strcspn(host + 3, "/?#") : 0;
    const char *at = host ? memrchr(host + 3, '@', authority) : NULL;
    char *shown = NULL;
    if (at && asprintf(&shown, "%.*s%s", (int)(host + 3 - text), text, at + 1) < 0)
        shown = NULL;
    out_text(out, name, at ? shown : text);
    free(shown);
}

/* ---- histograms ---------------------------------------------------------------------------------- */

/* Of the buckets' middles, which a file holds, and not of the exact squares, which it doesn't: the same before and after. */
static double deviation_of(const struct rf_histogram *histogram) {
    struct rf_bucket bucket;
    uint32_t at = 0;
    double mean = rf_histogram_mean(histogram), squares = 0;
    if (rf_histogram_min(histogram) == rf_histogram_max(histogram))
        return 0;
    while (rf_histogram_next(histogram, &at, &bucket)) {
        double off = (double)bucket.low + (double)(bucket.high - bucket.low) / 2 - mean;
        squares += off * off * (double)bucket.count;
    }
    return sqrt(squares / (double)rf_histogram_total(histogram));
}

static void put_summary(struct json_out *out, const char *name,
                        const struct rf_histogram *histogram) {
    static const struct {
        const char *name;
        double percent;
    } points[] = {{"p50", 50}, {"p75", 75}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99_9", 99.9}};
    if (!histogram) {
        out_text(out, name, NULL);
        return;
    }
    bool any = rf_histogram_total(histogram) > 0;
    out_open(out, name, '{');
    out_number(out, "min", any ? us((double)rf_histogram_min(histogram)) : NAN);
    out_number(out, "mean", any ? us(rf_histogram_mean(histogram)) : NAN);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        uint64_t value = rf_histogram_percentile(histogram, points[i].percent);
        out_number(out, points[i].name, any ? us((double)value) : NAN);
    }
    out_number(out, "max", any ? us((double)rf_histogram_max(histogram)) : NAN);
    out_number(out, "stddev", any ? us(deviation_of(histogram)) : NAN);
    out_close(out, '}');
}

/* Encoding leaves out the exact least and largest value and the mean; they stand beside it. */
static void put_histogram(struct json_out *out, const char *name,
                          const struct rf_histogram *histogram) {
    char *encoded = histogram ? rf_histogram_encode(histogram) : NULL;
    if (!encoded) {
        out_text(out, name, NULL);
        return;
    }
    out_open(out, name, '{');
    out_text(out, "unit", "ns");
    out_count(out, "highest", rf_histogram_highest(histogram));
    out_count(out, "count", rf_histogram_total(histogram));
    out_count(out, "min", rf_histogram_min(histogram));
    out_count(out, "max", rf_histogram_max(histogram));
    out_number(out, "mean", rf_histogram_mean(histogram));
    out_text(out, "encoded", encoded);
    out_close(out, '}');
    free(encoded);
}

static void put_histograms(struct json_out *out, const struct rf_load_figures *figures) {
    out_open(out, "histograms", '{');
    put_histogram(out, "raw", figures->raw);
    put_histogram(out, "slip", figures->slip);
    put_histogram(out, "first_byte", figures->first_byte);
    put_histogram(out, "connect", figures->connect);
    put_histogram(out, "tls", figures->tls);
    out_close(out, '}');
}

/* ---- tables -------------------------------------------------------------------------------------- */

static void put_series(struct json_out *out, const struct rf_load_figures *figures) {
    out_open(out, "series", '[');
    for (size_t i = 0; i < figures->second_count; i++) {
        const struct rf_load_second *second = &figures->second[i];
        out_open_row(out, NULL, '{');
        out_number(out, "start_s", second->start_s);
        out_number(out, "length_s", second->length_s);
        out_count(out, "requests", second->requests);
        out_count(out, "errors", second->errors);
        out_count(out, "bytes", second->bytes);
        out_count(out, "connections", second->connections);
        out_number(out, "p50_us", us((double)second->p50_ns));
        out_number(out, "p90_us", us((double)second->p90_ns));
        out_number(out, "p99_us", us((double)second->p99_ns));
        out_number(out, "max_us", us((double)second->max_ns));
        out_close(out, '}');
    }
    out_close(out, ']');
}

static void put_block(struct json_out *out, const struct rf_load_block *block) {
    out_open_row(out, NULL, '[');
    out_number(out, NULL, block->start_s);
    out_number(out, NULL, block->length_s);
    out_count(out, NULL, block->requests);
    out_count(out, NULL, block->errors);
    out_number(out, NULL, block->rps);
    out_number(out, NULL, block->mean_ns);
    out_number(out, NULL, block->p50_ns);
    out_number(out, NULL, block->p90_ns);
    out_number(out, NULL, block->p99_ns);
    out_number(out, NULL, block->error_share);
    out_close(out, ']');
}

static void put_blocks(struct json_out *out, const struct rf_load_figures *figures) {
    out_open(out, "blocks", '{');
    out_open_row(out, "columns", '[');
    for (unsigned i = 0; i < BENCH_BLOCK_COLUMNS; i++)
        out_text(out, NULL, bench_block_column(i));
    out_close(out, ']');
    out_open(out, "rows", '[');
    for (size_t i = 0; i < figures->block_count; i++)
        put_block(out, &figures->block[i]);
    out_close(out, ']');
    out_close(out, '}');
}

static void put_entries(struct json_out *out, const struct rf_load_figures *figures) {
    out_open(out, "entries", '[');
    for (size_t i = 0; i < figures->entry_count; i++) {
        const struct rf_load_entry *entry = &figures->entry[i];
        out_open(out, NULL, '{');
        put_url(out, "name", entry->name);
        out_number(out, "weight", entry->weight);
        out_count(out, "requests", entry->requests);
        out_count(out, "errors", entry->errors);
        out_count(out, "bytes", entry->bytes);
        put_summary(out, "latency_us", entry->latency);
        put_histogram(out, "histogram", entry->latency);
        out_close(out, '}');
    }
    out_close(out, ']');
}

/* ---- counts -------------------------------------------------------------------------------------- */

static void put_status(struct json_out *out, const struct rf_load_figures *figures) {
    out_open_row(out, "status", '{');
    for (unsigned i = 0; i < RF_STATUS_MAX; i++) {
        char code[16];
        snprintf(code, sizeof code, "%u", i);
        if (figures->status[i])
            out_count(out, code, figures->status[i]);
    }
    out_close(out, '}');
}

static void put_kinds(struct json_out *out, const struct rf_load_figures *figures) {
    out_open_row(out, "errors_by_kind", '{');
    for (unsigned i = 1; i < RF_KINDS_MAX; i++) {
        if (figures->errors_by_kind[i] && rf_kind_name(i))
            out_count(out, rf_kind_name(i), figures->errors_by_kind[i]);
    }
    out_close(out, '}');
}

static void put_connections(struct json_out *out, const struct rf_load_figures *figures,
                            uint64_t asked) {
    out_open_row(out, "connections", '{');
    if (asked)
        out_count(out, "asked", asked);
    else
        out_text(out, "asked", NULL);
    out_count(out, "open", figures->connections);
    out_count(out, "max", figures->connections_max);
    out_count(out, "connects", figures->connects);
    out_count(out, "resumed", figures->tls_resumed);
    out_close(out, '}');
}

static void put_server(struct json_out *out, const struct rf_load_figures *figures) {
    put_url(out, "url", figures->url);
    out_text(out, "ip", figures->ip);
    out_text(out, "server", figures->server);
    if (!figures->tls_version) {
        out_text(out, "tls", NULL);
        return;
    }
    out_open_row(out, "tls", '{');
    out_text(out, "version", figures->tls_version);
    out_text(out, "cipher", figures->tls_cipher);
    out_close(out, '}');
}

static void put_counts(struct json_out *out, const struct rf_load_figures *figures,
                       uint64_t asked) {
    double cpu_s = figures->cpu_user_s + figures->cpu_system_s;
    out_count(out, "requests", figures->requests);
    out_count(out, "errors", figures->errors);
    out_number(out, "duration_s", figures->seconds);
    out_number(out, "rps", figures->rps);
    out_number(out, "rps_scheduled", figures->rps_scheduled > 0 ? figures->rps_scheduled : NAN);
    out_number(out, "cpu_us_per_request",
               figures->requests ? cpu_s * 1e6 / (double)figures->requests : NAN);
    put_status(out, figures);
    put_kinds(out, figures);
    out_text(out, "first_error", figures->first_error);
    out_open_row(out, "bytes", '{');
    out_count(out, "received", figures->received_bytes);
    out_count(out, "sent", figures->sent_bytes);
    out_count(out, "body", figures->body_bytes);
    out_close(out, '}');
    put_connections(out, figures, asked);
    out_count(out, "outstanding_max", figures->outstanding_max);
    out_open_row(out, "cpu", '{');
    out_number(out, "user_s", figures->cpu_user_s);
    out_number(out, "system_s", figures->cpu_system_s);
    out_close(out, '}');
}

void bench_json_figures(struct json_out *out, const struct rf_load_figures *figures, uint64_t asked,
                        bool brief) {
    put_server(out, figures);
    put_counts(out, figures, asked);
    put_summary(out, "latency_us", figures->latency);
    put_summary(out, "raw_latency_us", figures->raw);
    put_summary(out, "slip_us", figures->slip);
    put_summary(out, "first_byte_us", figures->first_byte);
    put_summary(out, "connect_us", figures->connect);
    put_summary(out, "tls_us", figures->tls);
    put_histogram(out, "histogram", figures->latency);
    if (brief)
        return;
    put_histograms(out, figures);
    put_entries(out, figures);
    put_series(out, figures);
    put_blocks(out, figures);
}
