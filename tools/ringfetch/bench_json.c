/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_json.c: a run as JSON, which --json and --save write and bench_read.c reads. Every member is always there, in the same order;
 * what does not apply is null. Of two servers the top level has what counts for the run (sums of both sides) and otherwise B's,
 * the one in question; `a` and `b` have all. Main thread.
 */
#include "bench_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *bench_limit_name(unsigned bit) {
    static const char *const names[] = {"cpu",         "schedule",    "ports",
                                        "descriptors", "outstanding", "memory"};
    return bit < sizeof names / sizeof *names ? names[bit] : NULL;
}

/* ---- figures of the run -------------------------------------------------------------------------- */

/* Counted things are both sides'; what is said of a server is B's. */
static struct rf_load_figures both(const struct rf_load_figures *a,
                                   const struct rf_load_figures *b) {
    struct rf_load_figures sum = *b;
    sum.seconds += a->seconds;
    sum.requests += a->requests;
    sum.errors += a->errors;
    sum.received_bytes += a->received_bytes;
    sum.sent_bytes += a->sent_bytes;
    sum.body_bytes += a->body_bytes;
    sum.connects += a->connects;
    sum.tls_resumed += a->tls_resumed;
    sum.connections += a->connections;
    sum.connections_max += a->connections_max;
    sum.cpu_user_s += a->cpu_user_s;
    sum.cpu_system_s += a->cpu_system_s;
    sum.first_error = b->first_error ? b->first_error : a->first_error;
    for (unsigned i = 0; i < RF_STATUS_MAX; i++)
        sum.status[i] += a->status[i];
    for (unsigned i = 0; i < RF_KINDS_MAX; i++)
        sum.errors_by_kind[i] += a->errors_by_kind[i];
    return sum;
}

/* "connections=50" of the options, which are the fingerprint's. */
static uint64_t connections_asked(const struct bench_fingerprint *fingerprint) {
    static const char name[] = "connections=";
    const char *at = fingerprint->options;
    for (; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        if (strncmp(at, name, sizeof name - 1) == 0)
            return strtoull(at + sizeof name - 1, NULL, 10);
    }
    return 0;
}

static void put_sides(struct json_out *out, const struct bench_run *run) {
    uint64_t asked = connections_asked(&run->fingerprint);
    const struct rf_load_figures *a = run->side[RF_SIDE_A], *b = run->side[RF_SIDE_B];
    if (!b) {
        bench_json_figures(out, a, asked, false);
        return;
    }
    struct rf_load_figures sum = both(a, b);
    bench_json_figures(out, &sum, 2 * asked, true);
    out_open(out, "a", '{');
    bench_json_figures(out, a, asked, false);
    out_close(out, '}');
    out_open(out, "b", '{');
    bench_json_figures(out, b, asked, false);
    out_close(out, '}');
}

/* ---- what it means ------------------------------------------------------------------------------- */

static void put_generator(struct json_out *out, const struct rf_load_machine *machine) {
    out_boolean(out, "generator_limited", machine->limits != 0);
    out_open_row(out, "limits", '[');
    for (unsigned i = 0; bench_limit_name(i); i++) {
        if (machine->limits & 1U << i)
            out_text(out, NULL, bench_limit_name(i));
    }
    out_close(out, ']');
    out_open_row(out, "generator", '{');
    out_count(out, "threads", machine->threads);
    out_number(out, "worker_cpu", machine->worker_cpu);
    out_number(out, "process_cpu", machine->process_cpu);
    /* Negative: not known. */
    out_number(out, "machine_cpu", machine->machine_cpu < 0 ? NAN : machine->machine_cpu);
    out_close(out, '}');
}

static void put_fingerprint(struct json_out *out, const struct bench_fingerprint *fingerprint) {
    out_open(out, "fingerprint", '{');
    out_text(out, "system", fingerprint->system);
    out_text(out, "cpu", fingerprint->cpu);
    out_count(out, "cores", fingerprint->cores);
    out_text(out, "tls", fingerprint->tls);
    out_text(out, "version", fingerprint->version);
    out_text(out, "options", fingerprint->options);
    out_text(out, "url", fingerprint->url);
    out_text(out, "host", fingerprint->host);
    out_close(out, '}');
}

static void put_thresholds(struct json_out *out, const struct bench_run *run) {
    out_open(out, "thresholds", '[');
    for (size_t i = 0; i < run->threshold_count; i++) {
        const struct bench_threshold *threshold = &run->threshold[i];
        out_open_row(out, NULL, '{');
        out_text(out, "text", threshold->text);
        out_boolean(out, "known", threshold->known);
        out_boolean(out, "failed", threshold->failed);
        out_number(out, "actual", threshold->actual);
        out_number(out, "limit", threshold->limit);
        out_text(out, "shown", threshold->shown);
        out_close(out, '}');
    }
    out_close(out, ']');
}

static void put_comparison(struct json_out *out, const struct rf_comparison *comparison) {
    out_text(out, "verdict", comparison ? rf_change_name(comparison->verdict) : NULL);
    if (!comparison) {
        out_text(out, "comparison", NULL);
        return;
    }
    out_open(out, "comparison", '{');
    out_text(out, "verdict", rf_change_name(comparison->verdict));
    out_text(out, "reason", comparison->reason);
    out_open(out, "metrics", '{');
    for (unsigned i = 0; i < RF_METRICS; i++) {
        out_open_row(out, rf_metric_name((enum rf_metric)i), '{');
        out_boolean(out, "judged", comparison->metric[i].judged);
        out_number(out, "a", comparison->metric[i].a);
        out_number(out, "b", comparison->metric[i].b);
        out_number(out, "change", comparison->metric[i].change);
        out_number(out, "low", comparison->metric[i].low);
        out_number(out, "high", comparison->metric[i].high);
        out_text(out, "verdict", rf_change_name(comparison->metric[i].verdict));
        out_count(out, "samples", comparison->metric[i].samples);
        out_close(out, '}');
    }
    out_close(out, '}');
    out_close(out, '}');
}

static void put_baseline(struct json_out *out, const struct bench_run *run) {
    if (!run->baseline_path && !run->baseline && !run->incomparable) {
        out_text(out, "baseline", NULL);
        return;
    }
    out_open(out, "baseline", '{');
    out_text(out, "path", run->baseline_path);
    out_text(out, "incomparable", run->incomparable);
    if (run->baseline) {
        out_open(out, "figures", '{');
        bench_json_figures(out, run->baseline, 0, false);
        out_close(out, '}');
    } else {
        out_text(out, "figures", NULL);
    }
    out_close(out, '}');
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void put_start(struct json_out *out, int64_t started_us) {
    struct tm tm;
    char text[64] = "";
    time_t seconds = (time_t)(started_us / 1000000);
    if (gmtime_r(&seconds, &tm)) {
        size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(text + used, sizeof text - used, ".%06" PRId64 "Z", started_us % 1000000);
    }
    out_text(out, "started", *text ? text : NULL);
}

bool bench_json_write(FILE *file, const struct bench_run *run) {
    struct json_out out;
    if (!out_begin(&out, file)) {
        errno = ENOMEM;
        return false;
    }
    out_open(&out, NULL, '{');
    out_count(&out, "v", BENCH_JSON_VERSION);
    put_start(&out, run->started_us);
    out_count(&out, "runs", run->runs);
    out_boolean(&out, "interrupted", run->interrupted);
    out_count(&out, "exit", (uint64_t)run->exit);
    put_comparison(&out, run->comparison);
    out_number(&out, "confidence", run->confidence);
    out_number(&out, "min_effect", run->min_effect);
    put_thresholds(&out, run);
    put_generator(&out, &run->machine);
    put_fingerprint(&out, &run->fingerprint);
    put_sides(&out, run);
    put_baseline(&out, run);
    out_close(&out, '}');
    out_end(&out);
    errno = 0;
    if (fflush(file) == 0 && !ferror(file))
        return true;
    errno = errno ? errno : ENOSPC;
    return false;
}
