/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_merge_time.c: which runs ran when, and what happened second by second when they are put on one time line; see
 * bench_merge.h. Starts are wall clock times of perhaps several machines: good to a fraction of a second, which is all that is asked of
 * them. Main thread.
 */
#include "bench_merge.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* ---- groups --------------------------------------------------------------------------------------- */

static int by_start(const void *one, const void *other) {
    const struct merge_source *a = one, *b = other;
    return (a->saved.run.started_us > b->saved.run.started_us) -
           (a->saved.run.started_us < b->saved.run.started_us);
}

/* Two sides take turns: their seconds add up. Of a merged run the series knows of pauses, too. */
static double span_of(const struct bench_run *run) {
    double measured = 0, end = 0;
    for (size_t side = 0; side < RF_SIDES; side++) {
        const struct rf_load_figures *figures = run->side[side];
        if (!figures)
            continue;
        measured += figures->seconds;
        if (figures->second_count) {
            const struct rf_load_second *last = &figures->second[figures->second_count - 1];
            end = fmax(end, last->start_s + last->length_s);
        }
    }
    return fmax(measured, end);
}

static bool ran_together(const struct merge_source *a, const struct merge_source *b) {
    double begin = fmax(a->offset_s, b->offset_s);
    double end = fmin(a->offset_s + a->span_s, b->offset_s + b->span_s);
    return end - begin > fmin(a->span_s, b->span_s) / 2;
}

static void join_groups(struct merge_source *source, size_t count, size_t one, size_t other) {
    size_t low = one < other ? one : other, high = one < other ? other : one;
    for (size_t i = 0; i < count; i++) {
        if (source[i].group == high)
            source[i].group = low;
    }
}

void merge_arrange(struct merge_source *source, size_t count) {
    qsort(source, count, sizeof *source, by_start);
    for (size_t i = 0; i < count; i++) {
        int64_t after_us = source[i].saved.run.started_us - source[0].saved.run.started_us;
        source[i].offset_s = (double)after_us / 1e6;
        source[i].span_s = span_of(&source[i].saved.run);
        source[i].group = i;
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (source[i].group != source[k].group && ran_together(&source[i], &source[k]))
                join_groups(source, count, source[i].group, source[k].group);
        }
    }
}

/* ---- seconds -------------------------------------------------------------------------------------- */

static uint64_t sum(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t weighted(uint64_t a, double a_weight, uint64_t b, double b_weight) {
    double weight = a_weight + b_weight;
    return weight > 0 ? (uint64_t)(((double)a * a_weight + (double)b * b_weight) / weight) : 0;
}

static void join_second(struct rf_load_second *into, const struct rf_load_second *from) {
    double old = (double)into->requests - (double)into->errors;
    double more = (double)from->requests - (double)from->errors;
    old = fmax(old, 0);
    more = fmax(more, 0);
    into->p50_ns = weighted(into->p50_ns, old, from->p50_ns, more);
    into->p90_ns = weighted(into->p90_ns, old, from->p90_ns, more);
    into->p99_ns = weighted(into->p99_ns, old, from->p99_ns, more);
    into->max_ns = into->max_ns > from->max_ns ? into->max_ns : from->max_ns;
    into->length_s = fmax(into->length_s, from->length_s);
    into->requests = sum(into->requests, from->requests);
    into->errors = sum(into->errors, from->errors);
    into->bytes = sum(into->bytes, from->bytes);
    unsigned room = UINT_MAX - into->connections;
    into->connections += from->connections < room ? from->connections : room;
}

static int by_second(const void *one, const void *other) {
    const struct rf_load_second *a = one, *b = other;
    return (a->start_s > b->start_s) - (a->start_s < b->start_s);
}

/* Puts a run's seconds among `all`, which are in order before and after. Returns how many there are now. */
static size_t add_seconds(struct rf_load_second *all, size_t count, double offset_s,
                          const struct rf_load_figures *from) {
    size_t before = count, at = 0;
    for (size_t i = 0; i < from->second_count; i++) {
        struct rf_load_second second = from->second[i];
        second.start_s += offset_s;
        double half = second.length_s / 2;
        while (at < before && all[at].start_s <= second.start_s - half)
            at++;
        if (at < before && all[at].start_s < second.start_s + half)
            join_second(&all[at++], &second);
        else
            all[count++] = second;
    }
    qsort(all, count, sizeof *all, by_second);
    return count;
}

/* Only shards have seconds in common: a rerun may begin within what would have been the last one's second. */
bool merge_series(struct bench_memory **memory, const struct merge_source *source, size_t count,
                  enum rf_side side, struct rf_load_figures *into) {
    size_t room = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        room += source[i].saved.run.side[side]->second_count;
    struct rf_load_second *all = bench_memory_take(memory, room, sizeof *all);
    for (size_t group = 0; all && group < count; group++) {
        size_t joined = 0;
        for (size_t i = group; i < count; i++) {
            if (source[i].group == group)
                joined = add_seconds(all + used, joined, source[i].offset_s,
                                     source[i].saved.run.side[side]);
        }
        used += joined;
    }
    if (all)
        qsort(all, used, sizeof *all, by_second);
    into->second = all;
    into->second_count = used;
    return all;
}

/* ---- blocks --------------------------------------------------------------------------------------- */

static int by_block(const void *one, const void *other) {
    const struct rf_load_block *a = one, *b = other;
    return (a->start_s > b->start_s) - (a->start_s < b->start_s);
}

bool merge_blocks(struct bench_memory **memory, const struct merge_source *source, size_t count,
                  enum rf_side side, struct rf_load_figures *into) {
    size_t room = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        room += source[i].saved.run.side[side]->block_count;
    struct rf_load_block *all = bench_memory_take(memory, room, sizeof *all);
    if (!all)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct rf_load_figures *from = source[i].saved.run.side[side];
        for (size_t k = 0; k < from->block_count; k++) {
            all[used] = from->block[k];
            all[used++].start_s += source[i].offset_s;
        }
    }
    qsort(all, used, sizeof *all, by_block);
    into->block = all;
    into->block_count = used;
    return true;
}
