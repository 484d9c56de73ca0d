/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A kernel that refuses to take or wait: io_uring_enter2 of this program stands before the library's and says EBUSY, EAGAIN
 * and EINTR at random. All tests of the queues' order must hold all the same.
 */
#include "base/hash.h"
#include "ring_testing.h"

#include <signal.h>
#include <sys/syscall.h>

int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned wanted, unsigned flags, sigset_t *arg,
                    size_t size);

static struct random chance;
static unsigned refusals;

int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned wanted, unsigned flags, sigset_t *arg,
                    size_t size) {
    static const int errors[] = {EBUSY, EAGAIN, EINTR};
    if (random_below(&chance, 3) == 0) {
        refusals++;
        return -errors[random_below(&chance, 3)];
    }
    long result = syscall(SYS_io_uring_enter, fd, to_submit, wanted, flags, arg, size);
    return result < 0 ? -errno : (int)result;
}

enum { CONNECTIONS = 30, ROUNDS = 50, MESSAGE = 100 };

struct client {
    struct note made, connected, sent, received, quiet;
    int32_t slot;
    int peer;
};

static struct client clients[CONNECTIONS];

static void connect_client(struct client *client, const struct sockaddr_in *address) {
    client->slot = ring_slot_acquire(ring);
    note_init(&client->made);
    note_init(&client->connected);
    note_init(&client->sent);
    note_init(&client->received);
    note_init(&client->quiet);
    ring_chain(ring, 4);
    ring_socket(ring, &client->made.op, client->slot, AF_INET);
    ring_connect(ring, &client->connected.op, client->slot, (const struct sockaddr *)address,
                 sizeof *address);
    ring_send(ring, &client->sent.op, client->slot, "x", 1);
    ring_recv(ring, &client->received.op, client->slot);
}

static void nothing_is_lost_or_misplaced(void **state) {
    (void)state;
    struct sockaddr_in address;
    uint8_t bytes[ROUNDS * MESSAGE], copy[4];
    options.entries = 8;
    options.buffers = 16;
    options.buffer_bytes = 64;
    reopen();
    int listener = listen_anywhere(&address);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    for (int i = 0; i < CONNECTIONS; i++)
        connect_client(&clients[i], &address);
    /* Whichever client's connection a listener hands out: all of them carry the same. */
    for (int i = 0; i < CONNECTIONS; i++) {
        TURN_UNTIL(clients[i].sent.finals == 1);
        assert_int_equal(clients[i].sent.result, 1);
        clients[i].peer = accept(listener, NULL, NULL);
        assert_int_equal(recv(clients[i].peer, copy, 1, 0), 1);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CONNECTIONS; i++) {
            write_all(clients[i].peer, bytes + round * MESSAGE, MESSAGE);
            ring_send_quiet(ring, &clients[i].quiet.op, clients[i].slot, "ping", 4);
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            TURN_UNTIL(clients[i].received.bytes == (round + 1) * MESSAGE);
            assert_false(clients[i].received.is_pattern_wrong);
            ring_op_settle(ring, &clients[i].quiet.op);
        }
        for (int i = 0; i < CONNECTIONS; i++)
            assert_int_equal(recv(clients[i].peer, copy, 4, MSG_WAITALL), 4);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(clients[i].peer);
    for (int i = 0; i < CONNECTIONS; i++) {
        TURN_UNTIL(clients[i].received.finals == 1);
        assert_int_equal(clients[i].received.result, 0);
        assert_int_equal(clients[i].quiet.events, 0);
        close_slot(clients[i].slot);
    }
    close(listener);
    assert_true(refusals > 100 && ring_counts(ring).busy > 10);
}

static int run(const char *name) {
    const struct CMUnitTest tests[] = {RING_TEST(nothing_is_lost_or_misplaced)};
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    random_seed(&chance, 1);
    return run_all_ways(run);
}
