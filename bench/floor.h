/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * floor.h: what the floor programs share. A floor does the least that a work needs and nothing else: no URL is parsed, no
 * error is told from another, no limit is kept. Its cost is the kernel's plus a loop's, so the distance from it is what an
 * engine's own decisions cost. One thread, one ring, direct descriptors; any surprise ends the program with status 1.
 *
 * Sharing the engine's ring/ was rejected: a floor must not rise when the engine does.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What user_data holds: an index above, one of these below. */
enum floor_kind { FLOOR_STEP, FLOOR_ANSWER, FLOOR_KINDS };

static inline __attribute__((noreturn, format(printf, 2, 3))) void
floor_die(int error, const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    vfprintf(stderr, what, arguments);
    va_end(arguments);
    if (error)
        fprintf(stderr, ": %s", strerror(error));
    fputc('\n', stderr);
    exit(1);
}

static inline unsigned floor_number(const char *text) {
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || *end || end == text || number > 100000000)
        floor_die(0, "not a number that is of use here: %s", text);
    return (unsigned)number;
}

/* 127.1.0.1 to 127.1.0.250, 127.1.1.1 and so on, as lib/place.py lists them. `port` in network order. */
static inline struct sockaddr_in floor_host(unsigned index, in_port_t port) {
    enum { HOSTS_PER_NET = 250 };
    uint32_t address = 0x7f010000 + (index / HOSTS_PER_NET << 8) + index % HOSTS_PER_NET + 1;
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(address)};
}

static inline void floor_open(struct io_uring *ring, unsigned entries, unsigned slots) {
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                     .cq_entries = entries * 4};
    int result = io_uring_queue_init_params(entries, ring, &params);
    if (result == 0)
        result = io_uring_register_files_sparse(ring, slots);
    if (result < 0)
        floor_die(-result, "io_uring");
}

/* Room for a whole chain: one cut in two by a submission would lose its order. */
static inline void floor_reserve(struct io_uring *ring, unsigned count) {
    if (io_uring_sq_space_left(ring) < count)
        io_uring_submit(ring);
}

static inline void floor_mark(struct io_uring_sqe *sqe, unsigned flags, unsigned index,
                              enum floor_kind kind) {
    sqe->flags |= (unsigned char)flags;
    io_uring_sqe_set_data64(sqe, (unsigned long long)index * FLOOR_KINDS + kind);
}

/* The offset just past the response's head, 0 where it has not all come; *body_bytes is its Content-Length. */
static inline size_t floor_head(const char *buffer, size_t have, size_t *body_bytes) {
    static const char ok[] = "HTTP/1.1 200", field[] = "\r\nContent-Length: ";
    const char *end = memmem(buffer, have, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - buffer) + 4;
    const char *length = memmem(buffer, head, field, sizeof field - 1);
    if (memcmp(buffer, ok, sizeof ok - 1) != 0 || !length)
        floor_die(0, "not a response that is of use here: %.*s", (int)head, buffer);
    *body_bytes = strtoul(length + sizeof field - 1, NULL, 10);
    return head;
}

#endif
