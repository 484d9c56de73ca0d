/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_limits.c: descriptor limits are raised as far as the system lets us, and are never a reason to fail. Direct
 * descriptors don't count against RLIMIT_NOFILE, but no ring's table may be larger: where the limit is low and requests are
 * many, there are more rings, and so more workers, than cores (docs/decisions/0009-more-workers-than-cores.md).
 */
#include <sched.h>
#include <sys/resource.h>

#include "engine.h"

/* Ordinary descriptors: of a worker for its ring, its wake-ups and its resolver, and of everything else. */
enum { WORKER_DESCRIPTORS = 4, OTHER_DESCRIPTORS = 64, WORKERS_MAX = 1024 };

uint64_t limits_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur;
}

unsigned limits_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

unsigned limits_workers(unsigned cores, unsigned sockets) {
    uint64_t table = limits_raise();
    uint64_t most =
        table > OTHER_DESCRIPTORS ? (table - OTHER_DESCRIPTORS) / WORKER_DESCRIPTORS : 1;
    if (most > WORKERS_MAX)
        most = WORKERS_MAX;
    table -= table / LIMITS_SPARE;
    uint64_t wanted = table ? (sockets + table - 1) / table : cores;
    if (wanted > most)
        wanted = most;
    return wanted > cores ? (unsigned)wanted : cores;
}

unsigned limits_share(unsigned whole, unsigned workers, unsigned least) {
    unsigned cores = limits_cores();
    while (cores < workers && whole > least) {
        whole /= 2;
        cores *= 2;
    }
    return whole > least ? whole : least;
}

/* One host may take all of the run's places, so every worker has room for all, idle ones and some for the other families'
 * attempts; the kernel's limit cuts it down. Idle connections have nothing to receive, and so no part in the buffers. */
void limits_ring(struct ring_options *options, const struct rf_settings *settings,
                 unsigned workers) {
    unsigned share = settings->concurrency / workers + settings->idle_max + 64;
    unsigned sockets =
        share > settings->concurrency ? share : settings->concurrency + settings->idle_max;
    ring_options_init(options, sockets);
    unsigned slots = options->slots;
    ring_options_init(options, settings->concurrency);
    options->slots = slots;
    options->buffers = limits_share(options->buffers, workers, RING_BUFFERS_MIN);
    options->ordinary = settings->ordinary_descriptors;
    /* A bundle would overshoot a slow rate by megabytes. */
    options->no_bundles = settings->no_bundles || settings->limit_rate_bytes;
}
