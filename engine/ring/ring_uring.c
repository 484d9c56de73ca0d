/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_uring.c: the io_uring itself: opening it, and the turn that submits, waits and hands completions on. A ring may be
 * opened by any thread; the first that submits to it, in general the one that calls ring_turn first, is the one it belongs to
 * from then on. Only ring_wake may come from elsewhere.
 *
 * One io_uring_enter does a turn's work. It is called directly and not through io_uring_submit_and_wait_timeout: that
 * looks at the completion queue first and, finding something, doesn't let the kernel run what it put off
 * (DEFER_TASKRUN) until asked.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring/ring_private.h"

/* A longer queue saves calls only where more than that many connections act in one turn; a shorter one would cost calls
 * while a run starts. */
enum { CQ_PER_SQ = 8, SQ_ENTRIES_MIN = 64, SQ_ENTRIES_MAX = 4096 };
/* 16 KiB hold most answers whole. With far fewer buffers than sockets that have bytes, receives must be armed again; with more,
 * what they hold falls out of the processor's cache before it is read, as they are used in turns. */
enum { BUFFERS_MIN = 64, BUFFERS_MAX = 512, BUFFER_BYTES = 16 * 1024 };

static unsigned power_of_two_from(unsigned least) {
    return least <= 1 ? 1 : 1U << (32 - __builtin_clz(least - 1));
}

static unsigned between(unsigned least, unsigned value, unsigned most) {
    return value < least ? least : value > most ? most : value;
}

void ring_options_init(struct ring_options *options, unsigned connections) {
    unsigned entries = between(SQ_ENTRIES_MIN, connections, SQ_ENTRIES_MAX);
    *options = (struct ring_options){
        .entries = power_of_two_from(entries),
        .slots = connections + connections / 8 + 16,
        .buffers = power_of_two_from(between(BUFFERS_MIN, connections / 2, BUFFERS_MAX)),
        .buffer_bytes = BUFFER_BYTES,
    };
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

/* The best first; a kernel that doesn't know a flag says -EINVAL. */
static int open_uring(struct io_uring *uring, unsigned entries) {
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
        0,
    };
    int error = -EINVAL;
    for (unsigned i = 0; i < sizeof flags / sizeof *flags && error == -EINVAL; i++) {
        struct io_uring_params params = {.flags = flags[i] | IORING_SETUP_CQSIZE |
                                                  IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED,
                                         .cq_entries = entries * CQ_PER_SQ};
        error = io_uring_queue_init_params(entries, uring, &params);
    }
    if (error)
        return error;
    if (uring->features & IORING_FEAT_EXT_ARG && uring->features & IORING_FEAT_CQE_SKIP)
        return 0;
    io_uring_queue_exit(uring);
    return -ENOSYS;
}

static void retry(struct ring_timer *timer) {
    ring_retry_cancels(CONTAINER_OF(timer, struct ring, retry_timer));
}

static void init(struct ring *ring) {
    list_init(&ring->waiting);
    list_init(&ring->fed);
    list_init(&ring->ready);
    list_init(&ring->retry);
    list_init(&ring->acceptors);
    ring_timer_init(&ring->retry_timer, retry);
    ring->now_ns = clock_now_ns();
    ring->wake_at_ns = UINT64_MAX;
    timer_wheel_init(&ring->wheel, ring->now_ns);
    atomic_init(&ring->awake, false);
    /* Entries are queued in the order of their places, always. */
    for (unsigned i = 0; ring->uring.sq.array && i < ring->uring.sq.ring_entries; i++)
        ring->uring.sq.array[i] = i;
}

static void arm_wake(struct ring *ring) {
    struct io_uring_sqe *sqe = ring_sqe(ring);
    io_uring_prep_poll_multishot(sqe, ring->wake_fd, POLLIN);
    sqe->user_data = TAG_WAKE;
}

static int open_parts(struct ring *ring, const struct ring_options *options) {
    ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ring->wake_fd < 0)
        return -errno;
    ring->ordinary = options->ordinary;
    int error = slots_open(ring, options->slots);
    if (error)
        return error;
    ring->bundles = ring->uring.features & RING_FEAT_BUNDLE && !options->no_bundles;
    ring->socket_options = !ring->ordinary && ring_has_socket_options(ring->uring.features);
    return buffers_open(&ring->buffers, &ring->uring, options->buffers, options->buffer_bytes);
}

int ring_open(struct ring **opened, const struct ring_options *options) {
    *opened = NULL;
    struct ring *ring = calloc(1, sizeof *ring);
    if (!ring)
        return -ENOMEM;
    /* A chain must fit in whole. */
    int error = open_uring(&ring->uring,
                           options->entries < RING_CHAIN_MAX ? RING_CHAIN_MAX : options->entries);
    if (error) {
        free(ring);
        return error;
    }
    init(ring);
    error = open_parts(ring, options);
    if (error) {
        ring_close(ring);
        return error;
    }
    arm_wake(ring);
    *opened = ring;
    return 0;
}

void ring_close(struct ring *ring) {
    if (!ring)
        return;
    buffers_close(&ring->buffers, &ring->uring);
    io_uring_queue_exit(&ring->uring);
    if (ring->wake_fd >= 0)
        close(ring->wake_fd);
    slots_close(ring);
    free(ring->quiet);
    free(ring->held);
    free(ring);
}

/* ---- entering the kernel ----------------------------------------------------------------------------- */

/* The ring was opened disabled, so that this thread, not the opener's, becomes its single issuer. */
static void bind_to_thread(struct ring *ring) {
    if (LIKELY(ring->is_bound))
        return;
    /* Debian 12's liburing declares io_uring_enable_rings, but doesn't export it. */
    CHECK(io_uring_register((unsigned)ring->uring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) ==
          0);
    ring->has_ring_fd = io_uring_register_ring_fd(&ring->uring) == 1;
    ring->is_bound = true;
}

/* Shows the kernel what is queued. Returns how much of it has not been taken yet. */
static unsigned publish(struct ring *ring) {
    struct io_uring_sq *sq = &ring->uring.sq;
    ring->counts.submissions += sq->sqe_tail - sq->sqe_head;
    sq->sqe_head = sq->sqe_tail;
    __atomic_store_n(sq->ktail, sq->sqe_tail, __ATOMIC_RELEASE);
    return sq->sqe_tail - __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
}

static int enter(struct ring *ring, unsigned wanted, unsigned flags,
                 const struct __kernel_timespec *timeout) {
    struct io_uring_getevents_arg arg = {.sigmask_sz = _NSIG / 8,
                                         .ts = (uint64_t)(uintptr_t)timeout};
    if (ring->has_ring_fd)
        flags |= IORING_ENTER_REGISTERED_RING;
    if (timeout)
        flags |= IORING_ENTER_EXT_ARG;
    ring->counts.enters++;
    int result = io_uring_enter2((unsigned)ring->uring.enter_ring_fd, publish(ring), wanted, flags,
                                 timeout ? (void *)&arg : NULL, timeout ? sizeof arg : 0);
    if (result == -EBUSY || result == -EAGAIN)
        ring->counts.busy++;
    else
        CHECK(result >= 0 || result == -ETIME || result == -EINTR);
    return result;
}

/* Takes entries off the completion queue, as this is no place for upcalls. */
static void hold_completions(struct ring *ring) {
    struct io_uring_cq *cq = &ring->uring.cq;
    unsigned head = *cq->khead, tail = __atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE);
    unsigned needed = ring->held_count + (tail - head);
    if (needed > ring->held_size) {
        ring->held_size = power_of_two_from(needed);
        ring->held = realloc(ring->held, ring->held_size * sizeof *ring->held);
        CHECK(ring->held);
    }
    for (; head != tail; head++) {
        const struct io_uring_cqe *cqe = &cq->cqes[head & cq->ring_mask];
        ring->held[ring->held_count++] = (struct held_cqe){cqe->user_data, cqe->res, cqe->flags};
    }
    __atomic_store_n(cq->khead, head, __ATOMIC_RELEASE);
}

void ring_flush(struct ring *ring, unsigned count) {
    bind_to_thread(ring);
    while (io_uring_sq_space_left(&ring->uring) < count) {
        int result = enter(ring, 0, 0, NULL);
        if (result != -EBUSY && result != -EAGAIN)
            continue;
        hold_completions(ring);
        enter(ring, 0, IORING_ENTER_GETEVENTS, NULL);
    }
}
/* ---- the turn ---------------------------------------------------------------------------------------- */

static void wait_for_completions(struct ring *ring, bool wait) {
    struct __kernel_timespec timeout;
    bool is_timed = false;
    if (wait) {
        uint64_t due_ns = timer_wheel_next_ns(&ring->wheel);
        if (ring->wake_at_ns < due_ns)
            due_ns = ring->wake_at_ns;
        if (due_ns != UINT64_MAX) {
            uint64_t now_ns = clock_now_ns();
            uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
            timeout = (struct __kernel_timespec){.tv_sec = (int64_t)(left_ns / NS_PER_S),
                                                 .tv_nsec = (long long)(left_ns % NS_PER_S)};
            is_timed = true;
            wait = left_ns > 0;
        }
    }
    enter(ring, wait, IORING_ENTER_GETEVENTS, wait && is_timed ? &timeout : NULL);
    if (UNLIKELY(*ring->uring.sq.kflags & IORING_SQ_CQ_OVERFLOW))
        ring->counts.overflows++;
}

/* All of them before the queue, whose entries are younger. Upcalls may add more, and so move the array. */
static void complete_held(struct ring *ring) {
    for (unsigned i = 0; i < ring->held_count; i++) {
        struct held_cqe cqe = ring->held[i];
        ring_complete(ring, cqe.user_data, cqe.result, cqe.flags);
    }
    ring->counts.completions += ring->held_count;
    ring->held_count = 0;
}

/* What is there now; what upcalls cause to complete is for the next turn. Each entry's place is free again before its
 * upcall, which may submit. */
static void complete_queue(struct ring *ring) {
    struct io_uring_cq *cq = &ring->uring.cq;
    unsigned tail = __atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE), head = *cq->khead;
    ring->counts.completions += tail - head;
    while ((int)(tail - head) > 0) {
        const struct io_uring_cqe *cqe = &cq->cqes[head & cq->ring_mask];
        uint64_t user_data = cqe->user_data;
        int32_t result = cqe->res;
        uint32_t flags = cqe->flags;
        __atomic_store_n(cq->khead, head + 1, __ATOMIC_RELEASE);
        ring_complete(ring, user_data, result, flags);
        head = *cq->khead; /* further on if hold_completions took some meanwhile */
    }
}

void ring_turn(struct ring *ring, bool wait) {
    bind_to_thread(ring);
    ring->counts.turns++;
    if (UNLIKELY(!list_is_empty(&ring->waiting) || !list_is_empty(&ring->fed)))
        ring_rearm_waiting(ring);
    bool may_sleep = wait && list_is_empty(&ring->ready) && list_is_empty(&ring->waiting) &&
                     ring->held_count == 0 && !ring->must_not_sleep;
    ring->must_not_sleep = false;
    wait_for_completions(ring, may_sleep);
    if (wait)
        ring->wake_at_ns = UINT64_MAX;
    ring->now_ns = clock_now_ns();
    if (UNLIKELY(ring->held_count > 0))
        complete_held(ring);
    complete_queue(ring);
    if (UNLIKELY(!list_is_empty(&ring->ready)))
        ring_complete_ready(ring);
    timer_wheel_advance(&ring->wheel, ring->now_ns);
    if (UNLIKELY(!list_is_empty(&ring->acceptors)))
        ring_accept_refill(ring);
}

uint64_t ring_now(const struct ring *ring) {
    return ring->now_ns;
}

void ring_wake_at(struct ring *ring, uint64_t due_ns) {
    ring->wake_at_ns = due_ns;
}

void ring_timer_set(struct ring *ring, struct ring_timer *timer, uint64_t due_ns) {
    timer_wheel_set(&ring->wheel, timer, due_ns);
}

struct ring_counts ring_counts(const struct ring *ring) {
    return ring->counts;
}

/* ---- waking ------------------------------------------------------------------------------------------ */

void ring_on_wake(struct ring *ring, ring_wake_fn *woken, void *context) {
    ring->woken = woken;
    ring->woken_context = context;
}

void ring_wake(struct ring *ring) {
    static const uint64_t one = 1;
    /* Whoever finds it set relies on the call that set it, which is not answered yet. */
    if (atomic_exchange(&ring->awake, true))
        return;
    int saved = errno;
    while (write(ring->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    errno = saved;
}

void ring_wake_complete(struct ring *ring, uint32_t flags) {
    uint64_t count;
    while (read(ring->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    /* Cleared before the call: what is asked for from now on may not be seen by it and must wake again. */
    atomic_exchange(&ring->awake, false);
    if (!(flags & IORING_CQE_F_MORE))
        arm_wake(ring);
    if (ring->woken)
        ring->woken(ring->woken_context);
}
