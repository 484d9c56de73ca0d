/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_worker_test.c: a load's worker on the real ring, with a small server in threads: what the simulated network can't show. Messages
 * larger than a socket's buffer, UNIX sockets, IPv6, source addresses, expectations, wake-ups in time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "load/load.h"

enum { BODY_BYTES = 1000, UPLOAD_BYTES = 3 << 20, THREADS_MAX = 64 };

/* ---- a server --------------------------------------------------------------------------------------- */

static struct server {
    sa_family_t family;
    int listener;
    uint16_t port;
    char path[64];
    pthread_t acceptor, thread[THREADS_MAX];
    unsigned threads;
    struct sockaddr_storage peer; /* the last one's */
} server;

/* Reads until a request's head and body are whole, and leaves what lies beyond. False: the end. */
static bool read_request(int fd, char **in, size_t *len) {
    static const size_t room = UPLOAD_BYTES + 65536;
    if (!*in)
        *in = malloc(room);
    for (;;) {
        char *end = memmem(*in, *len, "\r\n\r\n", 4);
        if (end) {
            size_t head = (size_t)(end + 4 - *in);
            char *field = memmem(*in, head, "Content-Length: ", 16);
            size_t whole = head + (field ? strtoul(field + 16, NULL, 10) : 0);
            if (*len >= whole) {
                memmove(*in, *in + whole, *len - whole);
                *len -= whole;
                return true;
            }
        }
        ssize_t got = recv(fd, *in + *len, room - *len, 0);
        if (got <= 0)
            return false;
        *len += (size_t)got;
    }
}

static void *serve(void *argument) {
    int fd = *(int *)argument;
    char answer[BODY_BYTES + 256], *in = NULL;
    size_t len = 0;
    int head = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nServer: a\x1b[1mthread\r\nContent-Type: text/html\r\n"
                        "Content-Length: %d\r\n\r\n<title>A page</title>",
                        BODY_BYTES + 21);
    memset(answer + head, 'b', BODY_BYTES);
    free(argument);
    while (read_request(fd, &in, &len))
        if (send(fd, answer, (size_t)head + BODY_BYTES, MSG_NOSIGNAL) < 0)
            break;
    free(in);
    close(fd);
    return NULL;
}

static void *accept_all(void *argument) {
    (void)argument;
    for (;;) {
        socklen_t len = sizeof server.peer;
        int *fd = malloc(sizeof *fd);
        *fd = accept(server.listener, (struct sockaddr *)&server.peer, &len);
        if (*fd < 0 || server.threads == THREADS_MAX) {
            free(fd);
            return NULL;
        }
        pthread_create(&server.thread[server.threads++], NULL, serve, fd);
    }
}

/* Where it listens, of a family. */
static socklen_t own_address(sa_family_t family, struct sockaddr_storage *address) {
    struct sockaddr_un *un = (struct sockaddr_un *)address;
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
    *address = (struct sockaddr_storage){.ss_family = family};
    switch (family) {
    case AF_UNIX:
        strcpy(un->sun_path, server.path);
        return sizeof *un;
    case AF_INET6:
        in6->sin6_addr = in6addr_loopback;
        return sizeof *in6;
    default:
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof *in;
    }
}

/* False: this machine has no such family. */
static bool server_begin(sa_family_t family) {
    struct sockaddr_storage address;
    server = (struct server){.family = family, .listener = socket(family, SOCK_STREAM, 0)};
    snprintf(server.path, sizeof server.path, "/tmp/rf-load-%d.sock", (int)getpid());
    unlink(server.path);
    socklen_t len = own_address(family, &address);
    if (server.listener < 0 || bind(server.listener, (struct sockaddr *)&address, len) < 0) {
        assert_int_equal(family, AF_INET6);
        close(server.listener);
        return false;
    }
    assert_int_equal(listen(server.listener, 128), 0);
    if (family != AF_UNIX) {
        getsockname(server.listener, (struct sockaddr *)&address, &len);
        server.port = ntohs(((struct sockaddr_in *)&address)->sin_port); /* where IPv6 has it too */
    }
    pthread_create(&server.acceptor, NULL, accept_all, NULL);
    return true;
}

static void server_end(void) {
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.acceptor, NULL);
    for (unsigned i = 0; i < server.threads; i++)
        pthread_join(server.thread[i], NULL);
    close(server.listener);
    unlink(server.path);
}

/* ---- a worker ------------------------------------------------------------------------------------------- */

static struct load {
    struct pool_depot depot;
    struct pool pool;
    struct plan plan;
    struct address address;
    struct ring *ring;
    struct load_shared shared;
    struct load_options options;
    struct load_worker *worker;
    uint64_t requests, errors, blocks, outstanding_max;
    uint64_t prompt; /* blocks handed in soon after their end */
    uint64_t kind[LOAD_KINDS];
} load;

static struct load_tally *hand_in(void *context, struct load_tally *tally) {
    (void)context;
    uint64_t now = ring_now(load.ring);
    load.requests += tally->requests;
    load.errors += tally->errors;
    load.blocks++;
    if (tally->outstanding_max > load.outstanding_max)
        load.outstanding_max = tally->outstanding_max;
    for (unsigned i = 0; i < LOAD_KINDS; i++)
        load.kind[i] += tally->kind[i];
    load.prompt += !tally->last && now - tally->stop_ns < 10 * NS_PER_MS;
    assert_int_equal(tally->requests - tally->errors, tally->latency.total);
    load_tally_reset(tally);
    return tally;
}

static bool init(sa_family_t family) {
    if (!server_begin(family))
        return false;
    load = (struct load){.options = {.workers = 1,
                                     .connections = 3,
                                     .pipeline = 1,
                                     .connect_timeout_ns = 5 * NS_PER_S,
                                     .request_timeout_ns = 5 * NS_PER_S,
                                     .outstanding_max = 10,
                                     .rate = 1000}};
    pool_depot_init(&load.depot);
    pool_init(&load.pool, &load.depot);
    plan_init(&load.plan, &load.pool);
    return true;
}

static void ask(struct plan_request request, const char *expect) {
    char url[64], why[256] = "";
    const char *const list[] = {expect, NULL};
    bool newer = server.family == AF_INET6;
    snprintf(url, sizeof url, "http://%s:%u/x", newer ? "[::1]" : "127.0.0.1",
             server.port ? server.port : 80);
    request.url = url;
    request.weight = 1;
    request.expect[0] = list;
    if (plan_add(&load.plan, 0, &request, why, sizeof why) != PLAN_OK)
        fail_msg("%s", why);
    const struct plan_target *target = load.plan.target;
    assert_true(address_parse(&load.address, target->connect_host, target->connect_port));
    load.plan.target[0].address = &load.address;
    load.plan.target[0].address_count = 1;
}

static void run(int quota, double seconds, uint64_t block_ns) {
    struct ring_options options;
    ring_options_init(&options, 16);
    assert_int_equal(ring_open(&load.ring, &options), 0);
    load.shared.plan = &load.plan;
    load.shared.hand_in = hand_in;
    load.shared.has_quota = quota > 0;
    atomic_init(&load.shared.quota, quota);
    load.worker = load_worker_open(load.ring, NULL, &load.pool, &load.shared, &load.options);
    assert_non_null(load.worker);
    uint64_t now = clock_now_ns();
    load_worker_begin(
        load.worker,
        &(struct load_order){.number = 1,
                             .counted = true,
                             .schedule = true,
                             .start_ns = now,
                             .stop_ns = quota ? UINT64_MAX : now + (uint64_t)(seconds * 1e9),
                             .block_ns = block_ns});
    while (!load_worker_is_idle(load.worker))
        load_worker_turn(load.worker);
}

static void end(void) {
    load_worker_begin_close(load.worker);
    while (!load_worker_is_closed(load.worker))
        load_worker_turn(load.worker);
    load_worker_free(load.worker);
    assert_int_equal(ring_slots_used(load.ring), 0);
    ring_close(load.ring);
    plan_deinit(&load.plan);
    assert_int_equal(load.pool.live_bytes, 0);
    pool_depot_deinit(&load.depot);
    server_end();
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void test_asks_as_often_as_it_may(void **state) {
    (void)state;
    for (unsigned pipeline = 1; pipeline <= 5; pipeline += 4) {
        init(AF_INET);
        load.options.pipeline = pipeline;
        ask((struct plan_request){0}, NULL);
        run(500, 0, UINT64_MAX);
        assert_int_equal(load.requests, 500);
        assert_int_equal(load.errors, 0);
        assert_int_equal(load.outstanding_max, 3 * pipeline);
        assert_int_equal(load_worker_entries(load.worker)[0].requests, 500);
        assert_string_equal(load_worker_facts(load.worker, 0)->server, "a?[1mthread");
        end();
    }
}

static void test_unix_sockets(void **state) {
    (void)state;
    init(AF_UNIX);
    ask((struct plan_request){.unix_path = server.path}, NULL);
    run(200, 0, UINT64_MAX);
    assert_int_equal(load.requests, 200);
    assert_int_equal(load.errors, 0);
    end();
}

static void test_ipv6(void **state) {
    (void)state;
    if (!init(AF_INET6))
        skip();
    ask((struct plan_request){0}, NULL);
    run(200, 0, UINT64_MAX);
    assert_int_equal(load.requests, 200);
    assert_int_equal(load.errors, 0);
    assert_int_equal(load_worker_facts(load.worker, 0)->address.any.sa_family, AF_INET6);
    end();
}

static void test_source_addresses(void **state) {
    (void)state;
    init(AF_INET);
    load.options.interface = "127.0.0.77";
    load.options.no_keepalive = true;
    ask((struct plan_request){.close = true}, NULL);
    run(20, 0, UINT64_MAX);
    assert_int_equal(load.requests, 20);
    assert_int_equal(load.errors, 0);
    end();
    const struct sockaddr_in *peer = (const struct sockaddr_in *)&server.peer;
    assert_int_equal(ntohl(peer->sin_addr.s_addr), 0x7f00004d);
}

/* Larger than what the socket takes at once, alone and in a pipeline. */
static void test_large_messages(void **state) {
    (void)state;
    uint8_t *body = calloc(1, UPLOAD_BYTES);
    for (unsigned pipeline = 1; pipeline <= 2; pipeline++) {
        init(AF_INET);
        load.options.pipeline = pipeline;
        ask((struct plan_request){.body = span_of(body, UPLOAD_BYTES)}, NULL);
        run(12, 0, UINT64_MAX);
        assert_int_equal(load.requests, 12);
        assert_int_equal(load.errors, 0);
        end();
    }
    free(body);
}

static void test_expectations(void **state) {
    static const struct {
        const char *expect;
        bool holds;
    } cases[] = {
        {"status = 200", true},
        {"status != 200", false},
        {"header content-type ~ html", true},
        {"header content-type absent", false},
        {"body contains bbbb", true},
        {"body contains cccc", false},
        {"title = A page", true},
        {"title = Another", false},
        {"body_bytes = 1021", true},
        {"body_bytes < 1021", false},
        {"total_ms < 5000", true},
        {"final_host = 127.0.0.1", true},
        {"sha256 = 0000000000000000000000000000000000000000000000000000000000000000", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        init(AF_INET);
        ask((struct plan_request){0}, cases[i].expect);
        run(10, 0, UINT64_MAX);
        uint64_t errors = cases[i].holds ? 0 : 10;
        assert_int_equal(load.requests, 10);
        if (load.errors != errors)
            fail_msg("%s: %s", cases[i].expect, load_worker_facts(load.worker, 0)->first_error);
        assert_int_equal(load.kind[ERR_EXPECTATION], errors);
        assert_int_equal(load_worker_facts(load.worker, 0)->first_error[0] != 0, errors > 0);
        end();
    }
}

/* A sleeping worker wakes for the end of a block, and for what is due. */
static void test_keeps_time(void **state) {
    (void)state;
    init(AF_INET);
    load.options.open_loop = true;
    load.options.rate = 20;
    ask((struct plan_request){0}, NULL);
    run(0, 0.31, 10 * NS_PER_MS);
    assert_in_range(load.requests, 6, 7);
    assert_int_equal(load.errors, 0);
    assert_int_equal(load.blocks, 31);
    /* Not all, as somebody else may have the processor; without being woken it would be those few at which a request is due. */
    assert_true(load.prompt >= 16);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_as_often_as_it_may),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_source_addresses),
        cmocka_unit_test(test_large_messages),
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_keeps_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
