/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * floor_get.c: the least that fetching many small files over keep-alive connections can cost, and writing each one.
 *
 *     floor_get PORT CONNECTIONS COUNT DIR [whole]      GET /f/0.bin and so on from 127.0.0.1; DIR "-" writes nowhere
 *
 * A request is a linked send and receive, a file is created under its final name, written at once and closed by ordinary
 * system calls: docs/decisions/ has the measurement that shows them to be the cheapest way. With `whole` it gets its name
 * when it is complete, as ringfetch does it. Bodies fit the buffer.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include "floor.h"

enum { BUFFER_BYTES = 64 * 1024, REQUEST_BYTES = 96, ENTRIES = 4096, CONNECTIONS_MAX = 1000 };

struct connection {
    unsigned file;
    size_t have, head_bytes, body_bytes; /* head_bytes is 0 until the head has come */
    char request[REQUEST_BYTES];
    char buffer[BUFFER_BYTES];
};

struct job {
    struct io_uring ring;
    struct sockaddr_in server;
    struct connection *connections;
    unsigned connection_count, next, done, count;
    int directory; /* negative: write nowhere */
    bool whole;    /* a file is there whole or not at all */
};

static void receive(struct job *job, unsigned slot) {
    struct connection *connection = &job->connections[slot];
    struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_recv(sqe, (int)slot, connection->buffer + connection->have,
                       BUFFER_BYTES - connection->have, 0);
    floor_mark(sqe, IOSQE_FIXED_FILE, slot, FLOOR_ANSWER);
}

static void ask(struct job *job, unsigned slot) {
    struct connection *connection = &job->connections[slot];
    connection->file = job->next++;
    connection->have = connection->head_bytes = 0;
    int bytes = snprintf(connection->request, REQUEST_BYTES,
                         "GET /f/%u.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", connection->file);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_send(sqe, (int)slot, connection->request, (size_t)bytes,
                       MSG_NOSIGNAL | MSG_WAITALL);
    floor_mark(sqe, IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS, slot, FLOOR_STEP);
    receive(job, slot);
}

static void begin(struct job *job, unsigned slot) {
    unsigned step = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    floor_reserve(&job->ring, 4);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, slot, 0);
    floor_mark(sqe, step, slot, FLOOR_STEP);
    sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_connect(sqe, (int)slot, (struct sockaddr *)&job->server, sizeof job->server);
    floor_mark(sqe, step | IOSQE_FIXED_FILE, slot, FLOOR_STEP);
    ask(job, slot);
}

static void save(struct job *job, const struct connection *connection) {
    char name[32];
    snprintf(name, sizeof name, "%u.bin", connection->file);
    int file = openat(job->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        floor_die(errno, "%s", name);
    ssize_t written =
        write(file, connection->buffer + connection->head_bytes, connection->body_bytes);
    if (written < 0 || (size_t)written != connection->body_bytes || close(file) < 0)
        floor_die(errno, "%s", name);
}

/* Nobody sees it under its name before it is whole: one system call more. */
static void save_whole(struct job *job, const struct connection *connection) {
    char name[32];
    snprintf(name, sizeof name, "%u.bin", connection->file);
    int file = openat(job->directory, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
    if (file < 0)
        floor_die(errno, "%s", name);
    ssize_t written =
        write(file, connection->buffer + connection->head_bytes, connection->body_bytes);
    if (written < 0 || (size_t)written != connection->body_bytes ||
        linkat(file, "", job->directory, name, AT_EMPTY_PATH) < 0 || close(file) < 0)
        floor_die(errno, "%s", name);
}

static void on_answer(struct job *job, unsigned slot, int result) {
    struct connection *connection = &job->connections[slot];
    if (result <= 0)
        floor_die(-result, "receive");
    connection->have += (size_t)result;
    if (!connection->head_bytes)
        connection->head_bytes =
            floor_head(connection->buffer, connection->have, &connection->body_bytes);
    floor_reserve(&job->ring, 2);
    if (!connection->head_bytes ||
        connection->have < connection->head_bytes + connection->body_bytes) {
        if (connection->have == BUFFER_BYTES)
            floor_die(0, "a body that does not fit the buffer");
        receive(job, slot);
        return;
    }
    if (job->directory >= 0 && job->whole)
        save_whole(job, connection);
    else if (job->directory >= 0)
        save(job, connection);
    job->done++;
    if (job->next < job->count)
        ask(job, slot);
}

static void turn(struct job *job) {
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_submit_and_wait(&job->ring, 1);
    io_uring_for_each_cqe(&job->ring, head, cqe) {
        seen++;
        unsigned slot = (unsigned)(cqe->user_data / FLOOR_KINDS);
        if (cqe->user_data % FLOOR_KINDS == FLOOR_ANSWER)
            on_answer(job, slot, cqe->res);
        else if (cqe->res < 0)
            floor_die(-cqe->res, "connection %u", slot);
    }
    io_uring_cq_advance(&job->ring, seen);
}

int main(int argc, char **argv) {
    struct job job = {.directory = -1};
    job.whole = argc == 6 && strcmp(argv[5], "whole") == 0;
    if (argc != 5 + job.whole)
        floor_die(0, "usage: floor_get PORT CONNECTIONS COUNT DIR|- [whole]");
    job.server = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)floor_number(argv[1])),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    job.connection_count = floor_number(argv[2]);
    job.count = floor_number(argv[3]);
    if (job.connection_count == 0 || job.connection_count > CONNECTIONS_MAX)
        floor_die(0, "1 to %d connections", CONNECTIONS_MAX);
    if (strcmp(argv[4], "-") != 0 &&
        (job.directory = open(argv[4], O_DIRECTORY | O_RDONLY | O_CLOEXEC)) < 0)
        floor_die(errno, "%s", argv[4]);
    job.connections = calloc(job.connection_count, sizeof *job.connections);
    if (!job.connections)
        floor_die(errno, "memory");
    floor_open(&job.ring, ENTRIES, job.connection_count);
    for (unsigned slot = 0; slot < job.connection_count && job.next < job.count; slot++)
        begin(&job, slot);
    while (job.done < job.count)
        turn(&job);
    return 0;
}
