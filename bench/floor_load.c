/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * floor_load.c: the least that keeping a server under load over keep-alive connections can cost on io_uring.
 *
 *     floor_load PORT CONNECTIONS SECONDS PATH         GET from 127.0.0.1; prints how many were answered
 *     floor_load PORT CONNECTIONS SECONDS PATH RATE    so many a second on schedule; prints how many, and how late they left
 *
 * Each connection sends its next request when as many bytes have come as the first answer had: responses are not parsed,
 * nothing is timed, and an answer that is wrong but as long counts. One multishot receive a connection takes provided
 * buffers; sends have no completion. The answer's length is learned from one request before the load.
 *
 * With a RATE, requests leave when they are due, on whichever connection was idle last; what is due while none is waits for
 * an answer, and the run lasts until all have left and were answered: what never leaves must not flatter the second number,
 * the 99th percentile of the microseconds between due and left. A request leaves when the submission that it is part of
 * begins. The kernel wakes it at the due time: polling the clock was rejected, as nobody who shares a core can do that.
 *
 * A linked send and receive for each request (floor_get.c) was rejected: it is twice the submissions.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

/* As many buffers as answers may wait in one turn, and of a size that a small answer fits. */
enum { BUFFERS = 4096, BUFFER_BYTES = 4096, GROUP = 0 };
enum { ENTRIES = 4096, CONNECTIONS_MAX = 10000, REQUEST_BYTES = 1024, SAMPLE_BYTES = 64 * 1024 };
enum { LATE_US = 1000 * 1000, NS_A_US = 1000, NS_A_S = 1000 * 1000 * 1000 };

struct load {
    struct io_uring ring;
    struct io_uring_buf_ring *free_buffers;
    char *buffers;
    struct sockaddr_in server;
    char request[REQUEST_BYTES];
    size_t request_bytes, answer_bytes;
    size_t *due; /* of each connection's answer */
    unsigned connection_count;
    unsigned long long done;
    unsigned *idle,
        idle_count; /* with a rate: connections that have their answer, the latest last */
};

/* Requests at a constant rate. */
struct schedule {
    unsigned long long start_ns, total, left;
    double gap_ns;
    unsigned
        *late; /* how many left so many microseconds after they were due; the last has the rest */
};

static unsigned long long now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (unsigned long long)time.tv_sec * NS_A_S + (unsigned long long)time.tv_nsec;
}

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory)
        floor_die(ENOMEM, "memory");
    return memory;
}

static void give_back(struct load *load, unsigned buffer) {
    io_uring_buf_ring_add(load->free_buffers, load->buffers + (size_t)buffer * BUFFER_BYTES,
                          BUFFER_BYTES, (unsigned short)buffer, BUFFERS - 1, 0);
    io_uring_buf_ring_advance(load->free_buffers, 1);
}

static void make_buffers(struct load *load) {
    void *ring;
    if (posix_memalign(&ring, 4096, BUFFERS * sizeof(struct io_uring_buf)) != 0 ||
        !(load->buffers = malloc((size_t)BUFFERS * BUFFER_BYTES)))
        floor_die(ENOMEM, "buffers");
    struct io_uring_buf_reg where = {
        .ring_addr = (uintptr_t)ring, .ring_entries = BUFFERS, .bgid = GROUP};
    int result = io_uring_register_buf_ring(&load->ring, &where, 0);
    if (result < 0)
        floor_die(-result, "provided buffers");
    load->free_buffers = ring;
    io_uring_buf_ring_init(load->free_buffers);
    for (unsigned buffer = 0; buffer < BUFFERS; buffer++)
        give_back(load, buffer);
}

/* One request by ordinary system calls: how long is an answer, head and all? */
static void learn(struct load *load) {
    char sample[SAMPLE_BYTES];
    size_t have = 0, head = 0, body = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&load->server, sizeof load->server) < 0 ||
        send(fd, load->request, load->request_bytes, MSG_NOSIGNAL) < 0)
        floor_die(errno, "the first request");
    while (!head || have < head + body) {
        ssize_t got = recv(fd, sample + have, sizeof sample - have, 0);
        if (got <= 0)
            floor_die(got < 0 ? errno : 0, "the first answer ended, or does not fit");
        have += (size_t)got;
        if (!head)
            head = floor_head(sample, have, &body);
    }
    close(fd);
    load->answer_bytes = head + body;
}

static struct io_uring_sqe *entry(struct load *load) {
    floor_reserve(&load->ring, 1);
    return io_uring_get_sqe(&load->ring);
}

static void ask(struct load *load, unsigned slot, unsigned more_flags) {
    struct io_uring_sqe *sqe = entry(load);
    io_uring_prep_send(sqe, (int)slot, load->request, load->request_bytes, MSG_NOSIGNAL);
    floor_mark(sqe, IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS | more_flags, slot, FLOOR_STEP);
    load->due[slot] = load->answer_bytes;
}

static void listen_to(struct load *load, unsigned slot) {
    struct io_uring_sqe *sqe = entry(load);
    io_uring_prep_recv_multishot(sqe, (int)slot, NULL, 0, 0);
    sqe->buf_group = GROUP;
    floor_mark(sqe, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT, slot, FLOOR_ANSWER);
}

static void begin(struct load *load, unsigned slot) {
    unsigned step = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    floor_reserve(&load->ring, 4);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&load->ring);
    io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, slot, 0);
    floor_mark(sqe, step, slot, FLOOR_STEP);
    sqe = io_uring_get_sqe(&load->ring);
    io_uring_prep_connect(sqe, (int)slot, (struct sockaddr *)&load->server, sizeof load->server);
    floor_mark(sqe, step | IOSQE_FIXED_FILE, slot, FLOOR_STEP);
    ask(load, slot, IOSQE_IO_LINK);
    listen_to(load, slot);
}

static void on_answered(struct load *load, unsigned slot) {
    load->done++;
    if (load->idle)
        load->idle[load->idle_count++] = slot;
    else
        ask(load, slot, 0);
}

static void on_answer(struct load *load, unsigned slot, const struct io_uring_cqe *cqe) {
    if (cqe->flags & IORING_CQE_F_BUFFER)
        give_back(load, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    if (cqe->res <= 0 && cqe->res != -ENOBUFS)
        floor_die(-cqe->res, "connection %u was closed", slot);
    if (cqe->res > 0) {
        if ((size_t)cqe->res > load->due[slot])
            floor_die(0, "an answer of another length");
        load->due[slot] -= (size_t)cqe->res;
        if (load->due[slot] == 0)
            on_answered(load, slot);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        listen_to(load, slot);
}

/* Submits, and waits for a completion, no longer than `limit` where there is one. */
static void turn(struct load *load, struct __kernel_timespec *limit) {
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    if (limit)
        io_uring_submit_and_wait_timeout(&load->ring, &cqe, 1, limit, NULL);
    else
        io_uring_submit_and_wait(&load->ring, 1);
    io_uring_for_each_cqe(&load->ring, head, cqe) {
        seen++;
        unsigned slot = (unsigned)(cqe->user_data / FLOOR_KINDS);
        if (cqe->user_data % FLOOR_KINDS == FLOOR_ANSWER)
            on_answer(load, slot, cqe);
        else if (cqe->res < 0)
            floor_die(-cqe->res, "connection %u", slot);
    }
    io_uring_cq_advance(&load->ring, seen);
}

static void closed_loop(struct load *load, unsigned seconds) {
    unsigned long long end = now_ns() + (unsigned long long)seconds * NS_A_S;
    for (unsigned slot = 0; slot < load->connection_count; slot++)
        begin(load, slot);
    while (now_ns() < end)
        turn(load, NULL);
}

/* ---- on schedule ------------------------------------------------------------------------------------------------ */

static unsigned long long due_ns(const struct schedule *schedule, unsigned long long number) {
    return schedule->start_ns + (unsigned long long)((double)number * schedule->gap_ns);
}

static void send_due(struct load *load, struct schedule *schedule) {
    unsigned long long first = schedule->left, now = now_ns();
    while (schedule->left < schedule->total && load->idle_count > 0 &&
           due_ns(schedule, schedule->left) <= now) {
        ask(load, load->idle[--load->idle_count], 0);
        schedule->left++;
    }
    now = now_ns();
    for (; first < schedule->left; first++) {
        unsigned long long late_us = (now - due_ns(schedule, first)) / NS_A_US;
        schedule->late[late_us < LATE_US ? late_us : LATE_US]++;
    }
}

static void wait_for_next(struct load *load, const struct schedule *schedule) {
    if (schedule->left == schedule->total || load->idle_count == 0) {
        turn(load, NULL);
        return;
    }
    unsigned long long due = due_ns(schedule, schedule->left), now = now_ns();
    unsigned long long left_ns = due > now ? due - now : 0;
    struct __kernel_timespec limit = {.tv_sec = (long long)(left_ns / NS_A_S),
                                      .tv_nsec = (long long)(left_ns % NS_A_S)};
    turn(load, &limit);
}

static unsigned p99_us(const struct schedule *schedule) {
    unsigned long long wanted = schedule->total - schedule->total / 100, seen = 0;
    unsigned us = 0;
    while (us < LATE_US && (seen += schedule->late[us]) < wanted)
        us++;
    return us;
}

/* Connections are opened, and made to answer once, before the first request is due. */
static unsigned open_loop(struct load *load, unsigned seconds, unsigned rate) {
    struct schedule schedule = {.total = (unsigned long long)seconds * rate,
                                .gap_ns = (double)NS_A_S / rate,
                                .late = zeroed(LATE_US + 1, sizeof *schedule.late)};
    load->idle = zeroed(load->connection_count, sizeof *load->idle);
    for (unsigned slot = 0; slot < load->connection_count; slot++)
        begin(load, slot);
    while (load->idle_count < load->connection_count)
        turn(load, NULL);
    load->done = 0;
    schedule.start_ns = now_ns();
    while (load->done < schedule.total) {
        send_due(load, &schedule);
        wait_for_next(load, &schedule);
    }
    return p99_us(&schedule);
}

/* ---- the start -------------------------------------------------------------------------------------------------- */

static void prepare(struct load *load, char **argv) {
    load->server = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)floor_number(argv[1])),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load->connection_count = floor_number(argv[2]);
    if (load->connection_count == 0 || load->connection_count > CONNECTIONS_MAX)
        floor_die(0, "1 to %d connections", CONNECTIONS_MAX);
    int bytes = snprintf(load->request, sizeof load->request,
                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", argv[4]);
    if (bytes >= (int)sizeof load->request)
        floor_die(0, "the path is too long");
    load->request_bytes = (size_t)bytes;
    load->due = zeroed(load->connection_count, sizeof *load->due);
    learn(load);
    floor_open(&load->ring, ENTRIES, load->connection_count);
    io_uring_register_ring_fd(&load->ring);
    make_buffers(load);
}

int main(int argc, char **argv) {
    struct load load = {0};
    if (argc != 5 && argc != 6)
        floor_die(0, "usage: floor_load PORT CONNECTIONS SECONDS PATH [RATE]");
    unsigned seconds = floor_number(argv[3]), rate = argc == 6 ? floor_number(argv[5]) : 0;
    if (argc == 6 && (rate == 0 || seconds == 0))
        floor_die(0, "a schedule wants a rate and some seconds");
    prepare(&load, argv);
    if (!rate) {
        closed_loop(&load, seconds);
        printf("%llu\n", load.done);
        return 0;
    }
    unsigned p99 = open_loop(&load, seconds, rate);
    printf("%llu %u\n", load.done, p99);
    return 0;
}
