/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The queues of the io_uring ring under pressure: bytes in order through few buffers, full queues.
 */
#include "ring_testing.h"

static void chains_survive_a_small_queue(void **state) {
    (void)state;
    enum { CHAINS = 40 };
    static struct note made[CHAINS], connected[CHAINS], sent[CHAINS];
    struct sockaddr_in address;
    int32_t slots[CHAINS];
    options.entries = 8; /* the least */
    reopen();
    int listener = listen_anywhere(&address);
    for (int i = 0; i < CHAINS; i++) {
        slots[i] = ring_slot_acquire(ring);
        note_init(&made[i]);
        note_init(&connected[i]);
        note_init(&sent[i]);
        ring_chain(ring, 3);
        ring_socket(ring, &made[i].op, slots[i], AF_INET);
        ring_connect(ring, &connected[i].op, slots[i], (struct sockaddr *)&address, sizeof address);
        ring_send(ring, &sent[i].op, slots[i], "x", 1);
    }
    for (int i = 0; i < CHAINS; i++) {
        TURN_UNTIL(sent[i].finals == 1);
        assert_int_equal(sent[i].result, 1);
        assert_int_equal(connected[i].finals, 1);
    }
    for (int i = 0; i < CHAINS; i++)
        close_slot(slots[i]);
    close(listener);
}

static void send_is_whole_or_an_error(void **state) {
    (void)state;
    enum { BYTES = 8 << 20 };
    char *bytes = malloc(BYTES), *copy = malloc(BYTES);
    struct note sent;
    int peer;
    size_t done = 0;
    int32_t slot = connect_pair(&peer);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)pattern(i);
    note_init(&sent);
    ring_send(ring, &sent.op, slot, bytes, BYTES);
    while (done < BYTES) {
        ring_turn(ring, false);
        ssize_t n = recv(peer, copy + done, BYTES - done, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        done += n > 0 ? (size_t)n : 0;
    }
    TURN_UNTIL(sent.finals == 1);
    assert_int_equal(sent.result, BYTES);
    assert_memory_equal(bytes, copy, BYTES);

    note_init(&sent);
    ring_send(ring, &sent.op, slot, bytes, BYTES);
    settle_down();
    assert_int_equal(sent.finals, 0);
    close(peer); /* with unread bytes: a reset */
    TURN_UNTIL(sent.finals == 1);
    assert_true(sent.result == -ECONNRESET || sent.result == -EPIPE);
    close_slot(slot);
    free(bytes);
    free(copy);
}

/* Megabytes through small buffers, in many pieces, to several sockets at once. */
static void receive_a_lot(unsigned entries, unsigned buffers, unsigned buffer_bytes) {
    enum { SOCKETS = 5, BYTES = 3 << 20 };
    static struct note received[SOCKETS];
    int peers[SOCKETS];
    int32_t slots[SOCKETS];
    size_t sent[SOCKETS] = {0};
    uint8_t *bytes = malloc(BYTES);
    unsigned left = SOCKETS;
    options.entries = entries;
    options.buffers = buffers;
    options.buffer_bytes = buffer_bytes;
    reopen();
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = pattern(i);
    for (int i = 0; i < SOCKETS; i++) {
        slots[i] = connect_pair(&peers[i]);
        note_init(&received[i]);
        ring_recv(ring, &received[i].op, slots[i]);
    }
    for (unsigned seed = 1; left > 0; seed = seed * 1103515245 + 12345) {
        unsigned i = seed >> 16 & 7;
        if (i < SOCKETS && sent[i] < BYTES) {
            size_t part = (seed >> 8 & 0xffff) + 1;
            if (part > BYTES - sent[i])
                part = BYTES - sent[i];
            ssize_t n = send(peers[i], bytes + sent[i], part, MSG_DONTWAIT);
            sent[i] += n > 0 ? (size_t)n : 0;
            if (sent[i] == BYTES) {
                close(peers[i]);
                left--;
            }
        }
        ring_turn(ring, false);
    }
    for (int i = 0; i < SOCKETS; i++) {
        TURN_UNTIL(received[i].finals == 1);
        assert_int_equal(received[i].result, 0);
        assert_int_equal(received[i].bytes, BYTES);
        assert_false(received[i].is_pattern_wrong);
        close_slot(slots[i]);
    }
    free(bytes);
}

static void bytes_keep_their_order(void **state) {
    (void)state;
    receive_a_lot(64, 16, 1024);
    assert_true(ring_counts(ring).out_of_buffers > 0);
}

/* More buffers than completion queue entries: receives end because that queue is full. */
static void bytes_keep_their_order_in_a_full_queue(void **state) {
    (void)state;
    receive_a_lot(1, 256, 256);
}

/* Sockets that always have bytes, and one that has a few now and then. */
static void floods_leave_buffers_for_others(void **state) {
    (void)state;
    enum { FLOODS = 3, BYTES = 1 << 16 };
    static char bytes[BYTES];
    static struct note floods[FLOODS], modest;
    int peers[FLOODS], peer;
    int32_t slots[FLOODS];
    options.buffers = 4;
    options.buffer_bytes = 256;
    reopen();
    for (int i = 0; i < FLOODS; i++) {
        slots[i] = connect_pair(&peers[i]);
        note_init(&floods[i]);
        ring_recv(ring, &floods[i].op, slots[i]);
    }
    int32_t slot = connect_pair(&peer);
    note_init(&modest);
    ring_recv(ring, &modest.op, slot);
    settle_down();
    for (unsigned n = 1; n <= 20; n++) {
        uint64_t turns = ring_counts(ring).turns;
        write_all(peer, "hello", 5);
        while (modest.bytes < n * 5) {
            for (int i = 0; i < FLOODS; i++)
                send(peers[i], bytes, BYTES, MSG_DONTWAIT);
            ring_turn(ring, false);
            assert_true(ring_counts(ring).turns < turns + 10);
        }
    }
    assert_true(ring_counts(ring).out_of_buffers > 0);
    close(peer);
    TURN_UNTIL(modest.finals == 1);
    close_slot(slot);
    for (int i = 0; i < FLOODS; i++) {
        close(peers[i]);
        TURN_UNTIL(floods[i].finals == 1);
        close_slot(slots[i]);
    }
}

static void running_out_of_buffers_is_nobodys_end(void **state) {
    (void)state;
    enum { SOCKETS = 50, BYTES = 700 };
    static struct note received[SOCKETS];
    int peers[SOCKETS];
    int32_t slots[SOCKETS];
    uint8_t bytes[BYTES];
    options.buffers = 4;
    options.buffer_bytes = 256;
    reopen();
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = pattern(i);
    for (int i = 0; i < SOCKETS; i++) {
        slots[i] = connect_pair(&peers[i]);
        note_init(&received[i]);
        ring_recv(ring, &received[i].op, slots[i]);
    }
    settle_down();
    for (int i = 0; i < SOCKETS; i++)
        write_all(peers[i], bytes, BYTES);
    for (int i = 0; i < SOCKETS; i++) {
        TURN_UNTIL(received[i].bytes == BYTES);
        assert_false(received[i].is_pattern_wrong);
    }
    assert_true(ring_counts(ring).out_of_buffers > 0);
    for (int i = 0; i < SOCKETS; i++) {
        close(peers[i]);
        TURN_UNTIL(received[i].finals == 1);
        assert_int_equal(received[i].result, 0);
        close_slot(slots[i]);
    }
}

static void cancelled_while_waiting_for_a_buffer(void **state) {
    (void)state;
    enum { SOCKETS = 50 };
    static struct note received[SOCKETS];
    int peers[SOCKETS];
    int32_t slots[SOCKETS];
    options.buffers = 2;
    options.buffer_bytes = 256;
    reopen();
    for (int i = 0; i < SOCKETS; i++) {
        slots[i] = connect_pair(&peers[i]);
        note_init(&received[i]);
        ring_recv(ring, &received[i].op, slots[i]);
    }
    settle_down();
    for (int i = 0; i < SOCKETS; i++)
        write_all(peers[i], "many bytes", 10);
    while (ring_counts(ring).out_of_buffers == 0)
        ring_turn(ring, false);
    for (int i = 0; i < SOCKETS; i++) {
        ring_cancel(ring, &received[i].op);
        assert_int_equal(received[i].finals, 0);
    }
    for (int i = 0; i < SOCKETS; i++) {
        TURN_UNTIL(received[i].finals == 1);
        assert_int_equal(received[i].result, -ECANCELED);
        close(peers[i]);
        close_slot(slots[i]);
    }
}

/* More completions at once than the queue holds: none gets lost. */
static void completion_queue_overflows(void **state) {
    (void)state;
    enum { OPS = 300 };
    static struct note polls[OPS];
    int pipes[2];
    options.entries = 8; /* the least */
    reopen();
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    for (int i = 0; i < OPS; i++) {
        note_init(&polls[i]);
        ring_poll(ring, &polls[i].op, pipes[0], POLLIN);
    }
    for (int i = 0; i < OPS; i++) {
        TURN_UNTIL(polls[i].finals == 1);
        assert_int_equal(polls[i].result, POLLIN);
    }
    assert_true(ring_counts(ring).overflows > 0);
    close(pipes[0]);
    close(pipes[1]);
}

static int run(const char *name) {
    const struct CMUnitTest tests[] = {
        RING_TEST(chains_survive_a_small_queue),
        RING_TEST(send_is_whole_or_an_error),
        RING_TEST(bytes_keep_their_order),
        RING_TEST(bytes_keep_their_order_in_a_full_queue),
        RING_TEST(floods_leave_buffers_for_others),
        RING_TEST(running_out_of_buffers_is_nobodys_end),
        RING_TEST(cancelled_while_waiting_for_a_buffer),
        RING_TEST(completion_queue_overflows),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return run_all_ways(run);
}
