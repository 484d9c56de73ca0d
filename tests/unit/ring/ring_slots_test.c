/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Slots, listeners, polls, wake-ups and what else surrounds the operations of the io_uring ring.
 */
#include "ring_testing.h"

static void slots_run_out_and_come_back(void **state) {
    (void)state;
    struct note made;
    int32_t slots[8];
    options.slots = 8;
    reopen();
    assert_int_equal(ring_slots_max(ring), 8);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++)
            assert_true((slots[i] = ring_slot_acquire(ring)) >= 0);
        assert_int_equal(ring_slot_acquire(ring), RING_NO_SLOT);
        assert_int_equal(ring_slot_adopt(ring, STDIN_FILENO), -EMFILE);
        assert_int_equal(ring_slots_used(ring), 8);
        for (int i = 0; i < 4; i++) {
            note_init(&made);
            ring_socket(ring, &made.op, slots[i], AF_INET);
            TURN_UNTIL(made.finals == 1);
            assert_int_equal(made.result, 0);
        }
        for (int i = 0; i < 8; i++)
            if (i < 4)
                close_slot(slots[i]);
            else
                ring_slot_release(ring, slots[i]);
        assert_int_equal(ring_slots_used(ring), 0);
    }
}

static int connect_to(const struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    return fd;
}

static void accepts_until_cancelled(void **state) {
    (void)state;
    enum { CLIENTS = 40 };
    struct sockaddr_in address;
    struct note accepted, received;
    int clients[CLIENTS];
    int fd = listen_anywhere(&address);
    int32_t listener = ring_slot_adopt(ring, fd);
    assert_true(listener >= 0);
    note_init(&accepted);
    ring_accept(ring, &accepted.op, listener);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(&address);
    TURN_UNTIL(accepted.events == CLIENTS);
    assert_int_equal(ring_slots_used(ring), CLIENTS + 1);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(accepted.slots[i] >= 0);
        write_all(clients[i], "hello", 5);
        note_init(&received);
        ring_recv(ring, &received.op, accepted.slots[i]);
        TURN_UNTIL(received.bytes == 5);
        close(clients[i]);
        TURN_UNTIL(received.finals == 1);
        close_slot(accepted.slots[i]);
    }
    ring_cancel(ring, &accepted.op);
    TURN_UNTIL(accepted.finals == 1);
    assert_int_equal(accepted.result, -ECANCELED);
    assert_int_equal(accepted.events, CLIENTS + 1);
    close_slot(listener);
}

static void accept_waits_for_slots(void **state) {
    (void)state;
    struct sockaddr_in address;
    struct note accepted;
    int clients[4];
    options.slots = 4;
    reopen();
    int fd = listen_anywhere(&address);
    int32_t listener = ring_slot_adopt(ring, fd);
    note_init(&accepted);
    ring_accept(ring, &accepted.op, listener);
    for (int i = 0; i < 4; i++)
        clients[i] = connect_to(&address);
    TURN_UNTIL(accepted.events == 4);
    assert_int_equal(accepted.result, -EMFILE);
    assert_int_equal(accepted.finals, 0);
    settle_down();
    assert_int_equal(accepted.events, 4);
    close_slot(accepted.slots[0]);
    TURN_UNTIL(accepted.events >= 5);
    assert_true(accepted.slots[4] >= 0);
    ring_cancel(ring, &accepted.op);
    TURN_UNTIL(accepted.finals == 1);
    close_slot(accepted.slots[1]);
    close_slot(accepted.slots[2]);
    close_slot(accepted.slots[4]);
    close_slot(listener);
    for (int i = 0; i < 4; i++)
        close(clients[i]);
}

static void accept_on_no_listener_ends(void **state) {
    (void)state;
    struct note accepted;
    int32_t slot = ring_slot_adopt(ring, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    note_init(&accepted);
    ring_accept(ring, &accepted.op, slot);
    TURN_UNTIL(accepted.finals == 1);
    assert_int_equal(accepted.result, -EINVAL);
    close_slot(slot);
}

static void adopts_a_nonblocking_socket(void **state) {
    (void)state;
    struct note received;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    int32_t slot = ring_slot_adopt(ring, pair[0]);
    assert_true(slot >= 0);
    note_init(&received);
    ring_recv(ring, &received.op, slot);
    settle_down();
    assert_int_equal(received.events, 0);
    write_all(pair[1], "hello", 5);
    TURN_UNTIL(received.bytes == 5);
    close(pair[1]);
    TURN_UNTIL(received.finals == 1);
    assert_int_equal(received.result, 0);
    close_slot(slot);
    assert_int_equal(ring_slot_adopt(ring, -1), -EBADF);
}

struct wakes {
    pthread_t thread;
    unsigned asked, seen;
    _Atomic unsigned number;
};

static void *wake_often(void *context) {
    struct wakes *wakes = context;
    for (unsigned i = 0; i < wakes->asked; i++) {
        wakes->number++;
        ring_wake(ring);
    }
    return NULL;
}

static void on_wake(void *context) {
    struct wakes *wakes = context;
    wakes->seen = wakes->number;
}

static void wakes_are_never_lost(void **state) {
    (void)state;
    struct wakes wakes = {.asked = 20000};
    ring_on_wake(ring, on_wake, &wakes);
    pthread_create(&wakes.thread, NULL, wake_often, &wakes);
    TURN_UNTIL(wakes.seen == wakes.asked);
    pthread_join(wakes.thread, NULL);
}

static void *run_elsewhere(void *context) {
    int peer;
    int32_t slot = connect_pair(&peer);
    close(peer);
    close_slot(slot);
    return context;
}

static void opened_here_and_run_elsewhere(void **state) {
    (void)state;
    pthread_t thread;
    pthread_create(&thread, NULL, run_elsewhere, NULL);
    pthread_join(thread, NULL);
}

static void polls_once(void **state) {
    (void)state;
    struct note polled;
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    note_init(&polled);
    ring_poll(ring, &polled.op, pipes[0], POLLIN);
    settle_down();
    assert_int_equal(polled.events, 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    TURN_UNTIL(polled.finals == 1);
    assert_int_equal(polled.result, POLLIN);
    ring_poll(ring, &polled.op, pipes[1], POLLIN);
    ring_cancel(ring, &polled.op);
    TURN_UNTIL(polled.finals == 2);
    assert_int_equal(polled.result, -ECANCELED);
    close(pipes[0]);
    close(pipes[1]);
}

static void shuts_down_one_way(void **state) {
    (void)state;
    struct note shut, received;
    char byte;
    int peer;
    int32_t slot = connect_pair(&peer);
    note_init(&shut);
    note_init(&received);
    ring_shutdown(ring, &shut.op, slot);
    TURN_UNTIL(shut.finals == 1);
    assert_int_equal(shut.result, 0);
    assert_int_equal(recv(peer, &byte, 1, 0), 0);
    write_all(peer, "still", 5);
    ring_recv(ring, &received.op, slot);
    TURN_UNTIL(received.bytes == 5);
    close(peer);
    TURN_UNTIL(received.finals == 1);
    close_slot(slot);
}

static void abortive_close_resets(void **state) {
    (void)state;
    char byte;
    int peer;
    int32_t slot = connect_pair(&peer);
    assert_true(ring_nodelay(ring, slot));
    assert_true(ring_abortive(ring, slot));
    close_slot(slot);
    struct pollfd ready = {.fd = peer, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 5000), 1);
    assert_int_equal(recv(peer, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(peer);
}

static size_t write_until_full(int fd) {
    static const char bytes[65536];
    size_t taken = 0;
    for (ssize_t n; (n = send(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;)
        taken += (size_t)n;
    return taken;
}

/* Nobody reads, so what a peer may send ahead is its own send buffer and our receive buffer. */
static void narrow_sets_the_receive_buffer(void **state) {
    (void)state;
    static const int small = 16384;
    size_t taken[2];
    for (unsigned narrowed = 0; narrowed < 2; narrowed++) {
        int peer;
        int32_t slot = connect_pair(&peer);
        setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        if (narrowed)
            assert_true(ring_narrow(ring, slot));
        ring_turn(ring, false);
        taken[narrowed] = write_until_full(peer);
        close(peer);
        close_slot(slot);
    }
    assert_true(taken[1] > taken[0] + RING_NARROW_BYTES / 4);
    assert_true(taken[1] < 2 * (size_t)RING_NARROW_BYTES);
}

struct tick {
    struct ring_timer timer;
    uint64_t fired_ns;
};

static void on_tick(struct ring_timer *timer) {
    CONTAINER_OF(timer, struct tick, timer)->fired_ns = ring_now(ring);
}

static void timers_end_the_wait(void **state) {
    (void)state;
    struct tick tick = {0};
    ring_turn(ring, false);
    uint64_t due_ns = ring_now(ring) + 5 * NS_PER_MS;
    ring_timer_init(&tick.timer, on_tick);
    ring_timer_set(ring, &tick.timer, due_ns);
    TURN_UNTIL(tick.fired_ns != 0);
    assert_true(tick.fired_ns >= due_ns);
    assert_true(ring_counts(ring).turns < 20);
}

/* The best of many: on a busy machine any single one may come late. */
static void wakes_on_the_dot(void **state) {
    (void)state;
    uint64_t least_late_ns = UINT64_MAX;
    for (unsigned i = 0; i < 50; i++) {
        ring_turn(ring, false);
        uint64_t due_ns = clock_now_ns() + NS_PER_MS / 4 + i * 7000;
        ring_wake_at(ring, due_ns);
        ring_turn(ring, true);
        assert_true(ring_now(ring) >= due_ns);
        if (ring_now(ring) - due_ns < least_late_ns)
            least_late_ns = ring_now(ring) - due_ns;
    }
    assert_true(least_late_ns < NS_PER_MS / 2);
}

static void wakes_at_a_time_once(void **state) {
    (void)state;
    struct tick tick = {0};
    ring_turn(ring, false);
    uint64_t due_ns = ring_now(ring) + 20 * NS_PER_MS;
    ring_timer_init(&tick.timer, on_tick);
    ring_timer_set(ring, &tick.timer, due_ns);
    ring_wake_at(ring, ring_now(ring) + NS_PER_MS);
    ring_turn(ring, true);
    assert_true(ring_now(ring) < due_ns);
    ring_wake_at(ring, ring_now(ring));
    ring_wake_at(ring, UINT64_MAX);
    uint64_t turns = ring_counts(ring).turns;
    TURN_UNTIL(tick.fired_ns != 0);
    assert_true(tick.fired_ns >= due_ns && ring_counts(ring).turns < turns + 20);
}

static void probe_finds_what_the_ring_uses(void **state) {
    (void)state;
    struct ring_features features;
    ring_probe(&features);
    assert_int_equal(features.error, 0);
    assert_true(features.ext_arg && features.buffer_rings && features.direct_descriptors);
    assert_true(features.multishot_recv && features.multishot_accept);
}

static int run(const char *name) {
    const struct CMUnitTest tests[] = {
        RING_TEST(slots_run_out_and_come_back),
        RING_TEST(accepts_until_cancelled),
        RING_TEST(accept_waits_for_slots),
        RING_TEST(accept_on_no_listener_ends),
        RING_TEST(adopts_a_nonblocking_socket),
        RING_TEST(wakes_are_never_lost),
        RING_TEST(opened_here_and_run_elsewhere),
        RING_TEST(polls_once),
        RING_TEST(shuts_down_one_way),
        RING_TEST(abortive_close_resets),
        RING_TEST(narrow_sets_the_receive_buffer),
        RING_TEST(timers_end_the_wait),
        RING_TEST(wakes_on_the_dot),
        RING_TEST(wakes_at_a_time_once),
        RING_TEST(probe_finds_what_the_ring_uses),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return run_all_ways(run);
}
