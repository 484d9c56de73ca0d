/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_merge_figures.c: one side of several runs as if it had been one; see bench_merge.h. Files are anybody's: sums that don't fit stay
 * at the largest number rather than begin anew. Main thread.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "bench_merge.h"
#include "text.h"

struct merge {
    struct bench_memory **memory;
    const struct merge_source *source;
    size_t count;
    enum rf_side side;
    char *why;
    size_t why_size;
};

static const struct rf_load_figures *figures_of(const struct merge *merge, size_t i) {
    return merge->source[i].saved.run.side[merge->side];
}

static bool fail(const struct merge *merge, size_t i, const char *what) {
    char shown[512];
    snprintf(merge->why, merge->why_size, "%s: %s",
             text_escape(shown, sizeof shown, merge->source[i].path), what);
    return false;
}

static bool out_of_memory(const struct merge *merge) {
    return fail(merge, 0, "out of memory");
}

static void add(uint64_t *into, uint64_t more) {
    *into = more > UINT64_MAX - *into ? UINT64_MAX : *into + more;
}

/* ---- histograms ----------------------------------------------------------------------------------- */

static void free_histogram(void *histogram) {
    rf_histogram_free(histogram);
}

/* Adds `from` of source `i` to *into, which is made where it is NULL. `from` may be NULL. */
static bool add_histogram(const struct merge *merge, size_t i, struct rf_histogram **into,
                          const struct rf_histogram *from) {
    if (!from)
        return true;
    if (!*into) {
        *into = rf_histogram_new(rf_histogram_highest(from));
        if (!bench_memory_keep(merge->memory, *into, free_histogram)) {
            *into = NULL;
            return out_of_memory(merge);
        }
    }
    if (rf_histogram_total(from) > INT64_MAX - rf_histogram_total(*into))
        return fail(merge, i, "more requests than can be counted");
    return rf_histogram_merge(*into, from) ||
           fail(merge, i, "its histograms have another range than those before");
}

static bool add_histograms(const struct merge *merge, struct rf_load_figures *into) {
    const struct rf_histogram **const places[] = {&into->latency,    &into->raw,     &into->slip,
                                                  &into->first_byte, &into->connect, &into->tls};
    enum { HISTOGRAMS = sizeof places / sizeof *places };
    struct rf_histogram *made[HISTOGRAMS] = {0};
    for (size_t i = 0; i < merge->count; i++) {
        const struct rf_load_figures *from = figures_of(merge, i);
        const struct rf_histogram *const parts[HISTOGRAMS] = {
            from->latency, from->raw, from->slip, from->first_byte, from->connect, from->tls};
        for (size_t k = 0; k < HISTOGRAMS; k++) {
            if (!add_histogram(merge, i, &made[k], parts[k]))
                return false;
        }
    }
    for (size_t k = 0; k < HISTOGRAMS; k++)
        *places[k] = made[k];
    return true;
}

/* ---- counts --------------------------------------------------------------------------------------- */

static void add_counts(struct rf_load_figures *into, const struct rf_load_figures *from) {
    add(&into->requests, from->requests);
    add(&into->errors, from->errors);
    add(&into->received_bytes, from->received_bytes);
    add(&into->sent_bytes, from->sent_bytes);
    add(&into->body_bytes, from->body_bytes);
    add(&into->connects, from->connects);
    add(&into->tls_resumed, from->tls_resumed);
    into->cpu_user_s += from->cpu_user_s;
    into->cpu_system_s += from->cpu_system_s;
    for (unsigned i = 0; i < RF_STATUS_MAX; i++)
        add(&into->status[i], from->status[i]);
    for (unsigned i = 0; i < RF_KINDS_MAX; i++)
        add(&into->errors_by_kind[i], from->errors_by_kind[i]);
    into->first_error = into->first_error ? into->first_error : from->first_error;
    into->url = into->url ? into->url : from->url;
    into->ip = into->ip ? into->ip : from->ip;
    into->server = into->server ? into->server : from->server;
    if (!into->tls_version) {
        into->tls_version = from->tls_version;
        into->tls_cipher = from->tls_cipher;
    }
}

static unsigned at_least(unsigned old, uint64_t sum) {
    return sum > old ? (unsigned)(sum < UINT_MAX ? sum : UINT_MAX) : old;
}

/* How many requests ended within the measured seconds: what came later is none of the rate's. */
static double in_time_of(const struct rf_load_figures *figures) {
    double count = figures->rps * figures->seconds;
    return count >= 0 && count <= (double)figures->requests ? count : (double)figures->requests;
}

/* What ran at the same time adds up; of what ran one after the other the largest is told. */
static void add_group(const struct merge *merge, size_t group, struct rf_load_figures *into,
                      double *scheduled, double *in_time) {
    uint64_t open = 0, most = 0, outstanding = 0;
    double seconds = 0, rate = 0;
    for (size_t i = group; i < merge->count; i++) {
        const struct rf_load_figures *from = figures_of(merge, i);
        if (merge->source[i].group != group)
            continue;
        add(&open, from->connections);
        add(&most, from->connections_max);
        add(&outstanding, from->outstanding_max);
        seconds = fmax(seconds, from->seconds);
        rate += from->rps_scheduled;
        *in_time += in_time_of(from);
    }
    into->connections = at_least(into->connections, open);
    into->connections_max = at_least(into->connections_max, most);
    into->outstanding_max =
        outstanding > into->outstanding_max ? outstanding : into->outstanding_max;
    into->seconds += seconds;
    *scheduled += rate * seconds;
}

static void add_all_counts(const struct merge *merge, struct rf_load_figures *into) {
    double scheduled = 0, in_time = 0;
    for (size_t i = 0; i < merge->count; i++) {
        add_counts(into, figures_of(merge, i));
        if (merge->source[i].group == i)
            add_group(merge, i, into, &scheduled, &in_time);
    }
    if (into->seconds > 0) {
        into->rps = in_time / into->seconds;
        into->rps_scheduled = scheduled / into->seconds;
    }
}

/* ---- entries -------------------------------------------------------------------------------------- */

/* Two entries of a run may have one name: the second of that name goes to the second. */
static size_t rank_of(const struct rf_load_entry *entry, size_t at) {
    size_t rank = 0;
    for (size_t i = 0; i < at; i++)
        rank += strcmp(entry[i].name, entry[at].name) == 0;
    return rank;
}

/* Where the rank-th of that name is; `count` where there are fewer. */
static size_t find_entry(const struct rf_load_entry *entry, size_t count, const char *name,
                         size_t rank) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entry[i].name, name) == 0 && rank-- == 0)
            return i;
    }
    return count;
}

static bool add_entries(const struct merge *merge, struct rf_load_figures *into) {
    size_t room = 0, count = 0;
    for (size_t i = 0; i < merge->count; i++)
        room += figures_of(merge, i)->entry_count;
    struct rf_load_entry *all = bench_memory_take(merge->memory, room, sizeof *all);
    struct rf_histogram **latency = bench_memory_take(merge->memory, room, sizeof *latency);
    if (!all || !latency)
        return out_of_memory(merge);
    for (size_t i = 0; i < merge->count; i++) {
        const struct rf_load_figures *from = figures_of(merge, i);
        for (size_t k = 0; k < from->entry_count; k++) {
            const struct rf_load_entry *entry = &from->entry[k];
            size_t at = find_entry(all, count, entry->name, rank_of(from->entry, k));
            if (at == count)
                all[count++] = (struct rf_load_entry){.name = entry->name, .weight = entry->weight};
            add(&all[at].requests, entry->requests);
            add(&all[at].errors, entry->errors);
            add(&all[at].bytes, entry->bytes);
            if (!add_histogram(merge, i, &latency[at], entry->latency))
                return false;
            all[at].latency = latency[at];
        }
    }
    into->entry = all;
    into->entry_count = count;
    return true;
}

/* ---- a side --------------------------------------------------------------------------------------- */

struct rf_load_figures *merge_figures(struct bench_memory **memory,
                                      const struct merge_source *source, size_t count,
                                      enum rf_side side, char *why, size_t why_size) {
    const struct merge merge = {memory, source, count, side, why, why_size};
    struct rf_load_figures *made = bench_memory_take(memory, 1, sizeof *made);
    if (!made || !merge_series(memory, source, count, side, made) ||
        !merge_blocks(memory, source, count, side, made)) {
        out_of_memory(&merge);
        return NULL;
    }
    add_all_counts(&merge, made);
    return add_histograms(&merge, made) && add_entries(&merge, made) ? made : NULL;
}
