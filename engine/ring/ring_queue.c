/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_queue.c: turns operations into submission queue entries. Runs in the ring's thread, in upcalls mostly, so nothing
 * here makes an upcall: what fails at once is posted for the turn to complete. Entries are written whole, with a
 * compound literal, as the kernel refuses stray fields; liburing's helpers would write most fields twice.
 *
 * With ordinary descriptors socket(2) is called right here and a no-op stands for it in the chain; the no-op can't
 * fail, so when socket(2) does the rest of the chain is posted as cancelled and never reaches the kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "ring/ring_private.h"

void ring_op_init(struct ring_op *op, ring_done_fn *done) {
    *op = (struct ring_op){.done = done};
    list_init(&op->link);
}

bool ring_op_busy(const struct ring_op *op) {
    return op->state != 0;
}

void ring_chain(struct ring *ring, unsigned count) {
    CHECK(ring->chain_left == 0 && count > 0 && count <= RING_CHAIN_MAX);
    if (io_uring_sq_space_left(&ring->uring) < count)
        ring_flush(ring, count);
    ring->chain_left = count;
    ring->chain_failed = false;
}

/* Whether the op goes to the kernel, and with which flags; the rest of a broken chain doesn't. */
static inline bool begin(struct ring *ring, struct ring_op *op, enum op_code code, uint8_t *flags) {
    CHECK_HOT(op->state == 0);
    op->code = (uint8_t)code;
    *flags = 0;
    if (ring->chain_left > 0) {
        ring->chain_left--;
        if (UNLIKELY(ring->chain_failed)) {
            ring_post(ring, op, -ECANCELED);
            return false;
        }
        if (ring->chain_left > 0)
            *flags = IOSQE_IO_LINK;
    }
    op->state = OP_IN_FLIGHT;
    op->generation = ++ring->generation;
    return true;
}

static inline uint64_t user_data(const struct ring_op *op) {
    return user_data_of(op, op->generation, TAG_OP);
}

static void socket_ordinary(struct ring *ring, struct ring_op *op, int32_t slot, int family) {
    uint8_t flags;
    if (!begin(ring, op, OP_SOCKET, &flags))
        return;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        ring->chain_failed = ring->chain_left > 0;
        op->state = 0;
        ring_post(ring, op, -errno);
        return;
    }
    ring->slots.fds[slot] = fd;
    *ring_sqe(ring) =
        (struct io_uring_sqe){.opcode = IORING_OP_NOP, .flags = flags, .user_data = user_data(op)};
}

void ring_socket(struct ring *ring, struct ring_op *op, int32_t slot, int family) {
    uint8_t flags;
    if (ring->ordinary) {
        socket_ordinary(ring, op, slot, family);
        return;
    }
    if (!begin(ring, op, OP_SOCKET, &flags))
        return;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_SOCKET,
                                            .flags = flags,
                                            .fd = family,
                                            .off = SOCK_STREAM,
                                            .file_index = (uint32_t)slot + 1,
                                            .user_data = user_data(op)};
}

void ring_connect(struct ring *ring, struct ring_op *op, int32_t slot,
                  const struct sockaddr *address, socklen_t len) {
    uint8_t flags;
    if (!begin(ring, op, OP_CONNECT, &flags))
        return;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
                                            .flags = flags | slot_flag(ring),
                                            .fd = slot_fd(ring, slot),
                                            .addr = (uint64_t)(uintptr_t)address,
                                            .off = len,
                                            .user_data = user_data(op)};
}

void ring_send(struct ring *ring, struct ring_op *op, int32_t slot, const void *bytes,
               size_t count) {
    uint8_t flags;
    CHECK(count <= INT32_MAX);
    if (!begin(ring, op, OP_SEND, &flags))
        return;
    op->slot = (int32_t)count;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_SEND,
                                            .flags = flags | slot_flag(ring),
                                            .fd = slot_fd(ring, slot),
                                            .addr = (uint64_t)(uintptr_t)bytes,
                                            .len = (uint32_t)count,
                                            .msg_flags = MSG_WAITALL | MSG_NOSIGNAL,
                                            .user_data = user_data(op)};
}

static void grow_quiet(struct ring *ring) {
    uint32_t size = ring->quiet_size ? ring->quiet_size * 2 : 64;
    ring->quiet = realloc(ring->quiet, size * sizeof *ring->quiet);
    CHECK(ring->quiet);
    for (uint32_t i = ring->quiet_size; i < size; i++)
        ring->quiet[i] = (struct quiet_send){.next_free = i + 1};
    ring->quiet_size = size;
}

void ring_send_quiet(struct ring *ring, struct ring_op *op, int32_t slot, const void *bytes,
                     size_t count) {
    CHECK_HOT(op->state == 0 && ring->chain_left == 0 && count <= RING_QUIET_BYTES);
    if (UNLIKELY(ring->quiet_free == ring->quiet_size))
        grow_quiet(ring);
    uint32_t index = ring->quiet_free;
    struct quiet_send *quiet = &ring->quiet[index];
    ring->quiet_free = quiet->next_free;
    quiet->op = op;
    quiet->count = (uint16_t)count;
    quiet->generation = ++ring->generation;
    op->code = OP_SEND_QUIET;
    op->state = OP_IN_FLIGHT;
    op->slot = (int32_t)index;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_SEND,
                                            .flags = IOSQE_CQE_SKIP_SUCCESS | slot_flag(ring),
                                            .fd = slot_fd(ring, slot),
                                            .addr = (uint64_t)(uintptr_t)bytes,
                                            .len = (uint32_t)count,
                                            .msg_flags = MSG_WAITALL | MSG_NOSIGNAL,
                                            .user_data = user_data_quiet(index, quiet->generation)};
}

void ring_arm_recv(struct ring *ring, struct ring_op *op, uint8_t flags, uint16_t extra) {
    *ring_sqe(ring) =
        (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                              .flags = (uint8_t)(flags | slot_flag(ring) | IOSQE_BUFFER_SELECT),
                              .ioprio = (uint16_t)(IORING_RECV_MULTISHOT |
                                                   (ring->bundles ? RING_RECV_BUNDLE : 0) | extra),
                              .fd = slot_fd(ring, op->slot),
                              .user_data = user_data(op)};
}

void ring_recv(struct ring *ring, struct ring_op *op, int32_t slot) {
    uint8_t flags;
    if (!begin(ring, op, OP_RECV, &flags))
        return;
    CHECK_HOT(!(flags & IOSQE_IO_LINK));
    op->slot = slot;
    /* What was asked for a moment ago is hardly there yet: looking first would cost more than waiting. */
    ring_arm_recv(ring, op, flags, IORING_RECVSEND_POLL_FIRST);
}

void ring_close_slot(struct ring *ring, struct ring_op *op, int32_t slot) {
    uint8_t flags;
    CHECK(ring->chain_left == 0);
    begin(ring, op, OP_CLOSE, &flags);
    op->slot = slot;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_CLOSE,
                                            .fd = ring->ordinary ? ring->slots.fds[slot] : 0,
                                            .file_index = ring->ordinary ? 0 : (uint32_t)slot + 1,
                                            .user_data = user_data(op)};
    if (ring->ordinary)
        ring->slots.fds[slot] = -1;
}

void ring_shutdown(struct ring *ring, struct ring_op *op, int32_t slot) {
    uint8_t flags;
    if (!begin(ring, op, OP_SHUTDOWN, &flags))
        return;
    *ring_sqe(ring) = (struct io_uring_sqe){.opcode = IORING_OP_SHUTDOWN,
                                            .flags = flags | slot_flag(ring),
                                            .fd = slot_fd(ring, slot),
                                            .len = SHUT_WR,
                                            .user_data = user_data(op)};
}

void ring_poll(struct ring *ring, struct ring_op *op, int fd, unsigned events) {
    uint8_t flags;
    if (!begin(ring, op, OP_POLL, &flags))
        return;
    struct io_uring_sqe *sqe = ring_sqe(ring);
    io_uring_prep_poll_add(sqe, fd, events);
    sqe->flags = flags;
    sqe->user_data = user_data(op);
}

void ring_rearm_waiting(struct ring *ring) {
    struct link *fed;
    while ((fed = list_pop_front(&ring->fed)))
        list_push_back(&ring->waiting, fed);
    /* More than there are buffers would only come back. */
    for (unsigned n = ring->buffers.count; n > 0; n--) {
        struct link *link = list_pop_front(&ring->waiting);
        if (!link)
            return;
        struct ring_op *op = LIST_ENTRY(link, struct ring_op, link);
        op->state = OP_IN_FLIGHT;
        ring_arm_recv(ring, op, 0, 0);
    }
}

static bool set_option(struct ring *ring, int32_t slot, int level, int name, const void *value,
                       socklen_t len) {
    if (ring->ordinary)
        return setsockopt(ring->slots.fds[slot], level, name, value, len) == 0;
    if (!ring->socket_options)
        return false;
    CHECK_HOT(ring->chain_left == 0);
    *ring_sqe(ring) =
        (struct io_uring_sqe){.opcode = IORING_OP_URING_CMD,
                              .flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS,
                              .fd = slot,
                              .cmd_op = RING_CMD_SETSOCKOPT,
                              .addr = (uint64_t)(uint32_t)name << 32 | (uint32_t)level,
                              .file_index = len,                   /* the place of optlen */
                              .addr3 = (uint64_t)(uintptr_t)value, /* of optval */
                              .user_data = TAG_IGNORED};
    return true;
}

bool ring_nodelay(struct ring *ring, int32_t slot) {
    static const int on = 1;
    return set_option(ring, slot, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool ring_abortive(struct ring *ring, int32_t slot) {
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    return set_option(ring, slot, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool ring_narrow(struct ring *ring, int32_t slot) {
    static const int half = RING_NARROW_BYTES / 2; /* the kernel doubles it */
    return set_option(ring, slot, SOL_SOCKET, SO_RCVBUF, &half, sizeof half);
}
