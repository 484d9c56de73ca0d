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
#include "identity.h"
#include "keys.h"
#include "listen.h"
#include "pattern.h"
#include "serve_options.h"
#include "worker.h"

/* Sockets: of all rings together, and what a ring gets at least. Tables cost kernel memory even
 * while they are empty, and the descriptor limit is usually lower. */
enum { SLOTS_MAX = 2 * 1024 * 1024, SLOTS_MIN = 32768 };

/* ---- building ---------------------------------------------------------------------------------- */

static int fail(int status, const char *what, const char *name, int error) {
    options_refuse("serve", "%s%s%s: %s", what, *name ? " " : "", name, strerror(error));
    return status;
}

/* Ordinary descriptors: of a worker for its ring, its wake-ups and its listener, and of everything else. */
enum { WORKER_DESCRIPTORS = 4, OTHER_DESCRIPTORS = 64 };

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

/* How many workers there may be in the end. */
static unsigned workers_max(const struct serve_options *options, unsigned slots) {
    unsigned most = SLOTS_MAX / slots, affordable = slots / WORKER_DESCRIPTORS;
    struct rlimit limit;
    if (!options->grows)
        return options->threads;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        affordable = limit.rlim_cur > OTHER_DESCRIPTORS
                         ? (unsigned)((limit.rlim_cur - OTHER_DESCRIPTORS) / WORKER_DESCRIPTORS)
                         : 0;
    most = most < affordable ? most : affordable;
    return most > options->threads ? most : options->threads;
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

static int complain(int status, const char *why) {
    options_refuse("serve", "%s", why);
    return status;
}

/* `identity` NULL: plain HTTP. */
static int init_workers(struct server *server, const struct identity *identity) {
    char why[512] = "";
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_init(&server->workers[i], server);
        if (identity && worker_open_tls(&server->workers[i], &identity->tls, why, sizeof why) < 0)
            return complain(RF_LOCAL_FAULT, why);
    }
    return RF_OK;
}

static int open_workers(struct server *server, union listen_address *address, const char *scheme) {
    char url[LISTEN_URL_BYTES];
    int error = listen_claim(address);
    for (unsigned i = 0; i < server->worker_count && !error; i++) {
        int listener = listen_open(address);
        if (listener < 0) {
            error = -listener;
            break;
        }
        int refused = worker_open(&server->workers[i], listener);
        if (refused)
            return environment_fault(-refused);
    }
    listen_url(address, scheme, url);
    return error ? fail(RF_LOCAL_FAULT, "can't listen on", url, error) : RF_OK;
}

/* ---- running ----------------------------------------------------------------------------------- */

/* Before anything is left behind that must be removed in the end. */
static void block_signals(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void stop_at(const sigset_t *signals, struct identity *identity) {
    int got;
    sigwait(signals, &got);
    if (identity)
        identity_withdraw(identity);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second one ends it at once */
}

static void announce(const char *url, const struct identity *identity) {
    fprintf(stderr, "ringfetch serve: listening on %s\n", url);
    if (identity && *identity->ca_path)
        fprintf(stderr, "ringfetch serve: trust it with --cacert %s\n", identity->ca_path);
}

static void summarise(const struct server *server) {
    struct tally_sum sum = {0};
    for (unsigned i = 0; i < server->worker_count; i++)
        origin_tally_add(&sum, &server->workers[i].tally);
    fprintf(stderr,
            "ringfetch serve: %llu connections, %llu requests, at once at most %lld connections "
            "and %lld requests\n",
            (unsigned long long)sum.connections, (unsigned long long)sum.requests,
            (long long)atomic_load(&server->connections.most),
            (long long)atomic_load(&server->in_flight.most));
}

static int run(struct server *server, const sigset_t *signals, const char *url,
               struct identity *identity) {
    unsigned started = 0;
    int error = 0;
    unsigned count = server->worker_count;
    for (; started < count && !error; started += !error)
        error = origin_worker_start(&server->workers[started]);
    if (!error) {
        announce(url, identity);
        stop_at(signals, identity);
    }
    pthread_mutex_lock(&server->lock);
    server->is_ending = true;
    pthread_mutex_unlock(&server->lock);
    if (started == count)
        started = server->worker_count;
    for (unsigned i = 0; i < started; i++)
        worker_stop(&server->workers[i]);
    if (error)
        return fail(RF_ENVIRONMENT, "can't start a thread", "", error);
    summarise(server);
    for (unsigned i = 0; i < started; i++)
        worker_close(&server->workers[i]);
    return RF_OK;
}

/* `identity` NULL: plain HTTP. */
static int serve_as(struct server *server, const struct serve_options *options,
                    union listen_address *address, struct identity *identity,
                    const sigset_t *signals) {
    const char *scheme = identity ? "https" : "http";
    char url[LISTEN_URL_BYTES];
    server->tls = identity ? &identity->tls : NULL;
    int status = open_files(server, options);
    if (status == RF_OK)
        status = init_workers(server, identity);
    if (status == RF_OK)
        status = open_workers(server, address, scheme);
    if (status == RF_OK) {
        listen_url(address, scheme, url);
        status = run(server, signals, url, identity);
    }
    for (unsigned i = 0; i < server->worker_count; i++)
        origin_worker_deinit(&server->workers[i]);
    pool_depot_deinit(&server->depot);
    if (server->log && fflush(server->log) && status == RF_OK)
        status = fail(RF_LOCAL_FAULT, "--log", options->log, errno);
    return status;
}

static int serve_tls(struct server *server, const struct serve_options *options,
                     union listen_address *address, const sigset_t *signals) {
    static struct identity identity;
    char why[512] = "";
    int status = identity_init(&identity, options, address, why, sizeof why);
    status = status == RF_OK ? serve_as(server, options, address, &identity, signals)
                             : complain(status, why);
    identity_deinit(&identity);
    return status;
}

static int serve(struct server *server, const struct serve_options *options) {
    union listen_address address;
    sigset_t signals;
    if (!listen_address_parse(&address, options->address, options->port))
        return options_refuse("serve", "--address %s: not an IP address", options->address);
    block_signals(&signals);
    pattern_init();
    pool_depot_init(&server->depot);
    pthread_mutex_init(&server->lock, NULL);
    server->work_ns = options->work_us * UINT64_C(1000);
    atomic_init(&server->worker_count, options->threads);
    server->slots = slots_for(options->threads);
    server->workers_max = workers_max(options, server->slots);
    server->workers = calloc(server->workers_max, sizeof *server->workers);
    server->keys = keys_open();
    if (!server->workers || !server->keys)
        return fail(RF_ENVIRONMENT, "can't start", "", ENOMEM);
    return options->tls ? serve_tls(server, options, &address, &signals)
                        : serve_as(server, options, &address, NULL, &signals);
}

int cmd_serve(int argc, char **argv) {
    static struct server server;
    struct serve_options options;
    int status = serve_options_read(&options, argc, argv);
    if (status < 0) {
        status = serve(&server, &options);
        keys_close(server.keys);
        free(server.workers);
        if (server.directory > 0)
            close(server.directory);
    }
    serve_options_deinit(&options);
    return status;
}
