/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary_facts.c: see bench_summary_facts.h. A row stands there only if it says something of one side at least: who
 * fetches by http does not read about TLS. Columns for kinds of errors were rejected: there are a hundred kinds, and of most
 * none.
 */
#include "bench_summary_facts.h"

#include <math.h>
#include <string.h>

#include "text.h"

/* ---- facts ------------------------------------------------------------------------------------------ */

struct facts {
    const struct bench_sides *sides;
    struct bench_fact *fact;
    size_t count;
};

/* Writes what a side has to say into text; nothing where it has nothing. */
typedef void fact_fn(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]);

static struct bench_fact *new_fact(struct facts *facts, const char *label) {
    if (facts->count == BENCH_FACTS_MAX) {
        return NULL;
    }
    struct bench_fact *fact = &facts->fact[facts->count++];
    *fact = (struct bench_fact){0};
    text_add(fact->label, sizeof fact->label, 0, "%s", label);
    return fact;
}

static void add_fact(struct facts *facts, const char *label, fact_fn *say) {
    struct bench_fact *fact = new_fact(facts, label);
    bool said = false;
    for (unsigned i = 0; fact && i < facts->sides->count; i++) {
        say(facts->sides->figures[i], fact->text[i]);
        said |= *fact->text[i] != '\0';
    }
    if (fact && !said) {
        facts->count--;
    }
}

static void say_requests(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    char count[32], time[24];
    snprintf(text, BENCH_FIGURE_BYTES, "%.26s in %.14s", bench_count(figures->requests, count),
             bench_duration(figures->seconds * 1e9, time));
}

static void say_rate(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    bench_rate(figures->rps, text);
}

static void say_asked(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    if (figures->rps_scheduled > 0) {
        bench_rate(figures->rps_scheduled, text);
    }
}

static void say_errors(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    char count[32], share[BENCH_FIGURE_BYTES];
    bench_count(figures->errors, count);
    if (figures->errors) {
        snprintf(text, BENCH_FIGURE_BYTES, "%.26s (%.12s)", count,
                 bench_share(bench_error_share(figures), share));
    } else {
        snprintf(text, BENCH_FIGURE_BYTES, "%s", count);
    }
}

static void say_bytes(double bytes, double seconds, char text[BENCH_FIGURE_BYTES]) {
    char size[BENCH_FIGURE_BYTES], rate[BENCH_FIGURE_BYTES];
    bench_bytes(bytes, size);
    bench_bytes(seconds > 0 ? bytes / seconds : NAN, rate);
    snprintf(text, BENCH_FIGURE_BYTES, "%.16s, %.16s/s", size, rate);
}

static void say_received(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    say_bytes((double)figures->received_bytes, figures->seconds, text);
}

static void say_sent(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    say_bytes((double)figures->sent_bytes, figures->seconds, text);
}

static void say_connections(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    char now[32], most[32];
    snprintf(text, BENCH_FIGURE_BYTES, "%.16s open, %.14s at most",
             bench_count(figures->connections, now), bench_count(figures->connections_max, most));
}

static void say_opened(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    char opened[32], resumed[32];
    bench_count(figures->connects, opened);
    if (figures->tls_version) {
        snprintf(text, BENCH_FIGURE_BYTES, "%.16s, TLS resumed %.14s", opened,
                 bench_count(figures->tls_resumed, resumed));
    } else {
        snprintf(text, BENCH_FIGURE_BYTES, "%s", opened);
    }
}

static void say_outstanding(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    char most[32];
    if (figures->rps_scheduled > 0) {
        snprintf(text, BENCH_FIGURE_BYTES, "%.20s at most",
                 bench_count(figures->outstanding_max, most));
    }
}

static void say_cpu(const struct rf_load_figures *figures, char text[BENCH_FIGURE_BYTES]) {
    char all[24], user[24];
    double us = bench_cpu_us(figures);
    double seconds = figures->cpu_user_s + figures->cpu_system_s;
    bench_duration(us * 1000, all);
    bench_duration(seconds > 0 ? us * 1000 * figures->cpu_user_s / seconds : NAN, user);
    snprintf(text, BENCH_FIGURE_BYTES, "%s a request", all);
    if (*user != '-' && us > 0) {
        snprintf(text, BENCH_FIGURE_BYTES, "%.14s a request, %.14s user", all, user);
    }
}

/* A row for each number that one side has counted, under what it belongs to. */
static void add_counts(struct facts *facts, const char *label, size_t offset, unsigned index) {
    struct bench_fact *fact = new_fact(facts, label);
    for (unsigned i = 0; fact && i < facts->sides->count; i++) {
        const char *table = (const char *)facts->sides->figures[i] + offset;
        uint64_t count;
        memcpy(&count, table + index * sizeof count, sizeof count);
        bench_count(count, fact->text[i]);
    }
}

static void add_kinds(struct facts *facts) {
    enum { KINDS_SHOWN = 12 };
    unsigned shown = 0;
    for (unsigned kind = 0; kind < RF_KINDS_MAX && shown < KINDS_SHOWN; kind++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < facts->sides->count; i++) {
            sum += facts->sides->figures[i]->errors_by_kind[kind];
        }
        const char *name = sum ? rf_kind_name(kind) : NULL;
        if (name) {
            char label[32];
            snprintf(label, sizeof label, "  %s", name);
            add_counts(facts, label, offsetof(struct rf_load_figures, errors_by_kind), kind);
            shown++;
        }
    }
}

/* Only where there is another than 200. */
static void add_statuses(struct facts *facts) {
    enum { STATUSES_SHOWN = 10 };
    unsigned shown = 0;
    bool other = false;
    uint64_t sum[RF_STATUS_MAX] = {0};
    for (unsigned status = 0; status < RF_STATUS_MAX; status++) {
        for (unsigned i = 0; i < facts->sides->count; i++) {
            sum[status] += facts->sides->figures[i]->status[status];
        }
        other |= status != 200 && sum[status];
    }
    for (unsigned status = 0; other && status < RF_STATUS_MAX && shown < STATUSES_SHOWN; status++) {
        if (sum[status]) {
            char label[32];
            snprintf(label, sizeof label, "status %u", status);
            add_counts(facts, label, offsetof(struct rf_load_figures, status), status);
            shown++;
        }
    }
}

size_t bench_facts(const struct bench_sides *sides, struct bench_fact fact[BENCH_FACTS_MAX]) {
    struct facts facts = {.sides = sides, .fact = fact};
    add_fact(&facts, "requests", say_requests);
    add_fact(&facts, "rate asked", say_asked);
    add_fact(&facts, "rate", say_rate);
    add_fact(&facts, "errors", say_errors);
    add_kinds(&facts);
    add_statuses(&facts);
    add_fact(&facts, "received", say_received);
    add_fact(&facts, "sent", say_sent);
    add_fact(&facts, "connections", say_connections);
    add_fact(&facts, "opened", say_opened);
    add_fact(&facts, "outstanding", say_outstanding);
    add_fact(&facts, "client CPU", say_cpu);
    return facts.count;
}

/* ---- durations -------------------------------------------------------------------------------------- */

const char *const bench_quantile_names[BENCH_QUANTILES] = {"mean", "p50",   "p75", "p90",
                                                           "p99",  "p99.9", "max"};

void bench_quantiles(const struct rf_histogram *histogram, char text[BENCH_QUANTILES][24]) {
    static const double percents[BENCH_QUANTILES] = {NAN, 50, 75, 90, 99, 99.9, 100};
    bool any = bench_total(histogram) > 0;
    for (unsigned i = 0; i < BENCH_QUANTILES; i++) {
        double ns = !any     ? NAN
                    : i == 0 ? rf_histogram_mean(histogram)
                             : (double)rf_histogram_percentile(histogram, percents[i]);
        bench_duration(ns, text[i]);
    }
}

size_t bench_times(const struct bench_sides *sides, struct bench_times times[BENCH_TIMES_MAX]) {
    static const struct {
        const char *label;
        size_t offset; /* of the histogram */
    } rows[] = {
        {"latency", offsetof(struct rf_load_figures, latency)},
        {"raw", offsetof(struct rf_load_figures, raw)},
        {"first byte", offsetof(struct rf_load_figures, first_byte)},
        {"connect", offsetof(struct rf_load_figures, connect)},
        {"TLS", offsetof(struct rf_load_figures, tls)},
        {"slip", offsetof(struct rf_load_figures, slip)},
    };
    size_t count = 0;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        for (unsigned i = 0; i < sides->count && count < BENCH_TIMES_MAX; i++) {
            const struct rf_histogram *histogram;
            memcpy(&histogram, (const char *)sides->figures[i] + rows[row].offset,
                   sizeof histogram);
            if (row > 0 && bench_total(histogram) == 0) {
                continue;
            }
            struct bench_times *line = &times[count++];
            snprintf(line->label, sizeof line->label, "%s%s%.16s", rows[row].label,
                     *sides->name[i] ? " " : "", sides->name[i]);
            line->latency = row == 0;
            bench_quantiles(histogram, line->text);
        }
    }
    return count;
}

void bench_machine(const struct rf_load_machine *machine, struct bench_fact fact[2]) {
    size_t used;
    memset(fact, 0, 2 * sizeof *fact);
    text_add(fact[0].label, sizeof fact[0].label, 0, "busiest thread");
    text_add(fact[0].text[0], sizeof fact[0].text[0], 0, "%.0f%% of a core",
             100 * fmax(machine->worker_cpu, 0));
    text_add(fact[1].label, sizeof fact[1].label, 0, "all cores");
    used = text_add(fact[1].text[0], sizeof fact[1].text[0], 0, "ringfetch %.0f%%",
                    100 * fmax(machine->process_cpu, 0));
    if (machine->machine_cpu >= 0) {
        text_add(fact[1].text[0], sizeof fact[1].text[0], used, ", everybody %.0f%%",
                 100 * machine->machine_cpu);
    }
}
