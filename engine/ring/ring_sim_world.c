/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_world.c: what the simulated ring's parts stand on: the options, the one source of
 * chance, the heap of events, and the report. It is global to the process on purpose:
 * ring_open's signature has no room for a simulator's options, and the engine's worker, which
 * opens the ring, may be another thread than the test that describes the world.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ring/ring_sim_parts.h"

struct sim_world sim_world;

enum { NS_PER_US = 1000, OVERTAKE_US_MAX = 300, REPORT_TASKS_MAX = 64 };

static const char *const fault_names[] = {
#define X(id, name) name,
    SIM_FAULTS(X)
#undef X
};

static const char *const op_names[] = {
#define X(id, name) name,
    SIM_OPS(X)
#undef X
};

const char *sim_fault_name(enum sim_fault fault) {
    CHECK((unsigned)fault < SIM_FAULT_COUNT);
    return fault_names[fault];
}

const char *sim_op_name(enum sim_op op) {
    CHECK((unsigned)op < SIM_OP_COUNT);
    return op_names[op];
}

void *sim_alloc(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    CHECK(memory);
    return memory;
}

/* ---- options and chance ---------------------------------------------------------------------- */

void sim_options_init(struct sim_options *options, uint64_t seed) {
    *options = (struct sim_options){
        .seed = seed, .delay_ms_max = 50, .latency_us = 50, .limit_s = 86400, .outside_ms = 1};
}

void sim_options_swarm(struct sim_options *options, uint64_t seed) {
    static const uint16_t chances[] = {0, 0, 0, 5, 20, 100, 300};
    struct random random;
    sim_options_init(options, seed);
    random_seed(&random, ~seed);
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        options->chance[i] = chances[random_below(&random, sizeof chances / sizeof *chances)];
    options->delay_ms_max = random_below(&random, 4) ? 20 : 3000;
    options->latency_us = random_below(&random, 4) ? 50 : 20000;
}

void sim_configure(const struct sim_options *options) {
    CHECK(!sim_world.ring);
    free(sim_world.routes);
    free(sim_world.heap);
    sim_world = (struct sim_world){.configured = true, .options = *options};
    random_seed(&sim_world.random, options->seed);
    sim_world.report.seed = options->seed;
}

void sim_force(enum sim_fault fault, unsigned after, unsigned count) {
    CHECK((unsigned)fault < SIM_FAULT_COUNT);
    sim_world.forced[fault].after = after;
    sim_world.forced[fault].count = count;
}

uint64_t sim_below(uint64_t below) {
    return random_below(&sim_world.random, below);
}

bool sim_fault(enum sim_fault fault) {
    bool hits = false;
    if (sim_world.forced[fault].count) {
        if (sim_world.forced[fault].after)
            sim_world.forced[fault].after--;
        else
            hits = sim_world.forced[fault].count-- > 0;
    }
    /* No draw for what cannot happen: adding a kind of fault must not change the schedules of
     * seeds without it. */
    if (!hits && sim_world.options.chance[fault])
        hits = sim_below(1000) < sim_world.options.chance[fault];
    if (hits)
        sim_world.report.faults[fault]++;
    return hits;
}

uint64_t sim_delay_ns(void) {
    uint64_t range_us = (uint64_t)sim_world.options.delay_ms_max * 1000;
    return (1 + (range_us ? sim_below(range_us) : 0)) * NS_PER_US;
}

uint64_t sim_jitter_ns(void) {
    uint64_t jitter_ns = 0;
    if (sim_fault(SIM_FAULT_DELAY))
        jitter_ns += sim_delay_ns();
    if (sim_fault(SIM_FAULT_REORDER))
        jitter_ns += sim_below(OVERTAKE_US_MAX) * NS_PER_US;
    return jitter_ns;
}

uint64_t sim_latency_ns(void) {
    return (uint64_t)sim_world.options.latency_us * NS_PER_US + sim_jitter_ns();
}

/* ---- the heap of events ---------------------------------------------------------------------- */

static bool is_before(const struct sim_event *a, const struct sim_event *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void heap_push(struct sim_event *event) {
    if (sim_world.heap_len == sim_world.heap_room) {
        sim_world.heap_room = sim_world.heap_room ? 2 * sim_world.heap_room : 64;
        sim_world.heap = realloc(sim_world.heap, sim_world.heap_room * sizeof(struct sim_event *));
        CHECK(sim_world.heap);
    }
    struct sim_event **heap = sim_world.heap;
    size_t at = sim_world.heap_len++;
    while (at && is_before(event, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = event;
}

static struct sim_event *heap_pop(void) {
    struct sim_event **heap = sim_world.heap, *first = heap[0];
    struct sim_event *last = heap[--sim_world.heap_len];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < sim_world.heap_len) {
        if (child + 1 < sim_world.heap_len && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

struct sim_event *sim_event_add(struct ring *ring, uint64_t at_ns, sim_event_fn *run,
                                const void *bytes, size_t count) {
    struct sim_event *event = sim_alloc(sizeof *event + count);
    uint64_t soonest_ns =
        ring->net_ns + NS_PER_US; /* nothing is at once, or a turn might not end */
    event->at_ns = at_ns < soonest_ns ? soonest_ns : at_ns;
    event->sequence = sim_world.sequence++;
    event->run = run;
    event->count = count;
    if (count)
        memcpy(event->bytes, bytes, count);
    heap_push(event);
    return event;
}

void sim_event_free(struct sim_event *event) {
    if (event->peer)
        sim_peer_unref(event->peer);
    free(event);
}

void sim_event_withdraw(struct sim_event *event) {
    if (event) {
        event->run = NULL;
        event->task = NULL;
    }
}

uint64_t sim_event_next_ns(void) {
    while (sim_world.heap_len && !sim_world.heap[0]->run)
        sim_event_free(heap_pop());
    return sim_world.heap_len ? sim_world.heap[0]->at_ns : UINT64_MAX;
}

struct sim_event *sim_event_pop(void) {
    return sim_event_next_ns() == UINT64_MAX ? NULL : heap_pop();
}

/* ---- what happened --------------------------------------------------------------------------- */

void sim_trace(const struct sim_task *task, int32_t result, bool more) {
    struct sim_report *report = &sim_world.report;
    const uint64_t words[] = {report->trace,  sim_world.ring->net_ns, (uint64_t)task->kind,
                              (uint64_t)more, (uint64_t)task->slot,   (uint64_t)result};
    report->trace = hash_stable(words, sizeof words);
    report->upcalls++;
    if (result < 0)
        report->failed[task->kind]++;
}

struct sim_report sim_report(void) {
    struct ring *ring = sim_world.ring;
    struct sim_report report = sim_world.report;
    if (ring) {
        report.now_ns = ring->now_ns;
        report.turns = ring->counts.turns;
        report.slots_used = ring->slots_used;
    }
    for (unsigned i = 0; i < SIM_OP_COUNT; i++)
        report.ops_live += (unsigned)(report.queued[i] - report.ended[i]);
    report.peers_live = (unsigned)(report.accepted - report.closed);
    return report;
}

static void print_task(FILE *file, const struct sim_task *task) {
    static const char *const states[] = {"not started", "running", "sent, not settled", "ending"};
    fprintf(file, "  slot %" PRId32 ": %s, %s%s%s\n", task->slot, op_names[task->kind],
            states[task->state], task->chain ? ", in a chain" : "",
            task->cancel || task->cancel_wanted ? ", cancel asked for" : "");
}

static void print_in_flight(FILE *file, const struct ring *ring) {
    unsigned printed = 0;
    for (unsigned i = 0; i < ring->options.slots && printed < REPORT_TASKS_MAX; i++) {
        const struct sim_slot *slot = &ring->slots[i];
        for (struct link *at = slot->tasks.next; at != &slot->tasks; at = at->next, printed++)
            print_task(file, LIST_ENTRY(at, struct sim_task, link));
    }
    for (struct link *at = ring->polls.next; at != &ring->polls; at = at->next)
        print_task(file, LIST_ENTRY(at, struct sim_task, link));
}

void sim_print(FILE *file) {
    struct sim_report report = sim_report();
    fprintf(file,
            "simulated ring: seed %" PRIu64 ", %" PRIu64 " turns, %" PRIu64 " upcalls, now %" PRIu64
            " us, trace %016" PRIx64 "\n",
            report.seed, report.turns, report.upcalls, report.now_ns / NS_PER_US, report.trace);
    for (unsigned i = 0; i < SIM_OP_COUNT; i++)
        if (report.queued[i])
            fprintf(file, "  %s: %" PRIu64 " queued, %" PRIu64 " ended, %" PRIu64 " failed\n",
                    op_names[i], report.queued[i], report.ended[i], report.failed[i]);
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        if (report.faults[i])
            fprintf(file, "  fault %s: %" PRIu64 "\n", fault_names[i], report.faults[i]);
    fprintf(file,
            "  cancels %" PRIu64 " (%" PRIu64 " too late), early settles %" PRIu64
            ", aborts %" PRIu64 ", accepted %" PRIu64 ", closed %" PRIu64 ", slots used %u\n",
            report.cancels, report.cancels_late, report.settled_early, report.aborts,
            report.accepted, report.closed, report.slots_used);
    if (sim_world.ring)
        print_in_flight(file, sim_world.ring);
}

void sim_fail(const char *what) {
    fprintf(stderr, "simulated ring: %s\n", what);
    sim_print(stderr);
    abort();
}
