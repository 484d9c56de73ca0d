/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_world.c: the servers' side, the plan, and the bookkeeping that must come out even. Requests of one connection are answered in
 * their order, each with a fate drawn when it is its turn, so that pipelined ones die with those before them.
 */
#include "load_world.h"

#include <string.h>

#include "base/assert.h"

enum { IN_BYTES_MAX = 65536, BODY_BYTES_MAX = 3000, ADDRESSES = 2, RUN_S_MAX = 600 };

struct load_test_world load_world;

void load_world_fail(const char *condition, const char *file, int line) {
    sim_print(stderr);
    fprintf(stderr, "%s:%d: seed %" PRIu64 ": not so: %s\n", file, line, load_world.seed,
            condition);
    abort();
}

uint64_t load_world_now(void) {
    return ring_now(load_world.ring);
}

/* ---- servers -------------------------------------------------------------------------------------- */

struct peer {
    char in[IN_BYTES_MAX];
    size_t in_len;
    uint64_t answered_ns; /* 0: never */
    bool over, waiting;
};

static enum load_act draw(void) {
    unsigned sum = 0, at;
    for (unsigned i = 0; i < ACT_COUNT; i++)
        sum += load_world.server.weight[i];
    at = below(sum);
    for (unsigned i = 0;; i++) {
        if (at < load_world.server.weight[i])
            return (enum load_act)i;
        at -= load_world.server.weight[i];
    }
}

static void say(struct sim_peer *to, const char *text) {
    sim_peer_send(to, text, strlen(text));
}

static void say_body(struct sim_peer *to, unsigned bytes) {
    static char body[BODY_BYTES_MAX];
    memset(body, 'x', sizeof body);
    sim_peer_send(to, body, bytes);
}

static void say_answer(struct sim_peer *to, const char *status, const char *fields, unsigned bytes,
                       unsigned sent) {
    char head[256];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %u\r\n%s\r\n", status, bytes,
             fields);
    say(to, head);
    say_body(to, sent);
}

static void say_chunks(struct sim_peer *to) {
    say(to, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned n = below(3); n; n--)
        say(to, "5\r\nhello\r\n");
    say(to, "0\r\n\r\n");
}

static void look(struct sim_peer *to);

static void late(struct sim_peer *to) {
    struct peer *peer = sim_peer_user(to);
    peer->waiting = false;
    peer->answered_ns = load_world_now();
    say_answer(to, "200 OK", "", 7, 7);
    look(to);
}

static void end(struct sim_peer *to, bool rudely) {
    struct peer *peer = sim_peer_user(to);
    peer->over = true;
    if (rudely)
        sim_peer_reset(to);
    else
        sim_peer_close(to);
}

static void close_gently(struct sim_peer *to) {
    end(to, false);
}

static void act_badly(struct sim_peer *to, enum load_act act, unsigned bytes) {
    struct peer *peer = sim_peer_user(to);
    switch (act) {
    case ACT_SLAMS:
        end(to, false);
        break;
    case ACT_RESETS:
        end(to, true);
        break;
    case ACT_TRUNCATES:
        say_answer(to, "200 OK", "", bytes + 1, bytes);
        end(to, false);
        break;
    case ACT_CUTS_HEAD:
        say(to, "HTTP/1.1 200 OK\r\nContent-Le");
        end(to, false);
        break;
    case ACT_GARBAGE:
        say(to, "220 mail.example ESMTP\r\n");
        peer->over = true;
        break;
    case ACT_BAD_LENGTH:
        say(to, "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc");
        peer->over = true;
        break;
    case ACT_STALLS:
        say_answer(to, "200 OK", "", bytes + 1, bytes);
        peer->over = true;
        break;
    default:
        peer->over = true;
        break;
    }
}

static void act_well(struct sim_peer *to, enum load_act act, unsigned bytes) {
    struct peer *peer = sim_peer_user(to);
    peer->answered_ns = load_world_now();
    switch (act) {
    case ACT_CHUNKS:
        say_chunks(to);
        break;
    case ACT_EMPTY:
        say(to, "HTTP/1.1 204 No Content\r\n\r\n");
        break;
    case ACT_INTERIM:
        say(to, "HTTP/1.1 103 Early Hints\r\n\r\n");
        say_answer(to, "200 OK", "Server: sim\r\n", bytes, bytes);
        break;
    case ACT_LATE:
        peer->waiting = true;
        sim_peer_timer(to, load_world.server.late_ms, late);
        break;
    case ACT_LAST:
        say_answer(to, "200 OK", "Connection: close\r\n", bytes, bytes);
        end(to, false);
        break;
    case ACT_LAST_LINGERS:
        say_answer(to, "200 OK", "Connection: close\r\n", bytes, bytes);
        peer->over = true;
        break;
    case ACT_OLD:
        say(to, "HTTP/1.0 200 OK\r\n\r\n");
        say_body(to, bytes);
        end(to, false);
        break;
    case ACT_SURPLUS:
        say_answer(to, "200 OK", "", bytes, bytes);
        say(to, "\x01\x02\x03");
        peer->over = true;
        break;
    case ACT_CLOSES_SOON:
        say_answer(to, "200 OK", "", bytes, bytes);
        peer->over = true;
        sim_peer_timer(to, 1, close_gently);
        break;
    case ACT_MISSING:
        say_answer(to, "404 Not Found", "", bytes, bytes);
        break;
    default:
        say_answer(to, "200 OK", "", bytes, bytes);
        if (act == ACT_CLOSES || act == ACT_RESETS_AFTER)
            end(to, act == ACT_RESETS_AFTER);
        break;
    }
}

static void thaw(struct sim_peer *to) {
    struct peer *peer = sim_peer_user(to);
    peer->waiting = false;
    look(to);
}

static bool is_frozen(struct sim_peer *to) {
    uint64_t now = load_world_now(), until = load_world.server.frozen_until_ns;
    struct peer *peer = sim_peer_user(to);
    if (until <= now)
        return false;
    peer->waiting = true;
    sim_peer_timer(to, (unsigned)((until - now) / NS_PER_MS) + 1, thaw);
    return true;
}

static bool is_kept_too_long(struct sim_peer *to) {
    struct load_server *server = &load_world.server;
    const struct peer *peer = sim_peer_user(to);
    uint64_t kept_ns = server->kept_ms * NS_PER_MS;
    if (!kept_ns || !peer->answered_ns || load_world_now() < peer->answered_ns + kept_ns)
        return false;
    server->ended++;
    end(to, server->kept_rudely);
    return true;
}

static bool is_known_method(const char *in) {
    return memcmp(in, "GET /", 5) == 0 || memcmp(in, "POST /", 6) == 0;
}

/* Answers what has come whole, one after another. */
static void look(struct sim_peer *to) {
    struct peer *peer = sim_peer_user(to);
    struct load_server *server = &load_world.server;
    char *stop;
    while (!peer->over && !peer->waiting &&
           (stop = memmem(peer->in, peer->in_len, "\r\n\r\n", 4))) {
        if (is_frozen(to) || is_kept_too_long(to))
            return;
        EXPECT(is_known_method(peer->in));
        size_t count = (size_t)(stop + 4 - peer->in);
        peer->in_len -= count;
        memmove(peer->in, peer->in + count, peer->in_len);
        enum load_act act = draw();
        server->asked++;
        server->done[act]++;
        unsigned bytes = 1 + below(below(4) ? 100 : BODY_BYTES_MAX - 1);
        if (act >= ACT_SLAMS)
            act_badly(to, act, bytes);
        else
            act_well(to, act, bytes);
    }
}

static void on_accepted(struct sim_peer *to) {
    struct peer *peer = malloc(sizeof *peer);
    CHECK(peer);
    peer->in_len = 0;
    peer->answered_ns = 0;
    peer->over = peer->waiting = false;
    sim_peer_set_user(to, peer);
    load_world.server.peers++;
    if (load_world.server.greets)
        say(to, "220 mail.example ESMTP\r\n");
}

static void on_received(struct sim_peer *to, const uint8_t *bytes, size_t count) {
    struct peer *peer = sim_peer_user(to);
    if (peer->over && count)
        return;
    if (!count) {
        end(to, false);
        return;
    }
    CHECK(peer->in_len + count <= sizeof peer->in);
    memcpy(peer->in + peer->in_len, bytes, count);
    peer->in_len += count;
    look(to);
}

static void on_closed(struct sim_peer *to) {
    free(sim_peer_user(to));
    load_world.server.peers--;
}

static const struct sim_server_ops server_ops = {on_accepted, on_received, on_closed};

/* ---- what is handed in ---------------------------------------------------------------------------------- */

static void check_tally(const struct load_tally *tally, const struct load_blocks *sum) {
    EXPECT(tally->block == sum->next_block);
    EXPECT(tally->start_ns <= tally->stop_ns);
    EXPECT(sum->tallies == 0 || tally->start_ns == sum->end_ns);
    EXPECT(tally->latency.total == tally->requests - tally->errors);
    EXPECT(tally->first_byte.total == tally->latency.total);
    EXPECT(tally->late <= tally->requests && (tally->last || !tally->late));
    EXPECT(tally->latency.clipped == 0 && tally->first_byte.clipped == 0);
    EXPECT(tally->first_byte.total == 0 || tally->first_byte.max <= tally->latency.max);
}

static void add_histograms(struct load_blocks *sum, const struct load_tally *tally) {
    uint64_t over_ns = sum->over_ns;
    sum->latencies += tally->latency.total;
    if (over_ns)
        sum->long_latencies +=
            tally->latency.total - histogram_count_to(&tally->latency, over_ns - 1);
    if (tally->latency.total && tally->latency.max > sum->latency_max)
        sum->latency_max = tally->latency.max;
    if (!tally->raw.highest)
        return;
    sum->raws += tally->raw.total;
    sum->slips += tally->slip.total;
    if (over_ns)
        sum->long_raws += tally->raw.total - histogram_count_to(&tally->raw, over_ns - 1);
    if (tally->raw.total && tally->raw.max > sum->raw_max)
        sum->raw_max = tally->raw.max;
    if (tally->slip.total && tally->slip.max > sum->slip_max)
        sum->slip_max = tally->slip.max;
}

static struct load_tally *hand_in(void *context, struct load_tally *tally) {
    struct load_blocks *sum = &load_world.orders[tally->order];
    (void)context;
    EXPECT(tally->order < WORLD_ORDERS && !sum->last);
    check_tally(tally, sum);
    sum->tallies++;
    sum->next_block++;
    sum->end_ns = tally->stop_ns;
    sum->requests += tally->requests;
    sum->late += tally->late;
    sum->errors += tally->errors;
    sum->connects += tally->connects;
    sum->resumed += tally->resumed;
    sum->body_bytes += tally->body_bytes;
    sum->sent_bytes += tally->sent_bytes;
    sum->limits |= tally->limits;
    sum->last = tally->last;
    if (tally->outstanding_max > sum->outstanding_max)
        sum->outstanding_max = tally->outstanding_max;
    if (tally->connections_max > sum->connections_max)
        sum->connections_max = tally->connections_max;
    for (unsigned i = 0; i < LOAD_STATUSES; i++)
        sum->status[i] += tally->status[i];
    for (unsigned i = 0; i < LOAD_KINDS; i++)
        sum->kind[i] += tally->kind[i];
    add_histograms(sum, tally);
    load_tally_reset(tally);
    return tally;
}

/* Whatever was counted was either well or an error of one kind. */
static void check_sums(const struct load_blocks *sum) {
    uint64_t kinds = 0, statuses = 0;
    for (unsigned i = 1; i < LOAD_KINDS; i++)
        kinds += sum->kind[i];
    for (unsigned i = 0; i < LOAD_STATUSES; i++)
        statuses += sum->status[i];
    EXPECT(kinds == sum->errors);
    EXPECT(statuses == sum->latencies + sum->kind[ERR_HTTP_STATUS] + sum->kind[ERR_EXPECTATION]);
    EXPECT(sum->latencies + sum->errors == sum->requests);
    EXPECT(sum->raws <= sum->slips && sum->slips <= sum->requests);
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

/* Whether a connect's EADDRNOTAVAIL was for want of ports. */
static bool has_source(const struct address *to, const char *interface) {
    (void)to, (void)interface;
    return random_below(&load_world.random, 2);
}

void load_world_init(uint64_t seed) {
    load_world = (struct load_test_world){.seed = seed, .slots = 64};
    random_seed(&load_world.random, seed * 31 + 7);
    sim_options_init(&load_world.sim, seed);
    load_world.sim.limit_s = 24 * 3600;
    load_world.server.weight[ACT_ANSWER] = 1;
    load_world.server.late_ms = 20;
    load_world.options = (struct load_options){.workers = 1,
                                               .connections = 4,
                                               .pipeline = 1,
                                               .connect_timeout_ns = 2 * NS_PER_S,
                                               .request_timeout_ns = 1 * NS_PER_S,
                                               .seed = seed,
                                               .has_source = has_source,
                                               .rate = 100,
                                               .outstanding_max = 100};
    pool_depot_init(&load_world.depot);
    pool_init(&load_world.memory, &load_world.depot);
    plan_init(&load_world.plan, &load_world.memory);
}

static void ask(uint8_t side, struct plan_request request) {
    char why[256] = "";
    request.weight = 1;
    if (plan_add(&load_world.plan, side, &request, why, sizeof why) != PLAN_OK)
        load_world_fail(why, __FILE__, __LINE__);
}

void load_world_ask(uint8_t side, const char *url) {
    ask(side, (struct plan_request){.url = url});
}

void load_world_ask_closing(uint8_t side, const char *url) {
    ask(side, (struct plan_request){.url = url, .close = true});
}

void load_world_ask_posting(uint8_t side, const char *url) {
    ask(side, (struct plan_request){.url = url, .method = "POST"});
}

static void listen_and_resolve(void) {
    static const char *const hosts[] = {"192.0.2.1", "192.0.2.2", "127.0.0.1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        sim_listen(hosts[i], 80, &server_ops, NULL);
    sim_blackhole("192.0.2.9");
    if (load_world.listen)
        load_world.listen();
    for (unsigned i = 0; i < load_world.plan.target_count; i++) {
        struct plan_target *target = &load_world.plan.target[i];
        target->address = calloc(1, sizeof *target->address);
        CHECK(target->address);
        EXPECT(address_parse(target->address, target->connect_host, target->connect_port));
        target->address_count = 1;
    }
}

void load_world_open(void) {
    struct ring_options options;
    ring_options_init(&options, load_world.slots);
    options.slots = load_world.slots;
    options.buffer_bytes = 1024;
    sim_configure(&load_world.sim);
    listen_and_resolve();
    EXPECT(ring_open(&load_world.ring, &options) == 0);
    load_world.shared.plan = &load_world.plan;
    load_world.shared.hand_in = hand_in;
    load_world.worker = load_worker_open(load_world.ring, load_world.tls, &load_world.memory,
                                         &load_world.shared, &load_world.options);
    EXPECT(load_world.worker);
}

struct load_order load_world_order(unsigned number, uint8_t side, double seconds) {
    uint64_t now = load_world_now();
    return (struct load_order){.number = number,
                               .side = side,
                               .counted = true,
                               .schedule = true,
                               .start_ns = now,
                               .stop_ns = now + (uint64_t)(seconds * 1e9),
                               .block_ns = UINT64_MAX};
}

void load_world_begin(const struct load_order *order) {
    load_worker_begin(load_world.worker, order);
}

static void on_alarm(struct ring_timer *timer) {
    (void)timer;
}

void load_world_turn_until(uint64_t at_ns) {
    struct ring_timer alarm;
    ring_timer_init(&alarm, on_alarm);
    ring_timer_set(load_world.ring, &alarm, at_ns);
    while (load_world_now() < at_ns)
        load_worker_turn(load_world.worker);
    ring_timer_stop(&alarm);
}

static void check_end(const struct load_order *order) {
    const struct load_blocks *sum = &load_world.orders[order->number];
    const struct load_options *options = &load_world.options;
    EXPECT(sum->last);
    EXPECT(load_worker_outstanding(load_world.worker) == 0);
    check_sums(sum);
    /* What was sent before the stop has its time, and what waited to be sent had its own before. */
    uint64_t limit_ns = 2 * (options->request_timeout_ns + options->connect_timeout_ns);
    if (order->stop_ns != UINT64_MAX)
        EXPECT(load_world_now() <= order->stop_ns + limit_ns + limit_ns / 2 + NS_PER_S);
}

void load_world_run(const struct load_order *order) {
    load_world_begin(order);
    uint64_t until = load_world_now() + RUN_S_MAX * NS_PER_S;
    while (!load_worker_is_idle(load_world.worker)) {
        load_worker_turn(load_world.worker);
        EXPECT(load_world_now() < until);
    }
    check_end(order);
}

struct sim_report load_world_empty(void) {
    load_worker_begin_close(load_world.worker);
    while (!load_worker_is_closed(load_world.worker))
        load_worker_turn(load_world.worker);
    EXPECT(ring_slots_used(load_world.ring) == 0);
    EXPECT(load_worker_connections(load_world.worker) == 0);
    load_worker_free(load_world.worker);
    ring_close(load_world.ring);
    for (unsigned i = 0; i < load_world.plan.target_count; i++)
        free(load_world.plan.target[i].address);
    plan_deinit(&load_world.plan);
    tls_close(load_world.tls);
    EXPECT(load_world.server.peers == 0);
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0);
    return report;
}

struct sim_report load_world_close(void) {
    struct sim_report report = load_world_empty();
    EXPECT(load_world.memory.live_bytes == 0);
    pool_depot_deinit(&load_world.depot);
    return report;
}
