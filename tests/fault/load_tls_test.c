/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_tls_test.c: a load's worker against https servers on the simulated ring, good ones and such that play the tricks of tls_peer.h: every request is
 * counted once, what came with another's answer is nobody's, and nothing of TLS is left. SEEDS=N and FIRST_SEED=N as elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "load_world.h"
#include "tls/tls_mint.h"
#include "tls_peer.h"

enum { SEEDS = 60 };

static struct tls_mint mint;
static struct tls *server_tls;
static struct http_model model;
static struct tls_place place;
static int64_t tls_live_bytes;

static struct tls *open_tls(const struct tls_options *options) {
    struct tls *tls;
    char why[256] = "";
    if (tls_open(&tls, options, &load_world.memory, why, sizeof why) < 0)
        load_world_fail(why, __FILE__, __LINE__);
    return tls;
}

static void listen_with_tls(void) {
    sim_listen("192.0.2.3", 443, &tls_peer_ops, &place);
}

static void init(uint64_t seed, enum tls_version version) {
    tls_live_bytes = tls_memory().live_bytes;
    load_world_init(seed);
    http_model_init(&model, seed);
    server_tls = open_tls(&(struct tls_options){.server = true,
                                                .cert_pem = span_text(mint.cert),
                                                .key_pem = span_text(mint.key),
                                                .version_min = version,
                                                .version_max = version});
    load_world.tls = open_tls(&(struct tls_options){.insecure = true});
    place = (struct tls_place){
        .model = &model, .tls = server_tls, .pool = &load_world.memory, .strict = true};
    load_world.listen = listen_with_tls;
}

static void ask(enum behaviour behaviour, unsigned bytes) {
    char url[64];
    snprintf(url, sizeof url, "https://192.0.2.3/%u/%u/1", behaviour, bytes);
    if (load_world.options.no_keepalive)
        load_world_ask_closing(0, url);
    else
        load_world_ask(0, url);
}

static void end(void) {
    load_world_empty();
    tls_close(server_tls);
    EXPECT(model.peers == 0);
    EXPECT(load_world.memory.live_bytes == 0);
    pool_depot_deinit(&load_world.depot);
    EXPECT(tls_memory().live_bytes == tls_live_bytes);
}

static void run(double seconds) {
    struct load_order order = load_world_order(1, 0, seconds);
    load_world_run(&order);
    EXPECT(load_world.orders[1].status[STATUS_EXTRA] == 0);
}

static void test_connections_shake_hands_once(void **state) {
    static const enum tls_version versions[] = {TLS_VERSION_1_2, TLS_VERSION_1_3};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        init(1, versions[i]);
        ask(DO_LENGTH, 200);
        load_world_open();
        load_worker_connect(load_world.worker, 0);
        while (!load_worker_is_connected(load_world.worker, 0))
            load_worker_turn(load_world.worker);
        EXPECT(load_worker_connections(load_world.worker) == 4);
        run(0.05);
        const struct load_blocks *sum = &load_world.orders[1];
        const struct load_facts *facts = load_worker_facts(load_world.worker, 0);
        EXPECT(sum->errors == 0 && sum->requests > 100 && sum->connects == 4);
        EXPECT(sum->body_bytes == sum->requests * 200);
        EXPECT(facts->tls_version == versions[i] && facts->tls_cipher);
        EXPECT(place.established == 4);
        end();
    }
}

static void test_a_connection_for_each_request_resumes(void **state) {
    (void)state;
    init(1, TLS_VERSION_NONE);
    load_world.options.no_keepalive = true;
    ask(DO_LAST, 200);
    load_world_open();
    run(0.05);
    const struct load_blocks *sum = &load_world.orders[1];
    EXPECT(sum->errors == 0 && sum->requests > 20 && sum->connects == sum->requests);
    EXPECT(sum->resumed > sum->requests / 2);
    end();
}

/* On a quiet network every trick comes to what its row says. */
static void test_each_trick_is_what_its_row_says(void **state) {
    static const enum err_kind kinds[] = {
#define X(id, kind) ERR_##kind,
        TRICKS(X)
#undef X
    };
    (void)state;
    for (unsigned trick = 1; trick < TRICK_COUNT; trick++) {
        init(trick, TLS_VERSION_NONE);
        load_world.options.connections = 1;
        load_world.options.request_timeout_ns = load_world.options.connect_timeout_ns =
            NS_PER_S / 5;
        place.trick = (enum tls_trick)trick;
        ask(DO_LENGTH, 200);
        load_world_open();
        run(0.3);
        const struct load_blocks *sum = &load_world.orders[1];
        EXPECT(sum->requests >= 1);
        if (trick == TRICK_EXTRA_INSIDE || trick == TRICK_EXTRA_BEHIND)
            EXPECT(sum->errors && sum->errors == sum->kind[ERR_UNSOLICITED] &&
                   sum->status[200] == sum->requests - sum->errors);
        else if (kinds[trick] == ERR_NONE)
            EXPECT(sum->errors == 0 && sum->status[200] == sum->requests);
        else
            EXPECT(sum->errors == sum->requests && sum->kind[kinds[trick]] == sum->errors);
        end();
    }
}

/* The end of a body that has no other is believed only if TLS said so. */
static void test_a_cut_body_is_truncated(void **state) {
    (void)state;
    for (unsigned rude = 0; rude <= 100; rude += 100) {
        init(1, TLS_VERSION_NONE);
        place.rude_chance = rude;
        ask(DO_UNTIL_CLOSE, 500);
        load_world_open();
        run(0.05);
        const struct load_blocks *sum = &load_world.orders[1];
        EXPECT(sum->requests >= 4);
        EXPECT(sum->errors == (rude ? sum->requests : 0));
        EXPECT(sum->kind[ERR_TRUNCATED] == sum->errors);
        end();
    }
}

static void run_seed(uint64_t seed) {
    struct load_options *options = &load_world.options;
    init(seed, TLS_VERSION_NONE);
    sim_options_swarm(&load_world.sim, seed);
    load_world.sim.limit_s = 24 * 3600;
    options->connections = 1 + below(6);
    options->no_keepalive = below(3) == 0;
    options->open_loop = below(2);
    options->outstanding_max = 1 + below(10);
    place.trick_chance = below(2) ? 0 : below(60);
    place.rude_chance = below(100);
    for (unsigned n = 1 + below(4); n; n--)
        ask((enum behaviour)below(DO_FOR_EXCHANGES), below(below(3) ? 300 : 40000));
    load_world_open();
    if (below(2))
        load_worker_connect(load_world.worker, 0);
    load_world.shared.has_quota = true;
    atomic_store(&load_world.shared.quota, 20);
    struct load_order order = load_world_order(1, 0, 0);
    order.stop_ns = UINT64_MAX;
    load_world_run(&order);
    EXPECT(load_world.orders[1].requests == 20 + load_world.orders[1].kind[ERR_UNSOLICITED]);
    order = load_world_order(2, 0, 0.3);
    order.counted = false;
    load_world_run(&order);
    for (unsigned i = 1; i <= 2; i++)
        EXPECT(load_world.orders[i].status[STATUS_EXTRA] == 0);
    end();
}

static void test_many_seeds(void **state) {
    const char *text = getenv("SEEDS"), *first = getenv("FIRST_SEED");
    uint64_t seeds = text ? strtoull(text, NULL, 10) : SEEDS;
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    (void)state;
    for (uint64_t seed = from; seed < from + seeds; seed++)
        run_seed(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_shake_hands_once),
        cmocka_unit_test(test_a_connection_for_each_request_resumes),
        cmocka_unit_test(test_each_trick_is_what_its_row_says),
        cmocka_unit_test(test_a_cut_body_is_truncated),
        cmocka_unit_test(test_many_seeds),
    };
    char why[256] = "";
    if (tls_mint_init(&mint, &(struct tls_mint_options){0}, why, sizeof why) < 0)
        load_world_fail(why, __FILE__, __LINE__);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    tls_mint_deinit(&mint);
    return result;
}
