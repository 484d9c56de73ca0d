/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_run.c: the conductor: takes a load through its phases (connect, warm-up, measured part, end) by giving
 * orders to all workers at once, adding up what they hand in, and telling how it goes. The caller's thread, in rf_load_run; it sleeps
 * nearly all the time, as it shares the machine with what it measures.
 *
 * Rejected: workers that run by themselves and add to shared counters. Two sides need them in step, and shared counters would
 * be what is measured.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_load.h"

enum {
    SAMPLE_MS = 100,
    STALE_MS = 300,    /* a sample comes even if nothing was handed in for so long */
    LEAD_US = 1000,    /* between an order and its start, so that all workers begin together */
    GIVE_UP_MS = 3000, /* for workers to drop what they have when the run is stopped */
    TALLIES_A_WORKER = 3,
    LOOK_SHARE = 100, /* looking may cost one part in so many of the time */
};

static bool is_stopped(const struct rf_load *load) {
    return atomic_load(&load->stop) != 0;
}

static unsigned sides_of(const struct rf_load *load) {
    return load->plan.has_side[RF_SIDE_B] ? RF_SIDES : 1;
}

/* ---- samples ---------------------------------------------------------------------------------------- */

static uint64_t sum_of(const struct rf_load *load, size_t offset) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < load->started_count; i++) {
        const char *thread = (const char *)&load->thread[i];
        sum += atomic_load((const atomic_uint *)(const void *)(thread + offset));
    }
    return sum;
}

static uint64_t connections_now(const struct rf_load *load) {
    return sum_of(load, offsetof(struct load_thread, connections));
}

static void fill_progress(const struct rf_load *load, struct rf_load_sample *sample, uint64_t now) {
    sample->phase = load->phase;
    if (load->phase == RF_PHASE_MEASURE && now >= load->drain_ns)
        sample->phase = RF_PHASE_DRAIN;
    sample->elapsed_s = sample->expected_s = 0;
    if (load->begin_ns != UINT64_MAX && now > load->begin_ns)
        sample->elapsed_s = (double)(now - load->begin_ns) / 1e9;
    if (load->begin_ns != UINT64_MAX && load->end_ns != UINT64_MAX)
        sample->expected_s = (double)(load->end_ns - load->begin_ns) / 1e9;
    sample->requests = sample->errors = 0;
    for (unsigned i = 0; i < load->merge.sides; i++) {
        sample->requests += load->merge.side[i].requests;
        sample->errors += load->merge.side[i].errors;
    }
    sample->connections = (unsigned)connections_now(load);
    sample->outstanding = sum_of(load, offsetof(struct load_thread, outstanding));
    bool has_pairs = load->merge.sides == RF_SIDES && load->judge.pairs;
    sample->comparison = has_pairs ? &load->judge.comparison : NULL;
}

static void fill_rate(struct rf_load_sample *sample, struct load_merge *merge) {
    const struct load_period *period = &merge->sample;
    sample->side = (enum rf_side)merge->sample_side;
    if (merge->sample_worker_ns)
        sample->rps = (double)(period->requests - period->late) * merge->workers /
                      ((double)merge->sample_worker_ns / 1e9);
    sample->p50_ns = histogram_percentile(&period->latency, 50);
    sample->p99_ns = histogram_percentile(&period->latency, 99);
    load_merge_reset_sample(merge);
}

static void tell(struct rf_load *load, uint64_t now) {
    bool has_news = load->merge.sample.parts;
    uint64_t wait_ms = has_news ? SAMPLE_MS : STALE_MS;
    if (now < load->sampled_ns + wait_ms * NS_PER_MS)
        return;
    load->sampled_ns = now;
    if (has_news)
        fill_rate(&load->last_sample, &load->merge);
    if (!load->sample)
        return;
    fill_progress(load, &load->last_sample, now);
    struct rf_load_sample sample = load->last_sample;
    load->sample(load->sample_context, &sample);
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static void merge_all(struct rf_load *load) {
    for (struct load_tally *tally; (tally = load_tallies_take(load));) {
        if (!load_merge_add(&load->merge, tally))
            load->merge.limits |= RF_LIMIT_MEMORY;
        load_tallies_give_back(load, tally);
    }
}

/* Until something is handed in, somebody stops it, or a sample is due. */
static void attend(struct rf_load *load) {
    struct pollfd wait = {.fd = load->event_fd, .events = POLLIN};
    uint64_t count;
    if (poll(&wait, 1, SAMPLE_MS) > 0) {
        ssize_t got = read(load->event_fd, &count, sizeof count);
        (void)got; /* nothing to read: it was drained already */
    }
    merge_all(load);
    tell(load, clock_now_ns());
}

/* ---- connecting --------------------------------------------------------------------------------------- */

static bool all_connected(const struct rf_load *load, uint8_t side) {
    for (unsigned i = 0; i < load->started_count; i++)
        if (!atomic_load(&load->thread[i].connected[side]))
            return false;
    return true;
}

/* After the threads have ended, which have told what they knew. */
static void explain_unconnected(const struct rf_load *load, uint8_t side, char *why,
                                size_t why_size) {
    const char *reason = load->facts[side].first_error;
    const char *path = load->common.settings.unix_socket;
    snprintf(why, why_size, "cannot connect to %s%s%s: %s", load->url[side], path ? " by " : "",
             path ? path : "", reason[0] ? reason : "nobody answered in time");
}

/* RF_SOME_FAILED: not one connection could be made, and the threads have ended. */
static enum rf_exit connect_side(struct rf_load *load, uint8_t side, char *why, size_t why_size) {
    uint64_t before = connections_now(load);
    uint64_t timeout_ns = load->common.settings.connect_timeout_ms * NS_PER_MS + NS_PER_S;
    uint64_t due_ns = clock_now_ns() + timeout_ns;
    load_threads_connect(load, side);
    while (!all_connected(load, side) && !is_stopped(load) && clock_now_ns() < due_ns)
        attend(load);
    /* Without keep-alive, and on a ramp of connections, there are none before the first request. */
    bool is_later = load->settings.no_keepalive || load->settings.ramp_connections;
    if (is_stopped(load) || is_later || connections_now(load) > before)
        return RF_OK;
    load_threads_end(load);
    explain_unconnected(load, side, why, why_size);
    return RF_SOME_FAILED;
}

/* The same question when requests have been made. */
static enum rf_exit check_connected(struct rf_load *load, char *why, size_t why_size) {
    for (uint8_t side = 0; side < sides_of(load) && !is_stopped(load); side++) {
        const struct load_side *figures = &load->merge.side[side];
        if (figures->connects || (!figures->warm_ns && !figures->length_ns))
            continue;
        load_threads_end(load);
        explain_unconnected(load, side, why, why_size);
        return RF_SOME_FAILED;
    }
    return RF_OK;
}

static enum rf_exit connect_all(struct rf_load *load, char *why, size_t why_size) {
    enum rf_exit result = RF_OK;
    for (uint8_t side = 0; side < sides_of(load) && result == RF_OK; side++)
        result = connect_side(load, side, why, why_size);
    return result;
}

/* ---- orders -------------------------------------------------------------------------------------------- */

static struct load_order new_order(struct rf_load *load, uint8_t side, bool counted) {
    return (struct load_order){
        .number = ++load->order_number,
        .side = side,
        .counted = counted,
        .schedule = load_is_open_loop(load) || load->settings.ramp_connections,
        .start_ns = clock_now_ns() + LEAD_US * 1000,
        .stop_ns = UINT64_MAX,
        .block_ns = UINT64_MAX,
    };
}

/* Gives the order to all and sees it through. */
static void carry_out(struct rf_load *load, const struct load_order *order) {
    uint64_t give_up_ns = UINT64_MAX;
    load->drain_ns = order->stop_ns;
    load_merge_begin(&load->merge, order);
    load_threads_order(load, order);
    while (!load_merge_is_over(&load->merge) && clock_now_ns() < give_up_ns) {
        if (is_stopped(load) && !load->abandoned) {
            load->abandoned = true;
            merge_all(load);
            load_merge_drop(&load->merge);
            load_threads_abandon(load);
            give_up_ns = clock_now_ns() + GIVE_UP_MS * NS_PER_MS;
        }
        attend(load);
    }
    /* A ramp's end is known, however early its last request was answered. */
    load_merge_end(&load->merge, load->settings.ramp_count && !load->abandoned);
}

static uint64_t in_ns(double seconds) {
    return (uint64_t)(seconds * 1e9);
}

static void warm_one(struct rf_load *load, uint8_t side, double seconds) {
    struct load_order order = new_order(load, side, false);
    order.stop_ns = order.start_ns + in_ns(seconds);
    order.block_ns = LOAD_BLOCK_NS;
    carry_out(load, &order);
}

/* Two sides in turns, so that both are warm when it begins. */
static void warm_up(struct rf_load *load) {
    double seconds = load->settings.warmup_s, block_s = (double)LOAD_BLOCK_NS / 1e9;
    uint64_t end_ns = clock_now_ns() + in_ns(seconds);
    load->phase = RF_PHASE_WARMUP;
    if (seconds <= 0)
        return;
    if (sides_of(load) == 1) {
        warm_one(load, RF_SIDE_A, seconds);
        return;
    }
    if (seconds < 2 * block_s)
        block_s = seconds / 2;
    do {
        for (uint8_t side = 0; side < RF_SIDES && !is_stopped(load); side++)
            warm_one(load, side, block_s);
    } while (!is_stopped(load) && clock_now_ns() < end_ns);
}

/* ---- the measured part ------------------------------------------------------------------------------------ */

static double duration_of(const struct rf_load *load) {
    if (load->settings.requests)
        return 0;
    return load->settings.ramp_count ? load->ramp_s : load->settings.duration_s;
}

static void measure_one(struct rf_load *load) {
    struct load_order order = new_order(load, RF_SIDE_A, true);
    uint64_t duration_ns = in_ns(duration_of(load));
    order.block_ns = LOAD_BLOCK_NS;
    if (duration_ns / LOAD_SERIES_MAX > order.block_ns)
        order.block_ns = duration_ns / LOAD_SERIES_MAX;
    if (duration_ns)
        order.stop_ns = order.start_ns + duration_ns;
    load->begin_ns = order.start_ns;
    load->end_ns = order.stop_ns;
    carry_out(load, &order);
}

static double slower_rps(const struct rf_load *load) {
    double slower = INFINITY;
    for (unsigned i = 0; i < RF_SIDES; i++) {
        const struct load_side *side = &load->merge.side[i];
        double rps =
            side->warm_ns ? (double)side->warm_requests / ((double)side->warm_ns / 1e9) : 0;
        if (rps < slower)
            slower = rps;
    }
    return slower;
}

static struct load_series_of blocks_of(const struct rf_load *load, uint8_t side) {
    const struct load_blocks *blocks = &load->merge.side[side].blocks;
    return (struct load_series_of){.block = blocks->block, .count = blocks->count};
}

static void look(struct rf_load *load) {
    uint64_t before = clock_now_ns();
    load_compare_look(&load->judge, blocks_of(load, RF_SIDE_A), blocks_of(load, RF_SIDE_B));
    load->looked_ns = clock_now_ns();
    load->look_cost_ns = load->looked_ns - before;
}

/* Each of them for its block, in the order that the coin says. False: one of them was cut short. */
static bool measure_pair(struct rf_load *load, uint64_t block_ns) {
    struct rf_load_block block[RF_SIDES];
    for (unsigned i = 0; i < RF_SIDES; i++) {
        struct load_order order = new_order(load, load_turns_next(&load->turns), true);
        order.stop_ns = order.start_ns + block_ns;
        if (load->begin_ns == UINT64_MAX) {
            load->begin_ns = order.start_ns;
            if (!load->settings.requests)
                load->end_ns = order.start_ns + in_ns(load->settings.duration_s);
        }
        carry_out(load, &order);
        if (is_stopped(load) || !load->merge.has_block)
            return false;
        block[order.side] = load->merge.last_block;
    }
    load_compare_add(&load->judge, &block[RF_SIDE_A], &block[RF_SIDE_B]);
    return true;
}

static bool quota_is_used(struct rf_load *load) {
    return load->shared.has_quota && atomic_load(&load->shared.quota) <= 0;
}

static bool has_time(const struct rf_load *load, uint64_t block_ns) {
    return load->end_ns == UINT64_MAX || clock_now_ns() + 2 * block_ns <= load->end_ns;
}

/* True: all that was asked is known. */
static bool is_decided(struct rf_load *load) {
    uint64_t pause_ns = load->look_cost_ns * LOOK_SHARE;
    if (clock_now_ns() < load->looked_ns + pause_ns)
        return false;
    look(load);
    return !load->settings.whole_duration && load_compare_is_decided(&load->judge);
}

static enum rf_exit measure_two(struct rf_load *load, char *why, size_t why_size) {
    uint64_t block_ns = load_block_length(&load->settings, slower_rps(load));
    size_t pairs = load_pairs_max(&load->settings, block_ns);
    if (!load_compare_init(&load->judge, &load->settings, pairs, LOAD_SERIES_MAX)) {
        snprintf(why, why_size, "no memory for %zu pairs of blocks", pairs);
        return RF_ENVIRONMENT;
    }
    load_turns_init(&load->turns, load->settings.seed);
    while (measure_pair(load, block_ns) && !is_decided(load) && !quota_is_used(load) &&
           has_time(load, block_ns))
        ;
    look(load);
    return RF_OK;
}

static enum rf_exit measure(struct rf_load *load, char *why, size_t why_size) {
    enum rf_exit result = RF_OK;
    load->phase = RF_PHASE_MEASURE;
    load->before = load_machine_read();
    if (sides_of(load) == RF_SIDES)
        result = measure_two(load, why, why_size);
    else
        measure_one(load);
    load->after = load_machine_read();
    return result;
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

/* Room in the series for what can come, and never more than is kept. */
static size_t series_room(double seconds, double each_s) {
    if (seconds <= 0 || seconds / each_s > LOAD_SERIES_MAX - 8)
        return LOAD_SERIES_MAX;
    size_t room = (size_t)(seconds / each_s) + 8;
    return room + room % 2;
}

static enum rf_exit prepare(struct rf_load *load, char *why, size_t why_size) {
    double seconds = duration_of(load);
    bool is_alone = sides_of(load) == 1;
    struct load_merge_options options = {
        .workers = load->threads_wanted,
        .sides = sides_of(load),
        .open_loop = load_is_open_loop(load),
        .blocks_room =
            is_alone ? series_room(seconds, (double)LOAD_BLOCK_NS / 1e9) : LOAD_SERIES_MAX,
        .seconds_room = series_room(seconds, 1),
    };
    bool well = load_merge_init(&load->merge, &options);
    well = load_figures_init(load) && well;
    well = load_tallies_init(load, load->threads_wanted * TALLIES_A_WORKER) && well;
    if (!well) {
        snprintf(why, why_size, "no memory for the figures of %u workers: use fewer --threads",
                 load->threads_wanted);
        return RF_ENVIRONMENT;
    }
    load->shared.plan = &load->plan;
    load->shared.has_quota = load->settings.requests > 0;
    load->shared.hand_in = load_tallies_hand_in;
    load->shared.context = load;
    atomic_store(&load->shared.quota, load->settings.requests > INT64_MAX / 2
                                          ? INT64_MAX / 2
                                          : (int_fast64_t)load->settings.requests);
    return RF_OK;
}

static enum rf_exit check_added(const struct rf_load *load, char *why, size_t why_size) {
    const char *fault = NULL;
    enum rf_exit result = RF_USAGE;
    if (load->has_run) {
        fault = "this load has run already";
    } else if (!load->plan.has_side[RF_SIDE_A]) {
        fault = "there is nothing to ask";
        result = RF_LOCAL_FAULT;
    } else if (sides_of(load) == RF_SIDES && load->settings.ramp_count) {
        fault = "a ramp and two servers: blocks of a ramp can't be compared";
    }
    if (!fault)
        return RF_OK;
    snprintf(why, why_size, "%s", fault);
    return result;
}

static enum rf_exit conduct(struct rf_load *load, char *why, size_t why_size) {
    enum rf_exit result = prepare(load, why, why_size);
    if (result == RF_OK)
        result = load_resolve(load, why, why_size);
    load_names_close(load); /* of no more use, and its descriptors are the workers' */
    if (result == RF_OK && !is_stopped(load))
        result = load_threads_start(load, why, why_size);
    if (result != RF_OK || is_stopped(load))
        return result;
    load->phase = RF_PHASE_CONNECT;
    result = connect_all(load, why, why_size);
    if (result == RF_OK && !is_stopped(load))
        warm_up(load);
    if (result == RF_OK)
        result = check_connected(load, why, why_size);
    if (result == RF_OK && !is_stopped(load))
        result = measure(load, why, why_size);
    return result == RF_OK ? check_connected(load, why, why_size) : result;
}

enum rf_exit rf_load_run(struct rf_load *load, rf_load_sample_fn *sample, void *context, char *why,
                         size_t why_size) {
    enum rf_exit result = check_added(load, why, why_size);
    if (result != RF_OK)
        return result;
    load->has_run = true;
    load->sample = sample;
    load->sample_context = context;
    load->begin_ns = load->end_ns = load->drain_ns = UINT64_MAX;
    result = conduct(load, why, why_size);
    load_tallies_close(load);
    load_threads_end(load);
    if (result == RF_OK) {
        load_merge_finish(&load->merge);
        if (!load_figures_fill(load)) {
            snprintf(why, why_size, "no memory for the figures");
            result = RF_ENVIRONMENT;
        }
    }
    load_threads_free(load);
    int stop = atomic_load(&load->stop);
    return result == RF_OK && stop ? (enum rf_exit)stop : result;
}
