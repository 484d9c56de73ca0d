/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_test.c: the simulated ring keeps ring.h's contract: operations, chains, cancelling,
 * quiet sends, time and waking. What it does with those who break the contract is in
 * ring_sim_offences_test.c, runs under many seeds in ring_sim_echo_test.c.
 */
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring_sim_watch.h"

/* ---- operations ------------------------------------------------------------------------------ */

static void test_chain_runs_in_order(void **state) {
    (void)state;
    queue_dial("192.0.2.1", 80, 4);
    while (dial[3].received < 5)
        ring_turn(ring, true);
    assert_memory_equal(dial[3].bytes, "hello", 5);
    assert_true(ring_op_busy(&dial[3].op));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(dial[i].rank, i + 1);
    assert_int_equal(dial[2].result, 5);
    sim_peer_close(peer);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[3].result, 0);
    end();
}

static void test_chain_breaks_and_the_rest_is_cancelled(void **state) {
    (void)state;
    queue_dial("192.0.2.7", 80, 4);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[0].result, 0);
    assert_int_equal(dial[1].result, -ECONNREFUSED);
    assert_int_equal(dial[2].result, -ECANCELED);
    assert_int_equal(dial[3].result, -ECANCELED);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(dial[i].rank, i + 1);
    end();
}

static void test_socket_failure_leaves_the_slot_taken(void **state) {
    (void)state;
    sim_force(SIM_FAULT_SOCKET_FAILS, 0, 1);
    queue_dial("192.0.2.1", 80, 4);
    turn_until(&dial[3].finals);
    int32_t result = dial[0].result;
    assert_true(result == -EMFILE || result == -ENFILE || result == -ENOBUFS);
    assert_int_equal(dial[1].result, -ECANCELED);
    assert_int_equal(ring_slots_used(ring), 1);
    end_without_socket();
}

static void test_unreachable_and_every_connect_error(void **state) {
    static const int errors[] = SIM_CONNECT_ERRORS;
    enum { ERRORS = sizeof errors / sizeof *errors };
    unsigned seen[ERRORS] = {0};
    (void)state;
    queue_dial("192.0.2.8", 80, 2);
    turn_until(&dial[1].finals);
    assert_int_equal(dial[1].result, -EHOSTUNREACH);
    for (unsigned round = 0; round < 200; round++) {
        sim_force(SIM_FAULT_CONNECT_FAILS, 0, 1);
        watch_init(&dial[1]);
        ring_connect(ring, &dial[1].op, slot, (const void *)address("192.0.2.1", 80),
                     sizeof(struct sockaddr_in));
        turn_until(&dial[1].finals);
        unsigned known = 0;
        while (known < ERRORS && dial[1].result != -errors[known])
            known++;
        assert_true(known < ERRORS);
        seen[known]++;
    }
    for (unsigned i = 0; i < ERRORS; i++)
        assert_true(seen[i] > 0);
    ring_send(ring, &dial[2].op, slot, "x", 1);
    ring_recv(ring, &dial[3].op, slot);
    turn_until(&dial[2].finals);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[2].result, -EPIPE);
    assert_int_equal(dial[3].result, -ENOTCONN);
    end();
}

static void test_slots_run_out_and_come_back(void **state) {
    int32_t slots[SLOTS] = {slot};
    (void)state;
    assert_int_equal(ring_slots_max(ring), SLOTS);
    for (unsigned i = 1; i < SLOTS; i++)
        slots[i] = ring_slot_acquire(ring);
    assert_int_equal(ring_slot_acquire(ring), RING_NO_SLOT);
    assert_int_equal(ring_slots_used(ring), SLOTS);
    ring_slot_release(ring, slots[2]);
    assert_int_equal(ring_slot_acquire(ring), slots[2]);
    for (unsigned i = 1; i < SLOTS; i++)
        ring_slot_release(ring, slots[i]);
    assert_int_equal(ring_slot_adopt(ring, 0), -ENOSYS);
    end_without_socket();
}

static void test_half_close(void **state) {
    (void)state;
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_shutdown(ring, &dial[0].op, slot);
    while (!ends_heard)
        ring_turn(ring, false);
    sim_peer_send(peer, "bye", 3);
    sim_peer_close(peer);
    turn_until(&dial[3].finals);
    assert_memory_equal(dial[3].bytes, "bye", 3);
    ring_send(ring, &dial[2].op, slot, "x", 1);
    turn_until(&dial[2].finals);
    assert_int_equal(dial[2].result, -EPIPE);
    end();
}

static void test_server_resets(void **state) {
    (void)state;
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    sim_peer_send(peer, "abc", 3);
    sim_peer_reset(peer);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[3].received, 3);
    assert_int_equal(dial[3].result, -ECONNRESET);
    watch_init(&dial[3]); /* the error is told once */
    ring_recv(ring, &dial[3].op, slot);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[3].result, 0);
    end();
}

static void test_out_of_buffers_is_only_late(void **state) {
    (void)state;
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    sim_force(SIM_FAULT_NO_BUFFERS, 0, 1);
    sim_peer_send(peer, "abc", 3);
    sim_peer_send(peer, "def", 3);
    sim_peer_close(peer);
    uint64_t arrived_ns = ring_now(ring) + NS_PER_MS; /* by far */
    while (ring_now(ring) < arrived_ns)
        ring_turn(ring, false);
    assert_int_equal(dial[3].received, 0);
    turn_until(&dial[3].finals);
    assert_memory_equal(dial[3].bytes, "abcdef", 6);
    assert_int_equal(dial[3].result, 0);
    assert_int_equal(ring_counts(ring).out_of_buffers, 1);
    end();
}

/* A keep-alive connection that the server closes just as the next request is sent. */
static void test_sending_to_a_closed_server_brings_a_reset(void **state) {
    (void)state;
    connected(80);
    sim_peer_close(peer);
    ring_send(ring, &dial[2].op, slot, "hello", 5);
    turn_until(&dial[2].finals);
    assert_int_equal(dial[2].result, 5);
    for (unsigned i = 0; i < 100; i++)
        ring_turn(ring, false);
    ring_recv(ring, &dial[3].op, slot);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[3].result, -ECONNRESET);
    assert_int_equal(heard, 0);
    end();
}

static void on_pong(struct sim_peer *who) {
    sim_peer_send(who, "pong", 4);
}

static void test_peer_timer_and_virtual_time(void **state) {
    (void)state;
    connected(80);
    uint64_t before_ns = ring_now(ring);
    sim_peer_timer(peer, 3600 * 1000, on_pong);
    ring_recv(ring, &dial[3].op, slot);
    while (dial[3].received < 4)
        ring_turn(ring, true);
    assert_true(ring_now(ring) - before_ns >= 3600 * NS_PER_S);
    assert_true(ring_now(ring) - before_ns < 3601 * NS_PER_S);
    ring_cancel(ring, &dial[3].op);
    turn_until(&dial[3].finals);
    assert_true(ring_abortive(ring, slot));
    end();
    assert_int_equal(sim_report().aborts, 1);
}

static uint64_t fired_ns;

static void on_timer(struct ring_timer *timer) {
    assert_false(ring_timer_is_set(timer));
    fired_ns = ring_now(ring);
}

static void test_timer(void **state) {
    struct ring_timer timer;
    uint64_t due_ns = ring_now(ring) + 90 * NS_PER_S;
    (void)state;
    ring_timer_init(&timer, on_timer);
    ring_timer_set(ring, &timer, due_ns);
    for (fired_ns = 0; !fired_ns;)
        ring_turn(ring, true);
    assert_true(fired_ns >= due_ns && fired_ns <= due_ns + 2 * NS_PER_MS);
    end_without_socket();
}

static void test_wake_at_a_time(void **state) {
    (void)state;
    ring_turn(ring, false);
    uint64_t due_ns = ring_now(ring) + 7 * NS_PER_MS;
    ring_wake_at(ring, due_ns);
    ring_turn(ring, true); /* nothing else is pending: without it this would be a hang */
    assert_true(ring_now(ring) >= due_ns);
    end_without_socket();
}

static void test_accept_and_poll(void **state) {
    int ends[2];
    (void)state;
    ring_accept(ring, &dial[0].op, slot);
    turn_until(&dial[0].finals);
    assert_int_equal(dial[0].result, -ENOSYS);
    assert_int_equal(pipe(ends), 0);
    ring_poll(ring, &dial[1].op, ends[0], POLLIN);
    ring_turn(ring, false);
    assert_true(ring_op_busy(&dial[1].op));
    assert_int_equal(write(ends[1], "x", 1), 1);
    turn_until(&dial[1].finals);
    assert_int_equal(dial[1].result, POLLIN);
    watch_init(&dial[1]);
    ring_poll(ring, &dial[1].op, ends[1], POLLIN);
    ring_cancel(ring, &dial[1].op);
    turn_until(&dial[1].finals);
    assert_int_equal(dial[1].result, -ECANCELED);
    close(ends[0]);
    close(ends[1]);
    end_without_socket();
}

/* ---- cancelling, and quiet sends ------------------------------------------------------------- */

static void test_cancel_ends_what_is_never_answered(void **state) {
    (void)state;
    queue_dial("192.0.2.9", 80, 4);
    turn_until(&dial[0].finals);
    ring_cancel(ring, &dial[3].op); /* waits its turn: not started yet */
    for (unsigned i = 0; i < 100; i++)
        ring_turn(ring, false);
    assert_int_equal(dial[3].finals, 0);
    ring_cancel(ring, &dial[1].op);
    ring_cancel(ring, &dial[1].op);
    turn_until(&dial[3].finals);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(dial[i].result, -ECANCELED);
    ring_cancel(ring, &dial[1].op); /* harmless */
    end();
}

static void test_cancel_in_the_middle_of_a_handshake(void **state) {
    (void)state;
    queue_dial("192.0.2.1", 80, 4);
    turn_until(&dial[0].finals);
    ring_cancel(ring, &dial[1].op);
    turn_until(&dial[3].finals);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(dial[i].result, -ECANCELED);
    end();
}

static void test_cancel_of_a_chain_s_later_op_takes_effect_at_its_start(void **state) {
    (void)state;
    queue_dial("192.0.2.1", 80, 4);
    turn_until(&dial[0].finals);
    ring_cancel(ring, &dial[3].op);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[2].result, 5);
    assert_int_equal(dial[3].result, -ECANCELED);
    end();
}

static void test_cancelled_recv_leaves_the_bytes(void **state) {
    (void)state;
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_turn(ring, false);
    ring_cancel(ring, &dial[3].op);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[3].result, -ECANCELED);
    sim_peer_send(peer, "later", 5);
    for (unsigned i = 0; i < 100; i++)
        ring_turn(ring, false);
    watch_init(&dial[3]);
    ring_recv(ring, &dial[3].op, slot);
    while (dial[3].received < 5)
        ring_turn(ring, true);
    sim_peer_shutdown(peer);
    turn_until(&dial[3].finals);
    end();
}

static void test_cancel_of_a_send_that_has_ended(void **state) {
    (void)state;
    connected(80);
    sim_force(SIM_FAULT_SEND_LATE, 0, 1);
    ring_send(ring, &dial[2].op, slot, "hello", 5);
    while (!heard)
        ring_turn(ring, false);
    assert_int_equal(dial[2].finals, 0);
    ring_cancel(ring, &dial[2].op);
    turn_until(&dial[2].finals);
    assert_int_equal(dial[2].result, 5);
    assert_int_equal(sim_report().cancels_late, 1);
    end();
}

static void test_quiet_send_is_settled(void **state) {
    (void)state;
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_send_quiet(ring, &dial[2].op, slot, "hello", 5);
    while (dial[3].received < 5)
        ring_turn(ring, true);
    assert_true(ring_op_busy(&dial[2].op));
    ring_op_settle(ring, &dial[2].op);
    assert_false(ring_op_busy(&dial[2].op));
    ring_cancel(ring, &dial[3].op);
    turn_until(&dial[3].finals);
    assert_int_equal(dial[2].finals, 0);
    end();
    assert_int_equal(sim_report().settled_early, 0);
}

static void test_quiet_send_cancelled_after_and_before_the_bytes_went(void **state) {
    (void)state;
    connected(81);
    ring_send_quiet(ring, &dial[2].op, slot, "hello", 5);
    for (unsigned i = 0; i < 100; i++)
        ring_turn(ring, false);
    assert_int_equal(dial[2].finals, 0);
    ring_cancel(ring, &dial[2].op);
    ring_op_settle(ring, &dial[2].op); /* too late: a completion has been promised */
    assert_true(ring_op_busy(&dial[2].op));
    turn_until(&dial[2].finals);
    assert_int_equal(dial[2].result, 5);
    watch_init(&dial[2]);
    sim_force(SIM_FAULT_DELAY, 0, 1);
    ring_send_quiet(ring, &dial[2].op, slot, "hello", 5);
    ring_turn(ring, false);
    ring_cancel(ring, &dial[2].op);
    turn_until(&dial[2].finals);
    assert_int_equal(dial[2].result, -ECANCELED);
    end();
}

static void test_quiet_send_fails_aloud(void **state) {
    (void)state;
    connected(80);
    sim_force(SIM_FAULT_SEND_FAILS, 0, 1);
    ring_send_quiet(ring, &dial[2].op, slot, "hello", 5);
    turn_until(&dial[2].finals);
    assert_true(dial[2].result == -EPIPE || dial[2].result == -ECONNRESET);
    ring_op_settle(ring, &dial[2].op); /* harmless */
    ring_recv(ring, &dial[3].op, slot);
    turn_until(&dial[3].finals);
    assert_true(dial[3].result <= 0);
    end();
}

static void test_quiet_send_settled_before_it_went(void **state) {
    (void)state;
    connected(80);
    ring_send_quiet(ring, &dial[2].op, slot, "hello", 5);
    ring_op_settle(ring, &dial[2].op);
    while (heard < 5)
        ring_turn(ring, false);
    assert_int_equal(sim_report().settled_early, 1);
    end();
}

/* ---- waking, and having nothing to do -------------------------------------------------------- */

static unsigned wakes;

static void on_wake(void *context) {
    assert_ptr_equal(context, &wakes);
    wakes++;
}

static void *wake_from_outside(void *unused) {
    ring_wake(ring);
    return unused;
}

static void test_another_thread_wakes_an_idle_ring(void **state) {
    struct sim_options options;
    pthread_t thread;
    (void)state;
    sim_options_init(&options, 1);
    options.wait_for_wake = true;
    open_with(&options);
    ring_on_wake(ring, on_wake, &wakes);
    wakes = 0;
    assert_int_equal(pthread_create(&thread, NULL, wake_from_outside, NULL), 0);
    while (!wakes)
        ring_turn(ring, true);
    pthread_join(thread, NULL);
    end_without_socket();
}

static bool wake_when_idle(void *context) {
    ring_wake(context ? ring : NULL);
    return true;
}

static void test_idle_hook_is_asked_before_giving_up(void **state) {
    struct sim_options options;
    (void)state;
    sim_options_init(&options, 1);
    options.on_idle = wake_when_idle;
    options.idle_context = &options;
    open_with(&options);
    ring_on_wake(ring, on_wake, &wakes);
    wakes = 0;
    ring_turn(ring, true);
    assert_int_equal(wakes, 1);
    end_without_socket();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_chain_runs_in_order, setup),
        cmocka_unit_test_setup(test_chain_breaks_and_the_rest_is_cancelled, setup),
        cmocka_unit_test_setup(test_socket_failure_leaves_the_slot_taken, setup),
        cmocka_unit_test_setup(test_unreachable_and_every_connect_error, setup),
        cmocka_unit_test_setup(test_slots_run_out_and_come_back, setup),
        cmocka_unit_test_setup(test_half_close, setup),
        cmocka_unit_test_setup(test_server_resets, setup),
        cmocka_unit_test_setup(test_out_of_buffers_is_only_late, setup),
        cmocka_unit_test_setup(test_cancel_in_the_middle_of_a_handshake, setup),
        cmocka_unit_test_setup(test_sending_to_a_closed_server_brings_a_reset, setup),
        cmocka_unit_test_setup(test_peer_timer_and_virtual_time, setup),
        cmocka_unit_test_setup(test_timer, setup),
        cmocka_unit_test_setup(test_wake_at_a_time, setup),
        cmocka_unit_test_setup(test_accept_and_poll, setup),
        cmocka_unit_test_setup(test_cancel_ends_what_is_never_answered, setup),
        cmocka_unit_test_setup(test_cancel_of_a_chain_s_later_op_takes_effect_at_its_start, setup),
        cmocka_unit_test_setup(test_cancelled_recv_leaves_the_bytes, setup),
        cmocka_unit_test_setup(test_cancel_of_a_send_that_has_ended, setup),
        cmocka_unit_test_setup(test_quiet_send_is_settled, setup),
        cmocka_unit_test_setup(test_quiet_send_cancelled_after_and_before_the_bytes_went, setup),
        cmocka_unit_test_setup(test_quiet_send_fails_aloud, setup),
        cmocka_unit_test_setup(test_quiet_send_settled_before_it_went, setup),
        cmocka_unit_test(test_another_thread_wakes_an_idle_ring),
        cmocka_unit_test(test_idle_hook_is_asked_before_giving_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
