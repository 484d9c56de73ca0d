/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_servers.c: see resolver_servers.h.
 */
#include "net/resolver_servers.h"

#include "base/assert.h"
#include "base/clock.h"

/* A burst of more questions than the server's socket can hold loses some, and a lost one costs a
 * whole time-out. A Linux socket with its default buffer holds 277 small datagrams. So 128 questions
 * (64 names of two families) are in flight with a server that answers within 25 ms, where more
 * would not be faster, and up to ten more for every further millisecond with one that must ask
 * others. One that is slow because it is overrun must not get more and more: so it gets them one by
 * one, and half as many when a question is lost, at most once a second, as some silence is not the
 * server's. */
enum { IN_FLIGHT_BASE = 128, IN_FLIGHT_PER_MS = 10, ANSWERS_PER_STEP = 4 };
#define SHRINK_NS NS_PER_S
#define QUICK_NS (25 * NS_PER_MS)

/* Eight: one name with two families and three tries makes six. Where all are of one domain, either
 * may be to blame; then it takes more, and refusals never suffice: they cost no time, and a server
 * may well refuse a domain. */
enum { TRIP_QUESTIONS = 8, TRIP_SILENCES = 64 };

enum { TROUBLE_LOAD = 32 };

#define BACK_OFF_MAX_NS (30 * NS_PER_S)

/* Our timers tick in milliseconds, so pauses between single questions would cap the rate. */
#define BURST_NS (20 * NS_PER_MS)

void servers_init(struct servers *servers, const struct servers_options *options) {
    CHECK(options->count <= DNS_SERVERS_MAX);
    *servers = (struct servers){.options = *options};
    for (unsigned i = 0; i < options->count; i++) {
        list_init(&servers->server[i].waiting);
        servers->server[i].window = IN_FLIGHT_BASE;
    }
}

/* ---- choosing ---- */

static bool is_due(const struct server *server, uint64_t now_ns) {
    return server->out && !server->probing && server->probe_ns <= now_ns;
}

/* A server that has just failed us gets a question only when the others have more to do: enough of
 * them that a dead one trips before long, few while there is little to ask. */
static unsigned load_of(const struct server *server) {
    return server->in_flight + server->waiting_count + server->troubles * TROUBLE_LOAD;
}

/* Of two with room the one with the least to do. */
static bool is_better(const struct servers *servers, int index, int best, uint64_t now_ns) {
    if (best == SERVERS_NONE)
        return true;
    bool has_room = servers_has_room(servers, (unsigned)index, now_ns);
    bool best_has_room = servers_has_room(servers, (unsigned)best, now_ns);
    if (has_room != best_has_room)
        return has_room;
    return load_of(&servers->server[index]) < load_of(&servers->server[best]);
}

/* In the list's order from `first` on. */
static int choose_among(const struct servers *servers, unsigned without, uint64_t now_ns) {
    const unsigned count = servers->options.count;
    int best = SERVERS_NONE;
    for (unsigned i = 0; i < count; i++) {
        unsigned index = (servers->first + i) % count;
        if (servers->server[index].out || without & 1U << index)
            continue;
        if (!servers->options.spread)
            return (int)index;
        if (is_better(servers, (int)index, best, now_ns))
            best = (int)index;
    }
    return best;
}

int servers_choose(const struct servers *servers, unsigned tried, uint64_t now_ns) {
    for (unsigned i = 0; servers->out && i < servers->options.count; i++)
        if (is_due(&servers->server[i], now_ns))
            return (int)i;
    int index = choose_among(servers, tried, now_ns);
    return index == SERVERS_NONE && tried ? choose_among(servers, 0, now_ns) : index;
}

/* ---- limits ---- */

static uint64_t spacing_ns(const struct servers *servers) {
    return (uint64_t)((double)NS_PER_S / servers->options.rate);
}

/* From when on one more question keeps the rate. */
static uint64_t pace_ns(const struct servers *servers, const struct server *server) {
    if (servers->options.rate <= 0)
        return 0;
    return server->paced_ns > BURST_NS ? server->paced_ns - BURST_NS : 0;
}

static bool is_full(const struct servers *servers, const struct server *server) {
    const struct servers_options *options = &servers->options;
    uint64_t limit = options->in_flight_max;
    if (!limit) {
        limit = IN_FLIGHT_BASE;
        if (server->latency_ns > QUICK_NS)
            limit += (server->latency_ns - QUICK_NS) * IN_FLIGHT_PER_MS / NS_PER_MS;
        limit = limit < server->window ? limit : server->window;
        limit = limit < options->in_flight_cap ? limit : options->in_flight_cap;
    }
    return server->in_flight >= limit;
}

bool servers_has_room(const struct servers *servers, unsigned index, uint64_t now_ns) {
    const struct server *server = &servers->server[index];
    if (server->out)
        return is_due(server, now_ns);
    return !is_full(servers, server) && pace_ns(servers, server) <= now_ns;
}

bool servers_have_room(const struct servers *servers, uint64_t now_ns) {
    int index = servers_choose(servers, 0, now_ns);
    return index != SERVERS_NONE && list_is_empty(&servers->server[index].waiting) &&
           servers_has_room(servers, (unsigned)index, now_ns);
}

bool servers_all_out(const struct servers *servers) {
    return servers->out == servers->options.count;
}

uint64_t servers_room_ns(const struct servers *servers, uint64_t now_ns) {
    uint64_t soonest_ns = UINT64_MAX;
    for (unsigned i = 0; i < servers->options.count; i++) {
        const struct server *server = &servers->server[i];
        uint64_t at_ns = UINT64_MAX;
        if (server->out && !server->probing)
            at_ns = server->probe_ns;
        else if (!server->out && !is_full(servers, server) && pace_ns(servers, server) > now_ns)
            at_ns = pace_ns(servers, server);
        soonest_ns = at_ns < soonest_ns ? at_ns : soonest_ns;
    }
    return soonest_ns;
}

/* ---- what happens to them ---- */

bool servers_asked(struct servers *servers, unsigned index, uint64_t now_ns) {
    struct server *server = &servers->server[index];
    server->in_flight++;
    if (servers->options.rate > 0) {
        uint64_t from_ns = server->paced_ns > now_ns ? server->paced_ns : now_ns;
        server->paced_ns = from_ns + spacing_ns(servers);
    }
    if (servers->options.spread) /* of equals the next one is next */
        servers->first = (index + 1) % servers->options.count;
    if (!server->out)
        return false;
    server->probing = true;
    return true;
}

static void trip(struct servers *servers, struct server *server, uint64_t now_ns) {
    server->out = true;
    server->probing = false;
    server->back_off_ns = servers->options.back_off_ns;
    server->probe_ns = now_ns + server->back_off_ns;
    servers->out++;
    servers->trips++;
}

static void bring_back(struct servers *servers, unsigned index) {
    struct server *server = &servers->server[index];
    if (server->out)
        servers->out--;
    /* The list's order is its owner's wish. */
    if (server->out && !servers->options.spread && index < servers->first)
        servers->first = index;
    server->out = server->probing = false;
    server->troubles = server->silences = server->domains = 0;
}

static void back_off(struct server *server, uint64_t now_ns) {
    server->probing = false;
    server->back_off_ns *= 2;
    if (server->back_off_ns > BACK_OFF_MAX_NS)
        server->back_off_ns = BACK_OFF_MAX_NS;
    server->probe_ns = now_ns + server->back_off_ns;
}

static void count_trouble(struct server *server, enum server_verdict verdict, uint64_t domain) {
    server->troubles++;
    if (verdict == SERVER_SILENT)
        server->silences++;
    for (unsigned i = 0; i < server->domains; i++)
        if (server->domain[i] == domain)
            return;
    if (server->domains < SERVERS_TRIP_DOMAINS)
        server->domain[server->domains++] = domain;
}

static bool is_condemned(const struct server *server) {
    return (server->troubles >= TRIP_QUESTIONS && server->domains == SERVERS_TRIP_DOMAINS) ||
           server->silences >= TRIP_SILENCES;
}

/* The window grows while it is what limits us. */
static void adapt_window(struct server *server, enum server_verdict verdict, uint64_t now_ns) {
    if (verdict == SERVER_SILENT && now_ns - server->shrunk_ns >= SHRINK_NS) {
        server->window /= 2;
        if (server->window < IN_FLIGHT_BASE)
            server->window = IN_FLIGHT_BASE;
        server->shrunk_ns = now_ns;
    } else if (verdict == SERVER_ANSWERED && server->in_flight >= server->window / 8 * 7 &&
               ++server->credit >= ANSWERS_PER_STEP) {
        server->credit = 0;
        server->window++;
    }
}

void servers_replied(struct servers *servers, unsigned index, const struct server_reply *reply,
                     uint64_t now_ns) {
    struct server *server = &servers->server[index];
    CHECK(server->in_flight > 0);
    server->in_flight--;
    adapt_window(server, reply->verdict, now_ns);
    if (reply->verdict == SERVER_ANSWERED) {
        server->answered_ns = now_ns;
        bring_back(servers, index);
        return;
    }
    if (reply->verdict == SERVER_SILENT && server->answered_ns > reply->asked_ns)
        return;
    servers->refuses = reply->verdict == SERVER_REFUSED;
    if (!server->out) {
        count_trouble(server, reply->verdict, reply->domain);
        if (is_condemned(server))
            trip(servers, server, now_ns);
    } else if (reply->probe && server->probing) {
        back_off(server, now_ns);
    }
}

void servers_learn_latency(struct servers *servers, unsigned index, uint64_t latency_ns) {
    struct server *server = &servers->server[index];
    server->latency_ns += latency_ns / 16 - server->latency_ns / 16;
}
