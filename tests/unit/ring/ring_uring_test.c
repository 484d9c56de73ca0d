/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The io_uring ring against real loopback sockets. The other side is driven by plain calls of the same thread, so
 * every test is one sequence of events. All tests run with direct descriptors, with ordinary ones and without bundles.
 */
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

static void read_spans(struct note *note, const struct ring_event *event) {
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

static void on_done(struct ring_op *op, const struct ring_event *event) {
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

static void note_init(struct note *note) {
    memset(note, 0, sizeof *note);
    ring_op_init(&note->op, on_done);
}

static void give_up(struct ring_timer *timer) {
    (void)timer;
    fail_msg("waited in vain");
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        struct ring_timer limit_;                                                                  \
        ring_timer_init(&limit_, give_up);                                                         \
        ring_timer_set(ring, &limit_, clock_now_ns() + 5 * NS_PER_S);                              \
        while (!(condition))                                                                       \
            ring_turn(ring, true);                                                                 \
        ring_timer_stop(&limit_);                                                                  \
    } while (0)

static void settle_down(void) {
    for (int i = 0; i < 3; i++)
        ring_turn(ring, false);
}

static void open_ring(void) {
    assert_int_equal(ring_open(&ring, &options), 0);
}

static void close_ring(void) {
    assert_int_equal(ring_slots_used(ring), 0);
    ring_close(ring);
    ring = NULL;
}

static int setup(void **state) {
    (void)state;
    options = base_options;
    open_ring();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (ring)
        close_ring();
    return 0;
}

static void reopen(void) {
    close_ring();
    open_ring();
}

static void close_slot(int32_t slot) {
    struct note note;
    note_init(&note);
    ring_close_slot(ring, &note.op, slot);
    TURN_UNTIL(note.finals == 1);
    assert_int_equal(note.result, 0);
}

/* ---- the other side ------------------------------------------------------------------------------------- */

static int listen_anywhere(struct sockaddr_in *address) {
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
static int32_t connect_pair(int *peer) {
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

static void write_all(int fd, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = send(fd, (const char *)bytes + done, count - done, MSG_NOSIGNAL);
        assert_true(n > 0);
        done += (size_t)n;
    }
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

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

static void chains_survive_a_small_queue(void **state) {
    (void)state;
    enum { CHAINS = 40 };
    static struct note made[CHAINS], connected[CHAINS], sent[CHAINS];
    struct sockaddr_in address;
    int32_t slots[CHAINS];
    options.entries = 8;
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
    ring_op_settle(ring, &quiet.op); /* its failure comes too late */
    ring_send_quiet(ring, &quiet.op, slot, "ping", 4);
    TURN_UNTIL(quiet.finals == 3);
    settle_down();
    assert_int_equal(quiet.finals, 3);
    close_slot(slot);
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
    static char bytes[1 << 20];
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
    ring_cancel(ring, &sent.op);
    ring_cancel(ring, &large.op);
    TURN_UNTIL(sent.finals + received.finals + large.finals == 3);
    assert_int_equal(received.result, -ECANCELED);
    close(peer);
    close_slot(slot);
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
static void bytes_keep_their_order(void **state) {
    (void)state;
    enum { SOCKETS = 5, BYTES = 3 << 20 };
    static struct note received[SOCKETS];
    int peers[SOCKETS];
    int32_t slots[SOCKETS];
    size_t sent[SOCKETS] = {0};
    uint8_t *bytes = malloc(BYTES);
    unsigned left = SOCKETS;
    options.buffers = 16;
    options.buffer_bytes = 1024;
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
    assert_true(ring_counts(ring).out_of_buffers > 0);
    free(bytes);
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
    options.entries = 4;
    reopen();
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    for (int i = 0; i < OPS; i++) {
        note_init(&polls[i]);
        ring_poll(ring, &polls[i].op, pipes[0], POLLIN);
    }
    settle_down();
    assert_int_equal(write(pipes[1], "x", 1), 1);
    for (int i = 0; i < OPS; i++) {
        TURN_UNTIL(polls[i].finals == 1);
        assert_int_equal(polls[i].result, POLLIN);
    }
    close(pipes[0]);
    close(pipes[1]);
}

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

static void probe_finds_what_the_ring_uses(void **state) {
    (void)state;
    struct ring_features features;
    ring_probe(&features);
    assert_int_equal(features.error, 0);
    assert_true(features.ext_arg && features.buffer_rings && features.direct_descriptors);
    assert_true(features.multishot_recv && features.multishot_accept);
}

#define RING_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static int run(const char *name) {
    const struct CMUnitTest tests[] = {
        RING_TEST(chain_connects_sends_and_receives),
        RING_TEST(refused_connect_ends_the_whole_chain),
        RING_TEST(failed_socket_ends_the_whole_chain),
        RING_TEST(chains_survive_a_small_queue),
        RING_TEST(quiet_send_needs_no_completion),
        RING_TEST(cancelled_quiet_send_that_had_gone),
        RING_TEST(cancelled_quiet_send_that_waits),
        RING_TEST(quiet_send_reports_its_failure),
        RING_TEST(receive_is_cancelled),
        RING_TEST(unstarted_link_is_cancelled),
        RING_TEST(send_is_whole_or_an_error),
        RING_TEST(bytes_keep_their_order),
        RING_TEST(running_out_of_buffers_is_nobodys_end),
        RING_TEST(cancelled_while_waiting_for_a_buffer),
        RING_TEST(completion_queue_overflows),
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
        RING_TEST(timers_end_the_wait),
        RING_TEST(probe_finds_what_the_ring_uses),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
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
