/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim.c: the simulated ring's turns, time and slots (ring_sim.h: what it is for;
 * ring_sim_parts.h: its files). Time is virtual: a turn that has nothing to deliver jumps to the
 * next event or timer, so that an hour of timeouts costs no time at all. When there is neither,
 * and nobody outside who could wake the ring, the code under test hangs, and the run is ended
 * with a report. The worker's thread only, but ring_wake.
 *
 * Rejected: sleeping and real clocks with a scale factor, which would make schedules depend on
 * the machine's load.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring/ring_sim_parts.h"

enum {
    NS_PER_US = 1000,
    TURN_US = 2,       /* what a turn costs, so that time passes for those who never wait */
    LATE_US_MAX = 900, /* within the millisecond that timers may be late */
    OUTSIDE_MS_MAX = 20000,
    POLLS_MAX = 64,
    TURNS_MAX = 50000000
};

static const uint64_t start_ns = 1000 * NS_PER_S; /* not 0, which owners may take for "never" */

/* ---- opening and closing --------------------------------------------------------------------- */

void ring_options_init(struct ring_options *options, unsigned connections) {
    *options = (struct ring_options){
        .entries = 1024, .slots = connections + 16, .buffers = 256, .buffer_bytes = 16384};
}

static void init_slots(struct ring *ring) {
    ring->slots = sim_alloc(ring->options.slots * sizeof *ring->slots);
    ring->free_slot = RING_NO_SLOT;
    for (unsigned i = ring->options.slots; i-- > 0;) {
        ring->slots[i].next_free = ring->free_slot;
        list_init(&ring->slots[i].tasks);
        ring->free_slot = (int32_t)i;
    }
}

int ring_open(struct ring **opened, const struct ring_options *options) {
    struct sim_options defaults;
    SIM_CHECK(!sim_world.ring, "a second ring: simulated engines have one worker");
    CHECK(options->slots && options->buffer_bytes);
    sim_options_init(&defaults, 1);
    if (!sim_world.configured)
        sim_configure(&defaults);
    struct ring *ring = sim_alloc(sizeof *ring);
    ring->options = *options;
    ring->now_ns = ring->net_ns = start_ns;
    ring->wake_at_ns = UINT64_MAX;
    ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ring->wake_fd < 0) {
        int error = errno;
        free(ring);
        return -error;
    }
    init_slots(ring);
    list_init(&ring->heads);
    list_init(&ring->polls);
    list_init(&ring->peers);
    timer_wheel_init(&ring->wheel, start_ns);
    sim_world.ring = ring;
    *opened = ring;
    return 0;
}

static void run_events(struct ring *ring, uint64_t until_ns) {
    while (sim_event_next_ns() <= until_ns) {
        struct sim_event *event = sim_event_pop();
        if (!event)
            return;
        ring->net_ns = event->at_ns > ring->net_ns ? event->at_ns : ring->net_ns;
        event->run(ring, event);
        sim_event_free(event);
    }
}

void ring_close(struct ring *ring) {
    if (!ring)
        return;
    SIM_CHECK(!ring->turning, "ring_close from an upcall");
    SIM_CHECK(!sim_report().ops_live, "ring_close while operations are in flight");
    SIM_CHECK(!ring->slots_used, "ring_close while slots are taken");
    /* What is still under way concerns the servers only: they learn that their clients have
     * gone. */
    run_events(ring, UINT64_MAX);
    SIM_CHECK(list_is_empty(&ring->peers), "a connection outlived its client");
    sim_world.report = sim_report();
    sim_world.ring = NULL;
    close(ring->wake_fd);
    free(ring->slots);
    free(ring);
}

/* ---- turns ----------------------------------------------------------------------------------- */

uint64_t ring_now(const struct ring *ring) {
    return ring->now_ns;
}

void ring_on_wake(struct ring *ring, ring_wake_fn *woken, void *context) {
    ring->woken = woken;
    ring->wake_context = context;
}

void ring_wake(struct ring *ring) {
    atomic_store(&ring->wake, true);
    uint64_t one = 1;
    /* A full counter wakes as well, and inside a signal handler errno is somebody else's. */
    int saved_errno = errno;
    ssize_t written = write(ring->wake_fd, &one, sizeof one);
    (void)written;
    errno = saved_errno;
}

static void drain_wake(struct ring *ring) {
    uint64_t count;
    ssize_t got = read(ring->wake_fd, &count, sizeof count);
    (void)got;
}

static bool take_wake(struct ring *ring) {
    if (!atomic_exchange(&ring->wake, false))
        return false;
    drain_wake(ring);
    return true;
}

/* Real descriptors and real threads: looks for up to `ms` real milliseconds, and whether
 * anything came. */
static bool look_outside(struct ring *ring, int ms) {
    struct pollfd fds[1 + POLLS_MAX] = {{.fd = ring->wake_fd, .events = POLLIN}};
    struct sim_task *tasks[POLLS_MAX];
    nfds_t count = 0;
    for (struct link *at = ring->polls.next; at != &ring->polls && count < POLLS_MAX;
         at = at->next) {
        struct sim_task *task = LIST_ENTRY(at, struct sim_task, link);
        if (task->state != TASK_RUNNING)
            continue;
        fds[1 + count] = (struct pollfd){.fd = task->number, .events = (short)task->events};
        tasks[count++] = task;
    }
    if (poll(fds, 1 + count, ms) <= 0)
        return false;
    /* The flag is what counts, and it was set before the descriptor: a write that came after its
     * flag had been taken would keep the descriptor readable for ever. */
    if (fds[0].revents)
        drain_wake(ring);
    for (nfds_t i = 0; i < count; i++)
        if (fds[1 + i].revents)
            sim_task_end_later(ring, tasks[i], fds[1 + i].revents, 0);
    return true;
}

static void check_limits(const struct ring *ring) {
    uint64_t limit_ns = start_ns + sim_world.options.limit_s * NS_PER_S;
    SIM_CHECK(ring->now_ns <= limit_ns, "the run has passed its limit of virtual time");
    SIM_CHECK(ring->counts.turns <= TURNS_MAX, "the run has passed its limit of turns");
}

static void jump(struct ring *ring, uint64_t to_ns) {
    if (to_ns > ring->now_ns)
        ring->now_ns = to_ns;
    if (sim_fault(SIM_FAULT_LATE_TURN))
        ring->now_ns += sim_below(LATE_US_MAX) * NS_PER_US;
    check_limits(ring);
}

/* Makes something due, or gives up the run. */
static void pass_time(struct ring *ring) {
    uint64_t event_ns = sim_event_next_ns(), timer_ns = timer_wheel_next_ns(&ring->wheel);
    if (ring->wake_at_ns < timer_ns)
        timer_ns = ring->wake_at_ns;
    uint64_t next_ns = event_ns < timer_ns ? event_ns : timer_ns;
    bool outside = sim_world.options.wait_for_wake || !list_is_empty(&ring->polls);
    bool nothing = next_ns == UINT64_MAX;
    if (next_ns <= ring->now_ns)
        return;
    if (nothing && sim_world.options.on_idle &&
        sim_world.options.on_idle(sim_world.options.idle_context)) {
        ring->now_ns += TURN_US * NS_PER_US;
        check_limits(ring);
        return;
    }
    /* Periodic timers alone would let years pass before another thread has even started. */
    int patience_ms = nothing                  ? OUTSIDE_MS_MAX
                      : event_ns == UINT64_MAX ? (int)sim_world.options.outside_ms
                                               : 0;
    if (outside && look_outside(ring, patience_ms))
        return;
    if (nothing && !atomic_load(&ring->wake))
        sim_fail("a hang: nothing is pending, and nobody will wake the ring");
    if (!nothing)
        jump(ring, next_ns);
}

static bool deliver(struct ring *ring) {
    uint64_t upcalls = ring->counts.completions;
    run_events(ring, ring->now_ns);
    ring->net_ns = ring->now_ns;
    unsigned fired = timer_wheel_advance(&ring->wheel, ring->now_ns);
    bool woken = take_wake(ring);
    if (woken && ring->woken)
        ring->woken(ring->wake_context);
    return woken || fired || ring->counts.completions != upcalls;
}

void ring_turn(struct ring *ring, bool wait) {
    SIM_CHECK(!ring->turning, "ring_turn from an upcall");
    ring->turning = true;
    ring->counts.turns++;
    ring->counts.enters++;
    ring->now_ns += TURN_US * NS_PER_US;
    check_limits(ring);
    sim_submit(ring);
    if (!wait && !list_is_empty(&ring->polls))
        look_outside(ring, 0);
    while (!deliver(ring) && wait && ring->now_ns < ring->wake_at_ns) {
        sim_submit(ring); /* on_idle may have queued something */
        if (!atomic_load(&ring->wake))
            pass_time(ring);
    }
    if (wait)
        ring->wake_at_ns = UINT64_MAX;
    ring->turning = false;
}

/* ---- slots ----------------------------------------------------------------------------------- */

struct sim_slot *sim_slot_of(struct ring *ring, int32_t slot) {
    SIM_CHECK(slot >= 0 && (unsigned)slot < ring->options.slots, "no such slot");
    return &ring->slots[slot];
}

/* The slot freed last is taken first: whoever still holds its number meets the next tenant at
 * once. */
int32_t ring_slot_acquire(struct ring *ring) {
    int32_t number = ring->free_slot;
    if (number == RING_NO_SLOT)
        return RING_NO_SLOT;
    struct sim_slot *slot = &ring->slots[number];
    ring->free_slot = slot->next_free;
    slot->state = SLOT_TAKEN;
    ring->slots_used++;
    return number;
}

void sim_slot_free(struct ring *ring, int32_t number) {
    struct sim_slot *slot = sim_slot_of(ring, number);
    SIM_CHECK(list_is_empty(&slot->tasks), "a slot is given back with operations in flight");
    *slot = (struct sim_slot){.state = SLOT_FREE, .next_free = ring->free_slot};
    list_init(&slot->tasks);
    ring->free_slot = number;
    ring->slots_used--;
}

void ring_slot_release(struct ring *ring, int32_t slot) {
    SIM_CHECK(sim_slot_of(ring, slot)->state == SLOT_TAKEN,
              "ring_slot_release of a slot that is free or holds a socket");
    sim_slot_free(ring, slot);
}

int32_t ring_slot_adopt(struct ring *ring, int fd) {
    (void)ring;
    (void)fd;
    return -ENOSYS;
}

unsigned ring_slots_used(const struct ring *ring) {
    return ring->slots_used;
}

unsigned ring_slots_max(const struct ring *ring) {
    return ring->options.slots;
}

bool ring_nodelay(struct ring *ring, int32_t slot) {
    return sim_slot_of(ring, slot)->state == SLOT_SOCKET;
}

bool ring_narrow(struct ring *ring, int32_t slot) {
    bool can = sim_slot_of(ring, slot)->state == SLOT_SOCKET;
    sim_world.report.narrowed += can;
    return can;
}

bool ring_abortive(struct ring *ring, int32_t number) {
    struct sim_slot *slot = sim_slot_of(ring, number);
    SIM_CHECK(slot->state != SLOT_FREE, "ring_abortive on a slot that is free");
    slot->abortive = slot->state == SLOT_SOCKET;
    return slot->abortive;
}

/* ---- timers, and watching it ----------------------------------------------------------------- */

void ring_wake_at(struct ring *ring, uint64_t due_ns) {
    ring->wake_at_ns = due_ns;
}

void ring_timer_set(struct ring *ring, struct ring_timer *timer, uint64_t due_ns) {
    timer_wheel_set(&ring->wheel, timer, due_ns);
}

struct ring_counts ring_counts(const struct ring *ring) {
    return ring->counts;
}

void ring_probe(struct ring_features *features) {
    *features = (struct ring_features){.single_issuer = true,
                                       .defer_taskrun = true,
                                       .direct_descriptors = true,
                                       .buffer_rings = true,
                                       .multishot_recv = true,
                                       .socket_options = true};
}

const char *ring_library(void) {
    return "simulated";
}
