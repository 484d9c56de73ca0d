/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * floor_hosts.c: the least that asking many hosts once can cost: a new connection, a request and one receive for each.
 *
 *     floor_hosts PORT AT_ONCE COUNT PATH [METHOD]  hosts as floor_host (floor.h) counts them; GET or HEAD
 *
 * Everything that a host needs is one linked chain, and the close of a slot leads the next host's chain. Responses fit one
 * receive. At most 384 requests are on their way out at once: with thousands the listener's backlog would overflow, and the program
 * would time retransmissions.
 *
 * A ring's table holds no more descriptors than RLIMIT_NOFILE allows, so more at once are shared out among processes. Threads
 * were rejected: they would do the same with more words.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

enum {
    ANSWER_BYTES = 1024,
    ENTRIES = 8192,
    AT_ONCE_MAX = 19500,
    PROCESSES_MAX = 8,
    UNSENT_MAX = 384
};

struct visit {
    struct sockaddr_in server;
    char answer[ANSWER_BYTES];
};

struct job {
    struct io_uring ring;
    struct visit *visits;
    unsigned next, done, count;
    unsigned unsent;
    in_port_t port; /* network order */
    bool is_head;
    char request[256];
    size_t request_bytes;
};

/* Before it came floor_reserve for five entries: these four and the close of the slot's last visit. */
static void visit(struct job *job, unsigned slot) {
    unsigned step = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    struct visit *visit = &job->visits[slot];
    visit->server = floor_host(job->next++, job->port);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, slot, 0);
    floor_mark(sqe, step, slot, FLOOR_STEP);
    sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_connect(sqe, (int)slot, (struct sockaddr *)&visit->server, sizeof visit->server);
    floor_mark(sqe, step | IOSQE_FIXED_FILE, slot, FLOOR_STEP);
    sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_send(sqe, (int)slot, job->request, job->request_bytes,
                       MSG_NOSIGNAL | MSG_WAITALL);
    floor_mark(sqe, IOSQE_IO_LINK | IOSQE_FIXED_FILE, slot, FLOOR_STEP);
    job->unsent++;
    sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_recv(sqe, (int)slot, visit->answer, ANSWER_BYTES, 0);
    floor_mark(sqe, IOSQE_FIXED_FILE, slot, FLOOR_ANSWER);
}

static void on_answer(struct job *job, unsigned slot, int result) {
    struct visit *seen = &job->visits[slot];
    size_t body_bytes, head = 0;
    if (result > 0)
        head = floor_head(seen->answer, (size_t)result, &body_bytes);
    if (!head || head + (job->is_head ? 0 : body_bytes) != (size_t)result)
        floor_die(result < 0 ? -result : 0, "no whole answer");
    job->done++;
    floor_reserve(&job->ring, 5);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
    io_uring_prep_close_direct(sqe, slot);
    bool more = job->next < job->count;
    floor_mark(sqe, more ? IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS : IOSQE_CQE_SKIP_SUCCESS, slot,
               FLOOR_STEP);
    if (more)
        visit(job, slot);
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
            floor_die(-cqe->res, "visit %u", slot);
        else
            job->unsent--; /* of the steps only sends complete when all goes well */
    }
    io_uring_cq_advance(&job->ring, seen);
}

static void visit_all(struct job *job, unsigned at_once) {
    job->visits = calloc(at_once, sizeof *job->visits);
    if (!job->visits)
        floor_die(errno, "memory");
    floor_open(&job->ring, ENTRIES, at_once);
    unsigned slot = 0;
    while (job->done < job->count) {
        for (; slot < at_once && job->next < job->count && job->unsent < UNSENT_MAX; slot++) {
            floor_reserve(&job->ring, 5);
            visit(job, slot);
        }
        turn(job);
    }
}

/* Each process takes one stretch of the hosts; the first one waits for all. */
static int share_out(struct job *job, unsigned at_once) {
    unsigned processes = (at_once + AT_ONCE_MAX - 1) / AT_ONCE_MAX, count = job->count, bad = 0;
    for (unsigned i = 1; i < processes; i++) {
        job->count = (unsigned)((unsigned long long)count * i / processes);
        pid_t child = fork();
        if (child < 0)
            floor_die(errno, "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            job->done = job->next;
            visit_all(job, at_once / processes);
            return 0;
        }
        job->next = job->count;
    }
    job->count = count;
    job->done = job->next;
    visit_all(job, at_once - at_once / processes * (processes - 1));
    for (int status; wait(&status) > 0;)
        bad |= (unsigned)status;
    return bad ? 1 : 0;
}

int main(int argc, char **argv) {
    struct job job = {0};
    if (argc != 5 && argc != 6)
        floor_die(0, "usage: floor_hosts PORT AT_ONCE COUNT PATH [METHOD]");
    job.port = htons((uint16_t)floor_number(argv[1]));
    unsigned at_once = floor_number(argv[2]);
    job.count = floor_number(argv[3]);
    const char *method = argc == 6 ? argv[5] : "GET";
    job.is_head = strcmp(method, "HEAD") == 0;
    int bytes = snprintf(job.request, sizeof job.request,
                         "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", method, argv[4]);
    if (at_once == 0 || at_once > AT_ONCE_MAX * PROCESSES_MAX || bytes >= (int)sizeof job.request)
        floor_die(0, "1 to %d at once, and a shorter path", AT_ONCE_MAX * PROCESSES_MAX);
    job.request_bytes = (size_t)bytes;
    return share_out(&job, at_once);
}
