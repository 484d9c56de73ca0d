/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * serve.c: `ringfetch serve`: options, start and end of the origin. The main thread builds everything,
 * then sleeps until a signal comes; signals are blocked in all threads and fetched with sigwait, so no
 * handler is needed that could only do half of what has to be done.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ringfetch/ringfetch.h>

#include "../ringfetch/commands.h"
#include "../ringfetch/options.h"
#include "endpoints.h"
#include "keys.h"
#include "listen.h"
#include "pattern.h"
#include "worker.h"

/* Sockets: of all rings together, and what a ring gets at least. Tables cost kernel memory even
 * while they are empty, and the descriptor limit is usually lower. */
enum { SLOTS_MAX = 2 * 1024 * 1024, SLOTS_MIN = 32768 };

static const char usage[] =
    "Usage: ringfetch serve [options]\n"
    "A test origin: HTTP/1.1, good answers and bad ones. Ends with SIGINT or SIGTERM.\n"
    "  -p, --port N       8080; 0 picks a free one; the first line on stderr tells\n"
    "      --address ADDR 127.0.0.1; 0.0.0.0 or :: to be reached from elsewhere too,\n"
    "                     and from all of 127.0.0.0/8\n"
    "  -t, --threads N    one ring each (number of cores)\n"
    "      --dir DIR      what /file/ serves\n"
    "      --work-us N    computes for so long at each request\n"
    "      --log FILE     a line a request, - is stdout\n"
    "\n";
static const char examples[] = "\n"
                               "Examples:\n"
                               "  ringfetch serve --port 0 --threads 1 --log -\n"
                               "  ringfetch serve --address 0.0.0.0 --dir /usr/share/doc\n"
                               "  curl -i 'http://127.0.0.1:8080/redirect/3?code=307'\n";

struct serve_options {
    unsigned port, threads, work_us;
    const char *address, *directory, *log;
};

#define AT(member) .offset = offsetof(struct serve_options, member)
static const struct option_row rows[] = {
    {"port", 'p', OPTION_VALUE, option_count, AT(port), .max = 65535},
    {"address", 0, OPTION_VALUE, option_text, AT(address)},
    {"threads", 't', OPTION_VALUE, option_count, AT(threads), .min = 1, .max = 1024},
    {"dir", 0, OPTION_VALUE, option_text, AT(directory)},
    {"work-us", 0, OPTION_VALUE, option_count, AT(work_us), .max = 10000000},
    {"log", 0, OPTION_VALUE, option_text, AT(log)},
    {"tls", 0, OPTION_LATER, .take = NULL},
};

/* ---- building ---------------------------------------------------------------------------------- */

static int fail(int status, const char *what, const char *name, int error) {
    options_refuse("serve", "%s%s%s: %s", what, *name ? " " : "", name, strerror(error));
    return status;
}

/* Raises the descriptor limit as far as it goes: a ring's table may be as large. */
static unsigned slots_for(unsigned threads) {
    struct rlimit limit;
    unsigned wanted = SLOTS_MAX / threads > SLOTS_MIN ? SLOTS_MAX / threads : SLOTS_MIN;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur < wanted ? (unsigned)limit.rlim_cur : wanted;
}

static int open_files(struct server *server, const struct serve_options *options) {
    server->directory = -1;
    if (options->directory) {
        server->directory = open(options->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (server->directory < 0)
            return fail(RF_LOCAL_FAULT, "--dir", options->directory, errno);
    }
    if (options->log) {
        server->log = strcmp(options->log, "-") == 0 ? stdout : fopen(options->log, "ae");
        if (!server->log)
            return fail(RF_LOCAL_FAULT, "--log", options->log, errno);
        setvbuf(server->log, NULL, _IOLBF, BUFSIZ);
    }
    return RF_OK;
}

static int environment_fault(int error) {
    const char *remedy = error == EPERM    ? "io_uring is forbidden here: allow it with sysctl "
                                             "kernel.io_uring_disabled=0, or in the container's "
                                             "seccomp profile"
                         : error == ENOSYS ? "this kernel has no io_uring; 6.1 or later is needed"
                                           : strerror(error);
    options_refuse("serve", "%s", remedy);
    return RF_ENVIRONMENT;
}

static int open_workers(struct server *server, union listen_address *address, unsigned slots) {
    char url[LISTEN_URL_BYTES];
    int error = listen_claim(address);
    for (unsigned i = 0; i < server->worker_count && !error; i++) {
        int listener = listen_open(address);
        if (listener < 0) {
            error = -listener;
            break;
        }
        int refused = worker_open(&server->workers[i], server, listener, slots);
        if (refused)
            return environment_fault(-refused);
    }
    listen_url(address, url);
    return error ? fail(RF_LOCAL_FAULT, "can't listen on", url, error) : RF_OK;
}

/* ---- running ----------------------------------------------------------------------------------- */

static void stop_at(const sigset_t *signals) {
    int got;
    sigwait(signals, &got);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second one ends it at once */
}

static void summarise(const struct server *server) {
    struct tally_sum sum = {0};
    for (unsigned i = 0; i < server->worker_count; i++)
        tally_add(&sum, &server->workers[i].tally);
    fprintf(stderr,
            "ringfetch serve: %llu connections, %llu requests, at once at most %lld connections "
            "and %lld requests\n",
            (unsigned long long)sum.connections, (unsigned long long)sum.requests,
            (long long)atomic_load(&server->connections.most),
            (long long)atomic_load(&server->in_flight.most));
}

static int run(struct server *server, const union listen_address *address) {
    char url[LISTEN_URL_BYTES];
    unsigned started = 0;
    int error = 0;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (; started < server->worker_count && !error; started += !error)
        error = origin_worker_start(&server->workers[started]);
    listen_url(address, url);
    if (!error) {
        fprintf(stderr, "ringfetch serve: listening on %s\n", url);
        stop_at(&signals);
    }
    for (unsigned i = 0; i < started; i++)
        worker_stop(&server->workers[i]);
    if (error)
        return fail(RF_ENVIRONMENT, "can't start a thread", "", error);
    summarise(server);
    for (unsigned i = 0; i < started; i++)
        worker_close(&server->workers[i]);
    pool_depot_deinit(&server->depot);
    return RF_OK;
}

static int serve(struct server *server, const struct serve_options *options) {
    union listen_address address;
    if (!listen_address_parse(&address, options->address, options->port))
        return options_refuse("serve", "--address %s: not an IP address", options->address);
    unsigned slots = slots_for(options->threads);
    pattern_init();
    pool_depot_init(&server->depot);
    pthread_mutex_init(&server->lock, NULL);
    server->work_ns = options->work_us * UINT64_C(1000);
    server->worker_count = options->threads;
    server->workers = calloc(options->threads, sizeof *server->workers);
    server->keys = keys_open();
    if (!server->workers || !server->keys)
        return fail(RF_ENVIRONMENT, "can't start", "", ENOMEM);
    int status = open_files(server, options);
    if (status == RF_OK)
        status = open_workers(server, &address, slots);
    if (status == RF_OK)
        status = run(server, &address);
    if (server->log && fflush(server->log) && status == RF_OK)
        status = fail(RF_LOCAL_FAULT, "--log", options->log, errno);
    return status;
}

int cmd_serve(int argc, char **argv) {
    static struct server server;
    char help[sizeof usage + sizeof examples + 4096];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct serve_options options = {
        .port = 8080, .threads = cores > 0 ? (unsigned)cores : 1, .address = "127.0.0.1"};
    snprintf(help, sizeof help, "%s%s%s", usage, endpoints_help, examples);
    const struct option_table table = {"serve", help, rows, sizeof rows / sizeof *rows, NULL};
    int status = options_read(&table, argc, argv, &options);
    if (status >= 0)
        return status;
    status = serve(&server, &options);
    keys_close(server.keys);
    free(server.workers);
    if (server.directory > 0)
        close(server.directory);
    return status;
}
