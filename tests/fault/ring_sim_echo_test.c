/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_sim_echo_test.c: a small echo client straight on ring.h, run under a thousand seeds:
 * every connection ends exactly once, what comes back is what was sent, nothing is left. Also:
 * the same seed is the same schedule, and every kind of fault does occur. The client is a model
 * of how an owner of ring_ops has to be written.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ring/ring_sim.h"

enum { SLOTS = 5, CLIENTS = 8, MESSAGE_BYTES_MAX = 3000, SEEDS = 1000, GIVE_UP_S = 20 };

enum op_of { SOCKET, CONNECT, SEND, RECV, CLOSE, OPS };

struct client {
    struct ring_op op[OPS];
    struct ring_timer timer;
    struct sockaddr_in address;
    int32_t slot;
    unsigned number;
    /* Freed as soon as the send is over: a sanitizer sees a ring that still reads it. */
    uint8_t *message;
    uint8_t expected[MESSAGE_BYTES_MAX];
    size_t count, got;
    unsigned ends; /* must become exactly 1 */
    bool quiet, has_socket, ending, answered;
};

static struct ring *ring;
static struct client *waiting[CLIENTS];
static unsigned waiting_count, ended, answered;
static uint64_t seed_now;
static enum sim_fault forced;
static unsigned force_after, force_count;

/* The test program's failures name the seed, without which they are worth nothing. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_print(stderr);                                                                     \
            fail_msg("seed %" PRIu64 ": %s", seed_now, #condition);                                \
        }                                                                                          \
    } while (0)

/* ---- the server ------------------------------------------------------------------------------ */

static unsigned peers_live;

static void on_accepted(struct sim_peer *peer) {
    peers_live++;
    sim_peer_set_user(peer, malloc(1));
}

static void on_received(struct sim_peer *peer, const uint8_t *bytes, size_t count) {
    if (count)
        sim_peer_send(peer, bytes, count);
    else
        sim_peer_close(peer);
}

static void on_closed(struct sim_peer *peer) {
    peers_live--;
    free(sim_peer_user(peer));
}

static const struct sim_server_ops echo = {on_accepted, on_received, on_closed};

/* ---- the client ------------------------------------------------------------------------------ */

static void client_start(struct client *client);

static void client_finish(struct client *client) {
    client->ends++;
    ended++;
    answered += client->answered;
    EXPECT(client->ends == 1);
    for (unsigned i = 0; i < OPS; i++)
        EXPECT(!ring_op_busy(&client->op[i]));
    free(client->message);
    ring_timer_stop(&client->timer);
    free(client);
    if (waiting_count)
        client_start(waiting[--waiting_count]);
}

/* Ends what can be ended; closes once nothing is in flight any more. */
static void client_end(struct client *client) {
    bool busy = false;
    client->ending = true;
    for (unsigned i = 0; i < CLOSE; i++) {
        busy |= ring_op_busy(&client->op[i]);
        ring_cancel(ring, &client->op[i]);
    }
    if (busy || ring_op_busy(&client->op[CLOSE]))
        return;
    if (client->has_socket) {
        ring_close_slot(ring, &client->op[CLOSE], client->slot);
        return;
    }
    ring_slot_release(ring, client->slot);
    client_finish(client);
}

static void on_socket(struct ring_op *op, const struct ring_event *event) {
    struct client *client = CONTAINER_OF(op, struct client, op[SOCKET]);
    EXPECT(!event->more);
    client->has_socket = event->result == 0;
    if (event->result || client->ending)
        client_end(client);
}

static void on_sent(struct client *client) {
    free(client->message);
    client->message = NULL;
}

static void on_connect(struct ring_op *op, const struct ring_event *event) {
    struct client *client = CONTAINER_OF(op, struct client, op[CONNECT]);
    EXPECT(!event->more);
    if (event->result || client->ending) {
        client_end(client);
    } else if (client->quiet) {
        ring_send_quiet(ring, &client->op[SEND], client->slot, client->message, client->count);
        ring_recv(ring, &client->op[RECV], client->slot);
    }
}

static void on_send(struct ring_op *op, const struct ring_event *event) {
    struct client *client = CONTAINER_OF(op, struct client, op[SEND]);
    EXPECT(!event->more);
    EXPECT(event->result < 0 || (size_t)event->result == client->count);
    on_sent(client);
    if (event->result < 0 || client->ending)
        client_end(client);
}

static void on_recv(struct ring_op *op, const struct ring_event *event) {
    struct client *client = CONTAINER_OF(op, struct client, op[RECV]);
    EXPECT(event->more == (event->result > 0));
    for (unsigned i = 0; i < event->span_count; i++) {
        struct span span = event->span[i];
        EXPECT(client->got + span.len <= client->count);
        EXPECT(memcmp(client->expected + client->got, span.at, span.len) == 0);
        client->got += span.len;
    }
    client->answered = client->got == client->count;
    if (client->answered && client->quiet && !client->ending && ring_op_busy(&client->op[SEND])) {
        ring_op_settle(ring, &client->op[SEND]);
        on_sent(client);
    }
    if (!event->more || client->answered)
        client_end(client);
}

static void on_close(struct ring_op *op, const struct ring_event *event) {
    struct client *client = CONTAINER_OF(op, struct client, op[CLOSE]);
    EXPECT(!event->more && event->result == 0);
    client_finish(client);
}

static void on_timeout(struct ring_timer *timer) {
    struct client *client = CONTAINER_OF(timer, struct client, timer);
    client_end(client);
}

static void client_start(struct client *client) {
    static ring_done_fn *const done[OPS] = {on_socket, on_connect, on_send, on_recv, on_close};
    client->slot = ring_slot_acquire(ring);
    if (client->slot == RING_NO_SLOT) {
        waiting[waiting_count++] = client;
        return;
    }
    for (unsigned i = 0; i < OPS; i++)
        ring_op_init(&client->op[i], done[i]);
    ring_timer_init(&client->timer, on_timeout);
    ring_timer_set(ring, &client->timer, ring_now(ring) + GIVE_UP_S * NS_PER_S);
    ring_chain(ring, client->quiet ? 2 : 4);
    ring_socket(ring, &client->op[SOCKET], client->slot, AF_INET);
    ring_connect(ring, &client->op[CONNECT], client->slot, (const void *)&client->address,
                 sizeof client->address);
    if (!client->quiet) {
        ring_send(ring, &client->op[SEND], client->slot, client->message, client->count);
        ring_recv(ring, &client->op[RECV], client->slot);
    }
}

static struct client *client_new(struct random *random, unsigned number) {
    struct client *client = calloc(1, sizeof *client);
    assert_non_null(client);
    client->number = number;
    client->quiet = random_below(random, 2);
    client->count = 1 + random_below(random, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < client->count; i++)
        client->expected[i] = (uint8_t)random_next(random);
    client->message = malloc(client->count);
    assert_non_null(client->message);
    memcpy(client->message, client->expected, client->count);
    /* Most to the echo server, some where nobody listens or nobody answers. */
    uint32_t host = random_below(random, 8) ? 1 : (uint32_t)(2 + random_below(random, 2));
    client->address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0xc0000200u + host)}};
    return client;
}

static struct sim_report run(const struct sim_options *options) {
    struct ring_options ring_options;
    struct random random;
    seed_now = options->seed;
    ring_options_init(&ring_options, SLOTS);
    ring_options.slots = SLOTS;
    ring_options.buffer_bytes = 1024;
    sim_configure(options);
    sim_listen("192.0.2.1", 80, &echo, NULL);
    sim_blackhole("192.0.2.3");
    sim_force(forced, force_after, force_count);
    assert_int_equal(ring_open(&ring, &ring_options), 0);
    random_seed(&random, options->seed);
    ended = answered = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        client_start(client_new(&random, i));
    while (ended < CLIENTS)
        ring_turn(ring, true);
    EXPECT(ended == CLIENTS && waiting_count == 0);
    EXPECT(ring_slots_used(ring) == 0);
    ring_close(ring);
    EXPECT(peers_live == 0);
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0);
    return report;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_without_faults_all_are_answered(void **state) {
    struct sim_options options;
    (void)state;
    sim_options_init(&options, 3);
    struct sim_report report = run(&options);
    assert_int_equal(answered, report.accepted);
    assert_true(answered >= CLIENTS / 2);
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        assert_int_equal(report.faults[i], 0);
}

static void test_same_seed_same_schedule(void **state) {
    (void)state;
    unsigned same = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sim_options options;
        sim_options_swarm(&options, seed);
        struct sim_report first = run(&options), again = run(&options);
        assert_int_equal(first.trace, again.trace);
        assert_int_equal(first.turns, again.turns);
        assert_int_equal(first.now_ns, again.now_ns);
        /* The same mixture of faults, but other luck. */
        options.seed += 1000;
        same += run(&options).trace == first.trace;
    }
    assert_int_equal(same, 0);
}

static void test_every_fault_occurs_and_shows(void **state) {
    (void)state;
    for (unsigned fault = 0; fault < SIM_FAULT_COUNT; fault++) {
        struct sim_options options;
        sim_options_init(&options, 5);
        uint64_t calm = run(&options).trace;
        options.chance[fault] = 500;
        struct sim_report report = run(&options);
        assert_true(report.faults[fault] > 0);
        assert_true(report.trace != calm);
        for (unsigned other = 0; other < SIM_FAULT_COUNT; other++)
            assert_true(other == fault || !report.faults[other]);
    }
}

static void test_transparent_faults_harm_nobody(void **state) {
    static const enum sim_fault harmless[] = {SIM_FAULT_SHORT_PIECES, SIM_FAULT_DELAY,
                                              SIM_FAULT_REORDER,      SIM_FAULT_SEND_LATE,
                                              SIM_FAULT_NO_BUFFERS,   SIM_FAULT_LATE_TURN};
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sim_options options;
        sim_options_init(&options, seed);
        for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
            options.chance[harmless[i]] = 300;
        struct sim_report report = run(&options);
        EXPECT(answered == report.accepted);
    }
}

/* One failure, at every place where it can be. */
static void test_each_place_fails_once(void **state) {
    (void)state;
    for (unsigned fault = 0; fault < SIM_FAULT_COUNT; fault++) {
        for (unsigned after = 0;; after++) {
            struct sim_options options;
            sim_options_init(&options, 5);
            forced = (enum sim_fault)fault;
            force_after = after;
            force_count = 1;
            if (!run(&options).faults[fault])
                break;
        }
    }
    force_count = 0;
}

static void test_a_thousand_seeds(void **state) {
    struct sim_report sum = {0};
    unsigned all_answered = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_options options;
        sim_options_swarm(&options, seed);
        struct sim_report report = run(&options);
        for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
            sum.faults[i] += report.faults[i];
        sum.cancels_late += report.cancels_late;
        sum.settled_early += report.settled_early;
        all_answered += answered;
    }
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        assert_true(sum.faults[i] > SEEDS / 10);
    /* Neither may the faults be so frequent that nothing ever works, nor the races never happen. */
    assert_true(all_answered > SEEDS * CLIENTS / 5);
    assert_true(sum.cancels_late > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_faults_all_are_answered),
        cmocka_unit_test(test_same_seed_same_schedule),
        cmocka_unit_test(test_every_fault_occurs_and_shows),
        cmocka_unit_test(test_transparent_faults_harm_nobody),
        cmocka_unit_test(test_each_place_fails_once),
        cmocka_unit_test(test_a_thousand_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
