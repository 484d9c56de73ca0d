/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Operations of the io_uring ring: chains, sends, quiet sends and cancelling.
 */
#include "ring_testing.h"

static void chain_connects_sends_and_receives(void **state) {
    (void)state;
    struct sockaddr_in address;
    struct note made, connected, sent, received;
    char bytes[16];
    int listener = listen_anywhere(&address);
    int32_t slot = ring_slot_acquire(ring);
    note_init(&made);
    note_init(&connected);
    note_init(&sent);
    note_init(&received);
    ring_chain(ring, 4);
    ring_socket(ring, &made.op, slot, AF_INET);
    ring_connect(ring, &connected.op, slot, (struct sockaddr *)&address, sizeof address);
    ring_send(ring, &sent.op, slot, "question", 8);
    ring_recv(ring, &received.op, slot);
    assert_true(ring_op_busy(&received.op));
    TURN_UNTIL(sent.finals == 1);
    assert_int_equal(made.result, 0);
    assert_int_equal(connected.result, 0);
    assert_int_equal(sent.result, 8);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(recv(peer, bytes, sizeof bytes, 0), 8);
    write_all(peer, "answer", 6);
    TURN_UNTIL(received.bytes == 6);
    assert_string_equal(received.text, "answer");
    close(peer);
    TURN_UNTIL(received.finals == 1);
    assert_int_equal(received.result, 0);
    close(listener);
    close_slot(slot);
}

static void refused_connect_ends_the_whole_chain(void **state) {
    (void)state;
    struct sockaddr_in address;
    struct note made, connected, sent, received;
    close(listen_anywhere(&address));
    int32_t slot = ring_slot_acquire(ring);
    note_init(&made);
    note_init(&connected);
    note_init(&sent);
    note_init(&received);
    ring_chain(ring, 4);
    ring_socket(ring, &made.op, slot, AF_INET);
    ring_connect(ring, &connected.op, slot, (struct sockaddr *)&address, sizeof address);
    ring_send(ring, &sent.op, slot, "question", 8);
    ring_recv(ring, &received.op, slot);
    TURN_UNTIL(made.finals + connected.finals + sent.finals + received.finals == 4);
    assert_int_equal(made.result, 0);
    assert_int_equal(connected.result, -ECONNREFUSED);
    assert_int_equal(sent.result, -ECANCELED);
    assert_int_equal(received.result, -ECANCELED);
    close_slot(slot);
}

static void failed_socket_ends_the_whole_chain(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct note made, connected, sent, alone;
    int32_t slot = ring_slot_acquire(ring);
    note_init(&made);
    note_init(&connected);
    note_init(&sent);
    note_init(&alone);
    ring_chain(ring, 3);
    ring_socket(ring, &made.op, slot, 9999);
    ring_connect(ring, &connected.op, slot, (struct sockaddr *)&address, sizeof address);
    ring_send(ring, &sent.op, slot, "question", 8);
    ring_socket(ring, &alone.op, slot, AF_INET); /* no part of the chain */
    assert_int_equal(made.events, 0);
    TURN_UNTIL(made.finals + connected.finals + sent.finals + alone.finals == 4);
    assert_int_equal(made.result, -EAFNOSUPPORT);
    assert_int_equal(connected.result, -ECANCELED);
    assert_int_equal(sent.result, -ECANCELED);
    assert_int_equal(alone.result, 0);
    close_slot(slot);
}

static void quiet_send_needs_no_completion(void **state) {
    (void)state;
    struct note quiet;
    char bytes[8];
    int peer;
    int32_t slot = connect_pair(&peer);
    note_init(&quiet);
    for (int i = 0; i < 200; i++) {
        ring_send_quiet(ring, &quiet.op, slot, "ping", 4);
        ring_turn(ring, false);
        assert_int_equal(recv(peer, bytes, sizeof bytes, 0), 4);
        assert_true(ring_op_busy(&quiet.op));
        ring_op_settle(ring, &quiet.op);
        assert_false(ring_op_busy(&quiet.op));
    }
    settle_down();
    assert_int_equal(quiet.events, 0);
    close(peer);
    close_slot(slot);
}

static void cancelled_quiet_send_that_had_gone(void **state) {
    (void)state;
    struct note quiet;
    int peer;
    int32_t slot = connect_pair(&peer);
    note_init(&quiet);
    ring_send_quiet(ring, &quiet.op, slot, "ping", 4);
    settle_down();
    ring_cancel(ring, &quiet.op);
    ring_cancel(ring, &quiet.op);
    assert_true(ring_op_busy(&quiet.op));
    TURN_UNTIL(quiet.finals == 1);
    assert_int_equal(quiet.result, 4);
    settle_down();
    assert_int_equal(quiet.events, 1);
    close(peer);
    close_slot(slot);
}

/* Fills the connection until a send has to wait. */
static void stuff(int32_t slot, struct note *note, const char *bytes, size_t count) {
    do {
        note_init(note);
        ring_send(ring, &note->op, slot, bytes, count);
        settle_down();
    } while (note->finals == 1);
}

static void cancelled_quiet_send_that_waits(void **state) {
    (void)state;
    static char bytes[1 << 20];
    struct note large, quiet;
    int peer;
    int32_t slot = connect_pair(&peer);
    stuff(slot, &large, bytes, sizeof bytes);
    note_init(&quiet);
    ring_send_quiet(ring, &quiet.op, slot, bytes, RING_QUIET_BYTES);
    settle_down();
    assert_int_equal(quiet.events, 0);
    ring_cancel(ring, &quiet.op);
    ring_cancel(ring, &large.op);
    TURN_UNTIL(quiet.finals + large.finals == 2);
    assert_int_equal(quiet.result, -ECANCELED);
    assert_int_equal(large.result, -ECANCELED);
    close(peer);
    close_slot(slot);
}

static void quiet_send_reports_its_failure(void **state) {
    (void)state;
    struct note quiet, received;
    int peer;
    int32_t slot = connect_pair(&peer);
    struct linger linger = {.l_onoff = 1};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    note_init(&received);
    ring_recv(ring, &received.op, slot);
    settle_down();
    close(peer);
    TURN_UNTIL(received.finals == 1);
    assert_int_equal(received.result, -ECONNRESET);
    note_init(&quiet);
    ring_send_quiet(ring, &quiet.op, slot, "ping", 4);
    TURN_UNTIL(quiet.finals == 1);
    assert_int_equal(quiet.result, -EPIPE);
    ring_op_settle(ring, &quiet.op);
    ring_cancel(ring, &quiet.op);
    ring_send_quiet(ring, &quiet.op, slot, "ping", 4);
    ring_cancel(ring, &quiet.op);
    TURN_UNTIL(quiet.finals == 2);
    assert_int_equal(quiet.result, -EPIPE);
    ring_send_quiet(ring, &quiet.op, slot, "ping", 4);
    close_slot(slot);
}

static void forgotten_quiet_send_fails_unheard(void **state) {
    (void)state;
    struct note quiet, shut;
    int peer;
    int32_t broken = connect_pair(&peer), sound;
    close(peer);
    note_init(&shut);
    ring_shutdown(ring, &shut.op, broken);
    TURN_UNTIL(shut.finals == 1);
    sound = connect_pair(&peer);
    note_init(&quiet);
    ring_send_quiet(ring, &quiet.op, broken, "ping", 4);
    ring_op_settle(ring, &quiet.op);
    ring_send_quiet(ring, &quiet.op, sound, "ping", 4); /* the failure comes now */
    settle_down();
    assert_int_equal(quiet.events, 0);
    assert_true(ring_op_busy(&quiet.op));
    ring_op_settle(ring, &quiet.op);
    close(peer);
    close_slot(broken);
    close_slot(sound);
}

static void receive_is_cancelled(void **state) {
    (void)state;
    struct note received;
    int peer;
    int32_t slot = connect_pair(&peer);
    note_init(&received);
    for (unsigned i = 1; i <= 3; i++) {
        ring_recv(ring, &received.op, slot);
        if (i > 1)
            settle_down();
        ring_cancel(ring, &received.op);
        assert_int_equal(received.finals, i - 1);
        TURN_UNTIL(received.finals == i);
        assert_int_equal(received.result, -ECANCELED);
    }
    ring_cancel(ring, &received.op); /* harmless */
    ring_recv(ring, &received.op, slot);
    write_all(peer, "late", 4);
    TURN_UNTIL(received.bytes == 4);
    received.cancels_itself = true;
    write_all(peer, "more", 4);
    TURN_UNTIL(received.finals == 4);
    assert_int_equal(received.result, -ECANCELED);
    assert_int_equal(received.bytes, 8);
    settle_down();
    assert_int_equal(received.finals, 4);
    close(peer);
    close_slot(slot);
}

static void unstarted_link_is_cancelled(void **state) {
    (void)state;
    static char bytes[1 << 20], copy[1 << 20];
    struct note large, sent, received;
    int peer;
    int32_t slot = connect_pair(&peer);
    stuff(slot, &large, bytes, sizeof bytes);
    note_init(&sent);
    note_init(&received);
    ring_chain(ring, 2);
    ring_send(ring, &sent.op, slot, bytes, sizeof bytes);
    ring_recv(ring, &received.op, slot);
    settle_down();
    ring_cancel(ring, &received.op); /* the kernel doesn't find it yet */
    settle_down();
    assert_int_equal(received.finals, 0);
    while (sent.finals == 0 || received.finals == 0) {
        ring_turn(ring, false);
        recv(peer, copy, sizeof copy, MSG_DONTWAIT);
    }
    assert_int_equal(sent.result, sizeof bytes);
    assert_int_equal(received.result, -ECANCELED);
    close(peer);
    close_slot(slot);
}

static int run(const char *name) {
    const struct CMUnitTest tests[] = {
        RING_TEST(chain_connects_sends_and_receives),
        RING_TEST(refused_connect_ends_the_whole_chain),
        RING_TEST(failed_socket_ends_the_whole_chain),
        RING_TEST(quiet_send_needs_no_completion),
        RING_TEST(cancelled_quiet_send_that_had_gone),
        RING_TEST(cancelled_quiet_send_that_waits),
        RING_TEST(quiet_send_reports_its_failure),
        RING_TEST(forgotten_quiet_send_fails_unheard),
        RING_TEST(receive_is_cancelled),
        RING_TEST(unstarted_link_is_cancelled),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return run_all_ways(run);
}
