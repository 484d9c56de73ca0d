/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_fault_test.c: conn/ on the simulated ring. A few dozen exchanges with good and bad servers under
 * thousands of seeded schedules, their owners pausing, resuming, stopping and cancelling at random:
 * every exchange ends exactly once, with the right bytes or with an error, in time; and nothing is left.
 * SEEDS=N in the environment runs more of them.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conn/conn.h"
#include "http_model.h"

enum {
    CLIENTS = 24,
    SLOTS = 7,
    SEEDS = 1500,
    CONNECT_TIMEOUT_S = 3,
    STALL_S = 5,
    LATE_MS = 6, /* a timer's millisecond, a late turn's, and some for turns between */
    UPLOAD_BYTES_MAX = 1500000,
};

struct client {
    struct exchange exchange;
    struct origin *origin;
    enum behaviour behaviour;
    const char *method, *host;
    unsigned id, bytes, ends;
    size_t got;
    struct err err, cancel_err;
    unsigned pause_chance, stop_chance; /* of 100 upcalls */
    bool begun, paused, stopped, cancelled;
};

/* Everything of one run. */
static struct world {
    uint64_t seed;
    struct sim_options options;
    struct random random;
    struct ring *ring;
    struct resolver *resolver;
    struct pool_depot depot;
    struct pool memory;
    struct conn_pool *conns;
    struct http_model model;
    struct ring_timer driver;
    struct client client[CLIENTS];
    unsigned begun, ended, ok;
    struct conn_pool_counts counts;
    unsigned wanted; /* clients in this run */
    unsigned pace_ms;
    bool calm; /* no faults, no whims of the owners */
    bool has_source;
    enum sim_fault forced;
    unsigned force_after, force_count;
} world;

/* Not cmocka's: what follows would run in this world's ruins. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_print(stderr);                                                                     \
            fprintf(stderr, "seed %" PRIu64 ": not so: %s\n", world.seed, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* With what the client was and what became of it. */
#define EXPECT_OF(client, condition)                                                               \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_client(client);                                                                  \
            EXPECT(condition);                                                                     \
        }                                                                                          \
    } while (0)

static unsigned below(unsigned count) {
    return (unsigned)random_below(&world.random, count);
}

static bool chance(unsigned of_100) {
    return below(100) < of_100;
}

static void print_client(const struct client *client) {
    char text[128];
    fprintf(stderr, "client %u: %s %s %s, %u bytes, got %zu, ends %u, paused %d, %s at stage %s\n",
            client->id, client->method, model_name(client->behaviour), client->host, client->bytes,
            client->got, client->ends, client->paused, err_text(client->err, text, sizeof text),
            err_stage_name(client->err));
}

/* ---- the exchanges' owner ------------------------------------------------------------------------ */

static struct client *client_of(struct exchange *exchange) {
    return CONTAINER_OF(exchange, struct client, exchange);
}

static size_t write_head(struct exchange *exchange, char *memory, size_t room) {
    struct client *client = client_of(exchange);
    char head[1400], length[64] = "", padding[1200] = "";
    if (exchange->body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", exchange->body->count);
    memset(padding, 'x', client->id % 4 ? 0 : sizeof padding - 1); /* a long one */
    snprintf(head, sizeof head, "%s /%u/%u/%u HTTP/1.1\r\nHost: h\r\nX: %s\r\n%s\r\n",
             client->method, client->behaviour, client->bytes, client->id, padding, length);
    if (strlen(head) <= room)
        memcpy(memory, head, strlen(head));
    return strlen(head);
}

static enum exchange_answer whim(struct client *client) {
    if (world.calm)
        return EXCHANGE_GO;
    if (chance(client->pause_chance)) {
        client->paused = true;
        return EXCHANGE_PAUSE;
    }
    if (!chance(client->stop_chance))
        return EXCHANGE_GO;
    client->stopped = true;
    return EXCHANGE_STOP;
}

static enum exchange_answer on_head(struct exchange *exchange, const struct response_head *head,
                                    const struct response_framing *framing) {
    struct client *client = client_of(exchange);
    (void)framing;
    EXPECT_OF(client, client->begun && !client->ends && !client->paused && !client->stopped);
    EXPECT_OF(client, head->status >= 200);
    client->got = 0;
    return whim(client);
}

static enum exchange_answer on_body(struct exchange *exchange, struct span bytes) {
    struct client *client = client_of(exchange);
    EXPECT_OF(client, !client->ends && !client->paused && !client->stopped && bytes.len);
    EXPECT_OF(client, client->got + bytes.len <= client->bytes);
    for (size_t i = 0; i < bytes.len; i++)
        EXPECT_OF(client, bytes.at[i] == model_byte(client->id, client->got + i));
    client->got += bytes.len;
    return whim(client);
}

static bool is_whole(const struct client *client) {
    if (strcmp(client->method, "HEAD") == 0 || client->behaviour == DO_EMPTY)
        return client->got == 0;
    /* A close in the wrong place can't be told from the right one. */
    if (client->behaviour == DO_UNTIL_CLOSE && !world.calm)
        return true;
    return client->got == client->bytes;
}

static void on_end(struct exchange *exchange, struct err err) {
    struct client *client = client_of(exchange);
    uint64_t now = ring_now(world.ring);
    client->err = err;
    client->ends++;
    client->paused = false;
    world.ended++;
    EXPECT_OF(client, client->begun && client->ends == 1);
    EXPECT_OF(client, !err_is(err) || !client->stopped || client->cancelled);
    EXPECT_OF(client, err_is(err) || client->stopped || is_whole(client));
    EXPECT_OF(client, !err_is(err) || err.stage != STAGE_NONE);
    EXPECT_OF(client, !exchange->deadline_ns || client->cancelled ||
                          now <= exchange->deadline_ns + LATE_MS * NS_PER_MS);
    world.ok += !err_is(err);
    /* Asking twice: once, and only where that does no harm. */
    unsigned most = exchange->idempotent ? 2 : 1;
    EXPECT_OF(client, world.model.asked[client->id] <= most);
    if (client->origin)
        origin_drop(world.conns, client->origin);
    client->origin = NULL;
}

static const struct exchange_ops exchange_ops = {write_head, on_head, on_body, on_end};

static void client_begin(struct client *client) {
    char text[64], href[256];
    struct url url;
    snprintf(text, sizeof text, "http://%s/", client->host);
    EXPECT(url_parse(&url, span_text(text), NULL, href, sizeof href) == URL_OK);
    client->origin = origin_acquire(world.conns, &url);
    client->begun = true;
    world.begun++;
    exchange_begin(world.conns, &client->exchange, client->origin);
    /* A chain that is given up while it connects may have sent the request all the same. */
    const struct conn *conn = client->exchange.conn;
    EXPECT_OF(client, client->exchange.idempotent || !conn || !conn_chain(conn));
}

/* ---- what the clients want ------------------------------------------------------------------------ */

static const char *pick_host(void) {
    static const char *const good[] = {"192.0.2.1", "192.0.2.2", "127.0.0.1", "[2001:db8::1]",
                                       "two.test"};
    static const char *const bad[] = {"192.0.2.7", "192.0.2.8", "192.0.2.9", "dead.test",
                                      "late.test"};
    if (below(3)) /* many at one host, or no connection would serve twice */
        return good[world.seed % 5];
    return world.calm || below(3) ? good[below(5)] : bad[below(5)];
}

static void client_init(struct client *client, unsigned id) {
    static const char *const methods[] = {"GET", "GET", "GET", "HEAD", "PUT", "POST"};
    *client = (struct client){.id = id, .method = methods[below(6)], .host = pick_host()};
    client->behaviour = (enum behaviour)below(below(3) ? DO_INTERIM_ENDLESS : DO_FOR_EXCHANGES);
    client->bytes = below(below(4) ? 300 : MODEL_BYTES_MAX);
    client->pause_chance = below(3) ? 0 : below(40);
    client->stop_chance = below(5) ? 0 : below(30);
    struct exchange *exchange = &client->exchange;
    exchange->ops = &exchange_ops;
    exchange->head_method = strcmp(client->method, "HEAD") == 0;
    exchange->idempotent = strcmp(client->method, "POST") != 0;
    if (strchr(client->method, 'P')) {
        size_t count = below(40) ? below(20000) : below(UPLOAD_BYTES_MAX);
        exchange->body = pool_acquire(&world.memory, sizeof *exchange->body + count);
        *exchange->body = (struct body_bytes){.references = 1, .count = count};
        for (size_t i = 0; i < count; i++)
            exchange->body->at[i] = model_byte(id, i);
    }
}

static void client_deinit(struct client *client) {
    struct body_bytes *body = client->exchange.body;
    if (!body)
        return;
    EXPECT_OF(client, body->references == 1);
    pool_release(&world.memory, body, sizeof *body + body->count);
}

/* ---- a run ------------------------------------------------------------------------------------------ */

static void begin_next(void) {
    struct client *client = &world.client[world.begun];
    if (!world.calm && chance(30))
        client->exchange.deadline_ns = ring_now(world.ring) + (1 + below(8000)) * NS_PER_MS;
    client_begin(client);
}

static void meddle(struct client *client) {
    struct err err = err_make(STAGE_LOCAL, ERR_CANCELLED, 0);
    if (!client->begun || client->ends)
        return;
    if (client->paused && below(2)) {
        client->paused = false;
        exchange_resume(world.conns, &client->exchange);
    } else if (!world.calm && below(400) == 0) {
        client->cancelled = true;
        exchange_cancel(world.conns, &client->exchange, err);
        EXPECT_OF(client, client->ends == 1 && client->err.kind == ERR_CANCELLED);
    }
}

static void stop_everything(void) {
    struct err err = err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0);
    for (unsigned i = 0; i < world.begun; i++) {
        struct client *client = &world.client[i];
        client->cancelled |= !client->ends;
        exchange_cancel(world.conns, &client->exchange, err);
        EXPECT_OF(client, client->ends == 1);
    }
    world.wanted = world.begun;
}

static void drive(struct ring_timer *timer) {
    while (world.begun < world.wanted && below(3))
        begin_next();
    for (unsigned i = 0; i < world.begun; i++)
        meddle(&world.client[i]);
    if (!world.calm && below(2000) == 0)
        stop_everything();
    if (world.ended < world.wanted)
        ring_timer_set(world.ring, timer, ring_now(world.ring) + below(world.pace_ms) * NS_PER_MS);
}

static void listen_everywhere(void) {
    static const char *const hosts[] = {"192.0.2.1", "192.0.2.2", "127.0.0.1", "2001:db8::1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        sim_listen(hosts[i], 80, &http_model_ops, &world.model);
    sim_unreachable("192.0.2.8", 113);
    sim_blackhole("192.0.2.9");
}

static bool has_source(const struct address *to, const char *interface) {
    (void)to;
    (void)interface;
    return world.has_source;
}

static void open_world(void) {
    /* dead: nothing ever answers; late: the address that answers is the third. */
    static const char *const resolve[] = {"two.test:80:192.0.2.1,192.0.2.2",
                                          "dead.test:80:192.0.2.9,192.0.2.8,192.0.2.7",
                                          "late.test:80:192.0.2.9,192.0.2.8,192.0.2.2", NULL};
    struct ring_options ring_options;
    struct resolver_options resolver = {.resolve = resolve};
    struct conn_pool_options conns = {.connect_timeout_ns = CONNECT_TIMEOUT_S * NS_PER_S,
                                      .stall_ns = STALL_S * NS_PER_S,
                                      .idle_ns = 4 * NS_PER_S,
                                      .idle_max = 4,
                                      .has_source = has_source};
    char why[256] = "";
    ring_options_init(&ring_options, SLOTS);
    ring_options.slots = SLOTS;
    ring_options.buffer_bytes = 1024;
    sim_configure(&world.options);
    listen_everywhere();
    sim_force(world.forced, world.force_after, world.force_count);
    http_model_init(&world.model, world.seed);
    pool_depot_init(&world.depot);
    pool_init(&world.memory, &world.depot);
    EXPECT(ring_open(&world.ring, &ring_options) == 0);
    EXPECT(resolver_open(&world.resolver, world.ring, &resolver, why, sizeof why) == 0);
    EXPECT(conn_pool_open(&world.conns, world.ring, world.resolver, &world.memory, &conns, why,
                          sizeof why) == 0);
}

static struct sim_report close_world(void) {
    conn_pool_stop(world.conns);
    resolver_stop(world.resolver);
    while (!conn_pool_is_empty(world.conns) || !resolver_is_idle(world.resolver))
        ring_turn(world.ring, true);
    EXPECT(ring_slots_used(world.ring) == 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_deinit(&world.client[i]);
    world.counts = conn_pool_counts(world.conns);
    conn_pool_close(world.conns);
    resolver_close(world.resolver);
    ring_close(world.ring);
    EXPECT(world.model.peers == 0);
    EXPECT(world.memory.live_bytes == 0);
    pool_depot_deinit(&world.depot);
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0);
    return report;
}

static struct sim_report run(const struct sim_options *options, unsigned clients) {
    enum sim_fault forced = world.forced;
    unsigned after = world.force_after, count = world.force_count;
    world = (struct world){.seed = options->seed,
                           .has_source = options->seed & 1,
                           .options = *options,
                           .wanted = clients,
                           .calm = world.calm,
                           .forced = forced,
                           .force_after = after,
                           .force_count = count};
    world.options.limit_s = 3600;
    random_seed(&world.random, options->seed);
    world.pace_ms = below(2) ? 20 : 200;
    open_world();
    for (unsigned i = 0; i < clients; i++)
        client_init(&world.client[i], i);
    ring_timer_init(&world.driver, drive);
    ring_timer_set(world.ring, &world.driver, ring_now(world.ring));
    while (world.ended < world.wanted)
        ring_turn(world.ring, true);
    EXPECT(world.ended == world.begun);
    ring_timer_stop(&world.driver);
    /* Some connections are left to die of idleness, some are closed. */
    for (unsigned turns = below(30); turns && conn_pool_connections(world.conns); turns--)
        ring_turn(world.ring, true);
    return close_world();
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    (void)state;
    world.calm = false;
    world.force_count = 0;
    return 0;
}

/* On a quiet network every behaviour comes to the end that its row in the table says. */
static void test_each_behaviour_ends_as_it_must(void **state) {
    static const enum err_kind kinds[] = {
#define X(id, kind) ERR_##kind,
        BEHAVIOURS(X)
#undef X
    };
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_options options;
        sim_options_init(&options, seed);
        world.calm = true;
        run(&options, CLIENTS);
        for (unsigned i = 0; i < CLIENTS; i++) {
            struct client *client = &world.client[i];
            enum err_kind kind = kinds[client->behaviour];
            bool no_body = strcmp(client->method, "HEAD") == 0;
            if (no_body && client->behaviour >= DO_TRUNCATED)
                continue; /* there is nothing to break off */
            if (client->behaviour == DO_STALLS || client->behaviour == DO_TRUNCATED ||
                client->behaviour == DO_RESETS || client->behaviour == DO_EARLY)
                EXPECT_OF(client, client->err.kind == kind || client->exchange.body ||
                                      client->err.kind == ERR_TRUNCATED);
            else if (client->behaviour != DO_SLAMS && !client->exchange.body)
                EXPECT_OF(client, client->err.kind == kind ||
                                      client->err.kind == ERR_HTTP_09 /* another's surplus */);
        }
    }
}

static void test_thousands_of_seeds(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t ok = 0, begun = 0, reused = 0, dropped = 0;
    struct sim_report sum = {0};
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        struct sim_options options;
        sim_options_swarm(&options, seed);
        struct sim_report report = run(&options, CLIENTS);
        for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
            sum.faults[i] += report.faults[i];
        ok += world.ok;
        begun += world.begun;
        reused += world.counts.reused;
        dropped += world.counts.retried_dropped;
    }
    if (seeds < SEEDS)
        return;
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        assert_true(sum.faults[i] > seeds / 10);
    assert_true(ok > begun / 4);
    assert_true(reused > seeds && dropped > seeds / 100);
}

/* What this machine lacks is waited for, at leisure: it neither fails a request nor keeps the processor busy. */
static void test_shortage_is_waited_for(void **state) {
    enum { TIMES = 400, TURNS_MAX = 20000 };
    struct sim_options options;
    (void)state;
    sim_options_init(&options, 3);
    world.calm = true;
    world.forced = SIM_FAULT_SOCKET_FAILS;
    world.force_after = 2;
    world.force_count = TIMES;
    struct sim_report report = run(&options, CLIENTS);
    assert_int_equal(report.faults[SIM_FAULT_SOCKET_FAILS], TIMES);
    for (unsigned i = 0; i < CLIENTS; i++)
        EXPECT_OF(&world.client[i], err_fault(world.client[i].err) != FAULT_LOCAL);
    EXPECT(report.turns < TURNS_MAX);
    EXPECT(report.now_ns > 1000 * NS_PER_S + TIMES / CLIENTS * 20 * NS_PER_MS);
}

static void test_each_place_fails_once(void **state) {
    (void)state;
    for (unsigned fault = 0; fault < SIM_FAULT_COUNT; fault++) {
        for (unsigned after = 0;; after++) {
            struct sim_options options;
            sim_options_init(&options, 11);
            world.forced = (enum sim_fault)fault;
            world.force_after = after;
            world.force_count = 1;
            if (!run(&options, 8).faults[fault])
                break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_behaviour_ends_as_it_must, set_up),
        cmocka_unit_test_setup(test_thousands_of_seeds, set_up),
        cmocka_unit_test_setup(test_shortage_is_waited_for, set_up),
        cmocka_unit_test_setup(test_each_place_fails_once, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
