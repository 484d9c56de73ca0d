/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_testing.h: what the tests of the io_uring ring share: a ring per test, a diary of completions, and the other
 * side of connections, driven by plain calls of the same thread, so that every test is one sequence of events. Each program
 * runs its tests with direct descriptors, with ordinary ones and without bundles.
 */
#ifndef TESTS_RING_TESTING_H
#define TESTS_RING_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring/ring.h"

static struct ring_options base_options; /* of this round */
static struct ring_options options;      /* of this test */
static struct ring *ring;

/* ---- a completion's diary ------------------------------------------------------------------------------ */

struct note {
    struct ring_op op;
    unsigned events, finals;
    int32_t result, slots[64];
    uint64_t bytes, position;
    bool is_pattern_wrong, cancels_itself;
    char text[256];
    size_t text_len;
};

static uint8_t pattern(uint64_t position) {
    return (uint8_t)(position * 31 + (position >> 8) * 7 + (position >> 16));
}

__attribute__((unused)) static void read_spans(struct note *note, const struct ring_event *event) {
    uint64_t total = 0;
    for (unsigned i = 0; i < event->span_count; i++) {
        struct span span = event->span[i];
        total += span.len;
        for (size_t j = 0; j < span.len; j++) {
            if (span.at[j] != pattern(note->position++))
                note->is_pattern_wrong = true;
            if (note->text_len < sizeof note->text - 1)
                note->text[note->text_len++] = (char)span.at[j];
        }
    }
    note->bytes += total;
    assert_int_equal(total, event->result);
}

__attribute__((unused)) static void on_done(struct ring_op *op, const struct ring_event *event) {
    struct note *note = CONTAINER_OF(op, struct note, op);
    note->result = event->result;
    note->finals += !event->more;
    assert_int_equal(ring_op_busy(op), event->more);
    if (event->span_count > 0)
        read_spans(note, event);
    if (note->events < 64)
        note->slots[note->events] = event->result;
    note->events++;
    if (note->cancels_itself)
        ring_cancel(ring, op);
}

__attribute__((unused)) static void note_init(struct note *note) {
    memset(note, 0, sizeof *note);
    ring_op_init(&note->op, on_done);
}

__attribute__((unused)) static void give_up(struct ring_timer *timer) {
    (void)timer;
    fail_msg("waited in vain");
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        uint64_t start_ = clock_now_ns();                                                          \
        struct ring_timer limit_;                                                                  \
        ring_timer_init(&limit_, give_up);                                                         \
        ring_timer_set(ring, &limit_, clock_now_ns() + 5 * NS_PER_S);                              \
        while (!(condition))                                                                       \
            ring_turn(ring, true);                                                                 \
        ring_timer_stop(&limit_);                                                                  \
        assert_true(clock_now_ns() < start_ + 2 * NS_PER_S); /* slept through it */                \
    } while (0)

__attribute__((unused)) static void settle_down(void) {
    for (int i = 0; i < 3; i++)
        ring_turn(ring, false);
}

__attribute__((unused)) static void open_ring(void) {
    assert_int_equal(ring_open(&ring, &options), 0);
}

__attribute__((unused)) static void close_ring(void) {
    assert_int_equal(ring_slots_used(ring), 0);
    ring_close(ring);
    ring = NULL;
}

__attribute__((unused)) static int setup(void **state) {
    (void)state;
    options = base_options;
    open_ring();
    return 0;
}

__attribute__((unused)) static int teardown(void **state) {
    (void)state;
    if (ring)
        close_ring();
    return 0;
}

__attribute__((unused)) static void reopen(void) {
    close_ring();
    open_ring();
}

__attribute__((unused)) static void close_slot(int32_t slot) {
    struct note note;
    note_init(&note);
    ring_close_slot(ring, &note.op, slot);
    TURN_UNTIL(note.finals == 1);
    assert_int_equal(note.result, 0);
}

/* ---- the other side ------------------------------------------------------------------------------------- */

__attribute__((unused)) static int listen_anywhere(struct sockaddr_in *address) {
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(fd, 256), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

/* A connection between a slot of the ring and an ordinary descriptor. */
__attribute__((unused)) static int32_t connect_pair(int *peer) {
    struct sockaddr_in address;
    struct note made, connected;
    int listener = listen_anywhere(&address);
    int32_t slot = ring_slot_acquire(ring);
    assert_true(slot >= 0);
    note_init(&made);
    note_init(&connected);
    ring_chain(ring, 2);
    ring_socket(ring, &made.op, slot, AF_INET);
    ring_connect(ring, &connected.op, slot, (struct sockaddr *)&address, sizeof address);
    TURN_UNTIL(connected.finals == 1);
    assert_int_equal(made.result, 0);
    assert_int_equal(connected.result, 0);
    *peer = accept(listener, NULL, NULL);
    assert_true(*peer >= 0);
    close(listener);
    return slot;
}

__attribute__((unused)) static void write_all(int fd, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = send(fd, (const char *)bytes + done, count - done, MSG_NOSIGNAL);
        assert_true(n > 0);
        done += (size_t)n;
    }
}

#define RING_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

__attribute__((unused)) static int run_all_ways(int (*run)(const char *name)) {
    static const struct {
        const char *name;
        bool ordinary, no_bundles;
    } rounds[] = {{"direct", false, false}, {"ordinary", true, false}, {"no bundles", false, true}};
    int failed = 0;
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        ring_options_init(&base_options, 100);
        base_options.ordinary = rounds[i].ordinary;
        base_options.no_bundles = rounds[i].no_bundles;
        failed += run(rounds[i].name);
    }
    return failed;
}

#endif
