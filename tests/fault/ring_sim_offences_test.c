/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_offences_test.c: whoever breaks a rule of ring.h is told which. Each offence happens in
 * a process of its own, for it ends with abort.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ring_sim_watch.h"

/* In a process of its own, which must abort and say why. */
static void expect_abort(void (*offence)(void), const char *why) {
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        setup(NULL);
        offence();
        _exit(0);
    }
    char said[256] = "";
    close(ends[1]);
    FILE *file = fdopen(ends[0], "r");
    assert_non_null(file);
    if (fgets(said, sizeof said, file))
        while (fgetc(file) != EOF)
            continue;
    fclose(file);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!strstr(said, why))
        fail_msg("expected \"%s\", the child said \"%s\"", why, said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void hang(void) {
    queue_dial("192.0.2.9", 80, 2);
    for (;;)
        ring_turn(ring, true);
}

static void close_under_a_recv(void) {
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_turn(ring, false);
    ring_close_slot(ring, &closer.op, slot);
}

static void close_with_an_unsettled_send(void) {
    connected(81);
    ring_send_quiet(ring, &dial[2].op, slot, "hello", 5);
    for (unsigned i = 0; i < 100; i++)
        ring_turn(ring, false);
    ring_close_slot(ring, &closer.op, slot);
}

static void use_after_close(void) {
    connected(80);
    ring_close_slot(ring, &closer.op, slot);
    turn_until(&closer.finals);
    ring_recv(ring, &dial[3].op, slot);
}

static void use_while_closing(void) {
    connected(80);
    ring_close_slot(ring, &closer.op, slot);
    ring_recv(ring, &dial[3].op, slot);
}

static void queue_twice(void) {
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_recv(ring, &dial[3].op, slot);
}

static void receive_twice(void) {
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_recv(ring, &dial[2].op, slot);
    ring_turn(ring, true);
}

static void change_bytes(void) {
    static char bytes[] = "hello";
    connected(80);
    ring_send(ring, &dial[2].op, slot, bytes, 5);
    bytes[4] = '!';
    turn_until(&dial[2].finals);
}

static void change_bytes_before_a_late_completion(void) {
    static char bytes[] = "hello";
    connected(80);
    sim_force(SIM_FAULT_SEND_LATE, 0, 1);
    ring_send(ring, &dial[2].op, slot, bytes, 5);
    while (!heard)
        ring_turn(ring, false);
    bytes[0] = 'j';
    turn_until(&dial[2].finals);
}

static void change_address(void) {
    queue_dial("192.0.2.1", 80, 2);
    address("192.0.2.2", 80);
    turn_until(&dial[1].finals);
}

static void close_ring_with_ops(void) {
    ring_socket(ring, &dial[0].op, slot, AF_INET);
    ring_close(ring);
}

static void close_ring_with_slots(void) {
    ring_close(ring);
}

static void release_a_socket(void) {
    connected(80);
    ring_slot_release(ring, slot);
}

static void half_a_chain(void) {
    ring_chain(ring, 3);
    ring_socket(ring, &dial[0].op, slot, AF_INET);
    ring_turn(ring, false);
}

static void cancel_within_a_chain(void) {
    ring_chain(ring, 3);
    ring_socket(ring, &dial[0].op, slot, AF_INET);
    ring_cancel(ring, &dial[0].op);
}

static void open_a_second_ring(void) {
    struct ring_options options;
    ring_options_init(&options, SLOTS);
    ring_open(&ring, &options);
}

static void overwrite_an_op(void) {
    connected(80);
    ring_recv(ring, &dial[3].op, slot);
    ring_turn(ring, false);
    watch_init(&dial[3]);
    sim_peer_close(peer);
    for (;;)
        ring_turn(ring, true);
}

static void on_timer(struct ring_timer *timer) {
    assert_false(ring_timer_is_set(timer));
}

static void run_out_of_virtual_time(void) {
    struct ring_timer timer;
    ring_timer_init(&timer, on_timer);
    for (;;) {
        ring_timer_set(ring, &timer, ring_now(ring) + 3600 * NS_PER_S);
        ring_turn(ring, true);
    }
}

static void test_offences_abort(void **state) {
    static const struct {
        void (*offence)(void);
        const char *why;
    } cases[] = {
        {hang, "a hang"},
        {close_under_a_recv, "ring_close_slot while another op"},
        {close_with_an_unsettled_send, "ring_close_slot while another op"},
        {use_after_close, "an op on a slot that is free"},
        {use_while_closing, "an op on a slot that is being closed"},
        {queue_twice, "an op was queued that is in flight"},
        {receive_twice, "a second ring_recv"},
        {change_bytes, "bytes or address changed"},
        {change_bytes_before_a_late_completion, "bytes or address changed"},
        {change_address, "bytes or address changed"},
        {close_ring_with_ops, "ring_close while operations"},
        {close_ring_with_slots, "ring_close while slots"},
        {release_a_socket, "ring_slot_release"},
        {half_a_chain, "a chain was begun"},
        {cancel_within_a_chain, "in the middle of a chain"},
        {open_a_second_ring, "a second ring"},
        {overwrite_an_op, "an op was overwritten"},
        {run_out_of_virtual_time, "limit of virtual time"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_abort(cases[i].offence, cases[i].why);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offences_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
