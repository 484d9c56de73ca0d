/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_world.c: opens and closes what tls_world.h describes, and looks whether anything was left.
 *
 * Certificates are made when the program starts, by tls/tls_mint.h, rather than kept in the source: those would expire. Their
 * dates are those of a whole quarter, so that a seed finds the same bytes, and signatures of the same length, tomorrow.
 */
#include "tls_world.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tls/tls_mint.h"

enum { QUARTER_S = 90 * 86400, BUFFER_BYTES = 1024 };

struct tls_world tls_world;

static struct tls_mint ours, strangers;
static char ca_path[] = "/tmp/ringfetch-fault-XXXXXX";

void world_fail(const char *condition) {
    famine_end();
    if (tls_world.ring || tls_world.seed)
        sim_print(stderr);
    fprintf(stderr, "seed %" PRIu64 ": not so: %s\n", tls_world.seed, condition);
    abort();
}

/* ---- certificates -------------------------------------------------------------------------------- */

static void mint(struct tls_mint *to) {
    static const char *const names[] = {"192.0.2.1", "192.0.2.2", "192.0.2.4",
                                        "192.0.2.5", "127.0.0.1", "2001:db8::1",
                                        "two.test",  "late.test", NULL};
    int64_t quarter = (int64_t)time(NULL) / QUARTER_S * QUARTER_S;
    struct tls_mint_options options = {
        .names = names, .not_before = quarter, .not_after = quarter + 3 * (int64_t)QUARTER_S};
    char why[256] = "";
    if (tls_mint_init(to, &options, why, sizeof why) < 0)
        world_fail(why);
}

void world_mint(void) {
    mint(&ours);
    mint(&strangers);
    int fd = mkstemp(ca_path);
    size_t len = strlen(ours.ca);
    EXPECT(fd >= 0 && write(fd, ours.ca, len) == (ssize_t)len);
    close(fd);
}

void world_forget_mint(void) {
    unlink(ca_path);
    tls_mint_deinit(&ours);
    tls_mint_deinit(&strangers);
}

static struct tls *open_server(const struct tls_mint *with) {
    struct tls_options options = {.server = true,
                                  .cert_pem = span_text(with->cert),
                                  .key_pem = span_text(with->key),
                                  .version_min = tls_world.settings.server_min,
                                  .version_max = tls_world.settings.server_max,
                                  .no_resumption = tls_world.settings.server_forgets,
                                  .alpn = "http/1.1"};
    struct tls *tls;
    char why[256] = "";
    if (tls_open(&tls, &options, &tls_world.memory, why, sizeof why) < 0)
        world_fail(why);
    return tls;
}

static struct tls *open_client(void) {
    struct tls_options options = {.cacert = ca_path,
                                  .version_min = tls_world.settings.client_min,
                                  .version_max = tls_world.settings.client_max,
                                  .no_resumption = tls_world.settings.client_forgets,
                                  .sessions_max = 1 + below(8),
                                  .alpn = "http/1.1"};
    struct tls *tls;
    char why[256] = "";
    if (tls_open(&tls, &options, &tls_world.memory, why, sizeof why) < 0)
        world_fail(why);
    return tls;
}

/* ---- settings ------------------------------------------------------------------------------------ */

static void draw_versions(enum tls_version *min, enum tls_version *max) {
    static const enum tls_version pairs[][2] = {{TLS_VERSION_NONE, TLS_VERSION_NONE},
                                                {TLS_VERSION_1_2, TLS_VERSION_1_3},
                                                {TLS_VERSION_1_2, TLS_VERSION_1_2},
                                                {TLS_VERSION_1_3, TLS_VERSION_1_3}};
    unsigned pair = below(4);
    *min = pairs[pair][0];
    *max = pairs[pair][1];
}

void world_draw(const struct sim_options *options) {
    tls_world = (struct tls_world){.seed = options->seed, .options = *options};
    tls_world.options.limit_s = 3600;
    random_seed(&tls_world.random, options->seed);
    struct settings *settings = &tls_world.settings;
    draw_versions(&settings->server_min, &settings->server_max);
    if (below(8)) {
        settings->client_min = below(2) ? TLS_VERSION_NONE : settings->server_min;
        settings->client_max = below(2) ? TLS_VERSION_NONE : settings->server_max;
    } else {
        draw_versions(&settings->client_min, &settings->client_max);
    }
    settings->server_forgets = below(4) == 0;
    settings->client_forgets = below(4) == 0;
    settings->trick_chance = below(2) ? 0 : below(60);
    settings->rude_chance = below(100);
    settings->slots = below(3) ? 7 : CLIENTS + 4;
    settings->wanted = below(4) ? 12 : CLIENTS;
    settings->pace_ms = below(2) ? 20 : 200;
    settings->burst = below(4) == 0;
}

/* ---- a run's beginning and end --------------------------------------------------------------------- */

static bool is_below(enum tls_version max, enum tls_version min) {
    return max && min && max < min;
}

static void add_place(enum place place, const char *host, struct tls *tls) {
    const struct settings *settings = &tls_world.settings;
    struct tls_place *at = &tls_world.place[place];
    *at = (struct tls_place){.model = &tls_world.model,
                             .tls = tls,
                             .pool = &tls_world.memory,
                             .trick_chance = settings->trick_chance,
                             .rude_chance = settings->rude_chance,
                             .strict = !settings->starved};
    sim_listen(host, 443, &tls_peer_ops, at);
}

static void listen_everywhere(void) {
    static const char *const more[] = {"192.0.2.2", "127.0.0.1", "2001:db8::1"};
    add_place(PLACE_GOOD, "192.0.2.1", tls_world.server_tls);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        sim_listen(more[i], 443, &tls_peer_ops, &tls_world.place[PLACE_GOOD]);
    add_place(PLACE_WRONG_HOST, "192.0.2.3", tls_world.server_tls);
    add_place(PLACE_STRANGER, "192.0.2.4", tls_world.stranger_tls);
    add_place(PLACE_TRICKSTER, "192.0.2.5", tls_world.server_tls);
    tls_world.place[PLACE_TRICKSTER].trick = tls_world.settings.trick;
    sim_unreachable("192.0.2.8", 113);
    sim_blackhole("192.0.2.9");
}

const struct tls_place *world_place(const char *host) {
    static const char *const none[] = {"192.0.2.7", "192.0.2.8", "192.0.2.9", "dead.test"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(host, none[i]) == 0)
            return NULL;
    if (strcmp(host, "192.0.2.3") == 0)
        return &tls_world.place[PLACE_WRONG_HOST];
    if (strcmp(host, "192.0.2.4") == 0)
        return &tls_world.place[PLACE_STRANGER];
    if (strcmp(host, "192.0.2.5") == 0)
        return &tls_world.place[PLACE_TRICKSTER];
    return &tls_world.place[PLACE_GOOD];
}

bool world_said_end(unsigned id) {
    for (unsigned i = 0; i < PLACES; i++)
        if (tls_world.place[i].said_end[id])
            return true;
    return false;
}

unsigned world_established(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < PLACES; i++)
        count += tls_world.place[i].established;
    return count;
}

/* Whether a connect's EADDRNOTAVAIL was for want of ports. */
static bool has_source(const struct address *to, const char *interface) {
    (void)to;
    (void)interface;
    return false;
}

void world_open(void) {
    /* dead: nothing ever answers; late: the address that answers is the third. */
    static const char *const resolve[] = {"two.test:443:192.0.2.1,192.0.2.2",
                                          "dead.test:443:192.0.2.9,192.0.2.8,192.0.2.7",
                                          "late.test:443:192.0.2.9,192.0.2.8,192.0.2.2", NULL};
    struct ring_options ring_options;
    struct resolver_options resolver = {.resolve = resolve};
    char why[256] = "";
    struct settings *settings = &tls_world.settings;
    settings->mismatched = is_below(settings->client_max, settings->server_min) ||
                           is_below(settings->server_max, settings->client_min);
    tls_world.tls_live_bytes = tls_memory().live_bytes;
    pool_depot_init(&tls_world.depot);
    pool_init(&tls_world.memory, &tls_world.depot);
    tls_world.server_tls = open_server(&ours);
    tls_world.stranger_tls = open_server(&strangers);
    tls_world.client_tls = open_client();
    struct conn_pool_options conns = {.connect_timeout_ns = CONNECT_TIMEOUT_S * NS_PER_S,
                                      .stall_ns = STALL_S * NS_PER_S,
                                      .idle_ns = 4 * NS_PER_S,
                                      .idle_max = 4,
                                      .tls = tls_world.client_tls,
                                      .has_source = has_source};
    ring_options_init(&ring_options, settings->slots);
    ring_options.slots = settings->slots;
    ring_options.buffer_bytes = BUFFER_BYTES;
    sim_configure(&tls_world.options);
    listen_everywhere();
    http_model_init(&tls_world.model, tls_world.seed);
    EXPECT(ring_open(&tls_world.ring, &ring_options) == 0);
    EXPECT(resolver_open(&tls_world.resolver, tls_world.ring, &resolver, why, sizeof why) == 0);
    EXPECT(conn_pool_open(&tls_world.conns, tls_world.ring, tls_world.resolver, &tls_world.memory,
                          &conns, why, sizeof why) == 0);
}

static void look_for_remains(void) {
    EXPECT(!tls_world.cert || atomic_load(&tls_world.cert->references) == 1);
    tls_cert_drop(tls_world.cert);
    tls_world.cert = NULL;
    EXPECT(tls_world.model.peers == 0);
    EXPECT(tls_world.memory.live_bytes == 0);
    pool_depot_deinit(&tls_world.depot);
    EXPECT(tls_memory().live_bytes == tls_world.tls_live_bytes);
}

void world_empty(void) {
    conn_pool_stop(tls_world.conns);
    resolver_stop(tls_world.resolver);
    while (!conn_pool_is_empty(tls_world.conns) || !resolver_is_idle(tls_world.resolver))
        ring_turn(tls_world.ring, true);
    EXPECT(ring_slots_used(tls_world.ring) == 0);
}

struct sim_report world_close(void) {
    tls_world.counts = conn_pool_counts(tls_world.conns);
    conn_pool_close(tls_world.conns);
    resolver_close(tls_world.resolver);
    ring_close(tls_world.ring);
    famine_end();
    struct sim_report report = sim_report();
    EXPECT(report.ops_live == 0 && report.peers_live == 0);
    tls_close(tls_world.client_tls);
    tls_close(tls_world.server_tls);
    tls_close(tls_world.stranger_tls);
    look_for_remains();
    return report;
}
