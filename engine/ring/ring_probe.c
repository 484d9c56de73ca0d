/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ring_probe.c: what the kernel's io_uring can do, found out by doing it on a scratch ring, for distributions port features
 * back and security modules take them away, whatever uname says. Any thread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring/ring_private.h"

enum { PROBE_ENTRIES = 4 };

/* Submits one entry and waits for its completion: an operation the kernel doesn't know fails at once. */
static int try_sqe(struct io_uring *uring, const struct io_uring_sqe *entry) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
    struct io_uring_cqe *cqe;
    struct __kernel_timespec limit = {.tv_sec = 1};
    *sqe = *entry;
    int error = io_uring_submit(uring);
    if (error < 0)
        return error;
    error = io_uring_wait_cqe_timeout(uring, &cqe, &limit);
    if (error)
        return error;
    int result = cqe->res;
    io_uring_cqe_seen(uring, cqe);
    return result;
}

static bool try_flags(unsigned flags) {
    struct io_uring uring;
    if (io_uring_queue_init(PROBE_ENTRIES, &uring, flags))
        return false;
    io_uring_queue_exit(&uring);
    return true;
}

static bool try_socket_options(struct io_uring *uring) {
    static const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int result =
        try_sqe(uring, &(struct io_uring_sqe){.opcode = IORING_OP_URING_CMD,
                                              .fd = fd,
                                              .cmd_op = RING_CMD_SETSOCKOPT,
                                              .addr = (uint64_t)TCP_NODELAY << 32 | IPPROTO_TCP,
                                              .file_index = sizeof on,
                                              .addr3 = (uint64_t)(uintptr_t)&on});
    close(fd);
    return result == 0;
}

static bool try_buffer_ring(struct io_uring *uring, struct buffers *buffers) {
    bool works = buffers_open(buffers, uring, 2, 4096) == 0;
    return works;
}

/* On an unconnected socket a receive that the kernel understands says ENOTCONN, any other EINVAL. */
static bool try_receive(struct io_uring *uring, unsigned flags) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int result = try_sqe(uring, &(struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                                       .flags = IOSQE_BUFFER_SELECT,
                                                       .ioprio = (uint16_t)flags,
                                                       .fd = fd});
    close(fd);
    return result == -ENOTCONN;
}

/* On a socket that doesn't listen: EINVAL is accept's own answer to that, so a listener with somebody waiting it is. */
static bool try_multishot_accept(struct io_uring *uring) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = -EINVAL;
    if (listener >= 0 && client >= 0 &&
        bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&address, &len) == 0 &&
        connect(client, (struct sockaddr *)&address, len) == 0)
        result = try_sqe(uring, &(struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
                                                       .ioprio = IORING_ACCEPT_MULTISHOT,
                                                       .fd = listener,
                                                       .accept_flags = SOCK_CLOEXEC});
    if (result >= 0)
        close(result);
    if (client >= 0)
        close(client);
    if (listener >= 0)
        close(listener);
    return result >= 0;
}

void ring_probe(struct ring_features *features) {
    struct io_uring uring;
    struct buffers buffers;
    memset(features, 0, sizeof *features);
    int error = io_uring_queue_init(PROBE_ENTRIES, &uring, 0);
    if (error) {
        features->error = -error;
        return;
    }
    features->single_issuer = try_flags(IORING_SETUP_SINGLE_ISSUER);
    features->defer_taskrun = try_flags(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    features->ext_arg = uring.features & IORING_FEAT_EXT_ARG;
    features->min_wait = uring.features & RING_FEAT_MIN_WAIT;
    features->direct_descriptors = io_uring_register_files_sparse(&uring, 1) == 0;
    features->buffer_rings = try_buffer_ring(&uring, &buffers);
    features->multishot_recv = features->buffer_rings && try_receive(&uring, IORING_RECV_MULTISHOT);
    features->bundles = uring.features & RING_FEAT_BUNDLE &&
                        try_receive(&uring, IORING_RECV_MULTISHOT | RING_RECV_BUNDLE);
    features->multishot_accept = try_multishot_accept(&uring);
    features->socket_options = try_socket_options(&uring);
    buffers_close(&buffers, &uring);
    io_uring_queue_exit(&uring);
}

static bool socket_options_found;

static void find_socket_options(void) {
    struct io_uring uring;
    if (io_uring_queue_init(PROBE_ENTRIES, &uring, 0))
        return;
    socket_options_found = try_socket_options(&uring);
    io_uring_queue_exit(&uring);
}

bool ring_has_socket_options(unsigned feature_bits) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (feature_bits & RING_FEAT_BUNDLE)
        return true; /* the later of the two, and a bit to read */
    pthread_once(&once, find_socket_options);
    return socket_options_found;
}

/* liburing before 2.4 has no version macros, so the build asks pkg-config. */
#ifndef LIBURING_VERSION
#define LIBURING_VERSION "unknown"
#endif

const char *ring_library(void) {
    return LIBURING_VERSION;
}
