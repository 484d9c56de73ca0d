/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_turn.c: whose turn it is. A name begins only when a server has room for it; a lookup
 * that goes on to a server without room waits for that one; a lookup that finds all servers out is
 * stranded, until one has been probed with success or patience ends. One resolver's.
 *
 * Rejected: letting every name begin and wait as a lookup. Names by the hundred thousand would then
 * have to be moved from list to list whenever a server trips.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "net/resolver_private.h"

/* Several servers that the user named share the load, as that is what naming several is for. The
 * system's list is an order of preference (resolv.conf(5)) unless it says `rotate`. */
void turn_open(struct resolver *resolver) {
    const struct resolver_options *options = &resolver->options;
    servers_init(&resolver->servers,
                 &(struct servers_options){.count = dns_server_count(resolver->dns),
                                           .spread = options->servers || dns_rotates(resolver->dns),
                                           .in_flight_max = options->server_in_flight_max,
                                           .in_flight_cap = LOOKUPS * options->in_flight_max,
                                           .rate = options->server_rate,
                                           .back_off_ns = options->back_off_ms * NS_PER_MS});
}

/* ---- lookups ---- */

static void send_now(struct lookup *lookup) {
    struct resolver *resolver = lookup->question->resolver;
    lookup->probe = servers_asked(&resolver->servers, lookup->server, ring_now(resolver->ring));
    lookup_send(lookup);
}

static void hold(struct lookup *lookup, bool stranded) {
    struct resolver *resolver = lookup->question->resolver;
    struct server *server = &resolver->servers.server[lookup->server];
    lookup->state = LOOKUP_HELD;
    lookup->stranded = stranded;
    lookup->waited_ns = ring_now(resolver->ring);
    list_push_back(stranded ? &resolver->stranded : &server->waiting, &lookup->held);
    if (!stranded)
        server->waiting_count++;
    resolver->held++;
}

void turn_unhold(struct lookup *lookup) {
    struct resolver *resolver = lookup->question->resolver;
    if (!link_is_linked(&lookup->held))
        return;
    list_remove(&lookup->held);
    if (!lookup->stranded)
        resolver->servers.server[lookup->server].waiting_count--;
    resolver->held--;
}

void turn_ask(struct lookup *lookup) {
    struct resolver *resolver = lookup->question->resolver;
    const struct servers *servers = &resolver->servers;
    uint64_t now_ns = ring_now(resolver->ring);
    int index = servers_choose(servers, lookup->tried, now_ns);
    if (index == SERVERS_NONE) {
        hold(lookup, true);
        return;
    }
    lookup->server = (uint8_t)index;
    if (list_is_empty(&servers->server[index].waiting) &&
        servers_has_room(servers, (unsigned)index, now_ns))
        send_now(lookup);
    else
        hold(lookup, false);
}

static struct lookup *take(struct link *list) {
    struct link *link = list_first(list);
    struct lookup *lookup = link ? LIST_ENTRY(link, struct lookup, held) : NULL;
    if (lookup)
        turn_unhold(lookup);
    return lookup;
}

static void serve_waiting(struct resolver *resolver, unsigned index) {
    struct servers *servers = &resolver->servers;
    struct link *waiting = &servers->server[index].waiting;
    uint64_t now_ns = ring_now(resolver->ring);
    while (!list_is_empty(waiting)) {
        if (servers->server[index].out)
            turn_ask(take(waiting)); /* another, or none */
        else if (servers_has_room(servers, index, now_ns))
            send_now(take(waiting));
        else
            return;
    }
}

static void serve_stranded(struct resolver *resolver) {
    uint64_t now_ns = ring_now(resolver->ring);
    while (!list_is_empty(&resolver->stranded) &&
           servers_choose(&resolver->servers, 0, now_ns) != SERVERS_NONE)
        turn_ask(take(&resolver->stranded));
}

/* ---- names ---- */

static bool start_next(struct resolver *resolver) {
    if (resolver->stopped || resolver->in_flight >= resolver->options.in_flight_max ||
        list_is_empty(&resolver->turn) ||
        !servers_have_room(&resolver->servers, ring_now(resolver->ring)))
        return false;
    struct question *question = LIST_ENTRY(list_pop_front(&resolver->turn), struct question, turn);
    resolver->turn_count--;
    if (list_is_empty(&question->waiters))
        question_close(question); /* forgotten while it waited */
    else
        question_start(question);
    return true;
}

/* ---- patience ---- */

static uint64_t patience_ns(const struct resolver *resolver) {
    return resolver->options.patience_ms * NS_PER_MS;
}

/* Until when the first of the names in `turn` waits, while all servers are out. Whoever comes late
 * into an outage waits as long as the others: a run is slowed down rather than burnt. */
static uint64_t turn_until_ns(const struct resolver *resolver) {
    const struct link *first = list_first(&resolver->turn);
    if (!first || !servers_all_out(&resolver->servers))
        return UINT64_MAX;
    uint64_t opened_ns = LIST_ENTRY(first, struct question, turn)->opened_ns;
    uint64_t from_ns = opened_ns > resolver->all_out_ns ? opened_ns : resolver->all_out_ns;
    return from_ns + patience_ns(resolver);
}

static uint64_t stranded_until_ns(const struct resolver *resolver) {
    const struct link *first = list_first(&resolver->stranded);
    return first ? LIST_ENTRY(first, struct lookup, held)->waited_ns + patience_ns(resolver)
                 : UINT64_MAX;
}

static void give_up(struct resolver *resolver) {
    uint64_t now_ns = ring_now(resolver->ring);
    enum lookup_result result = resolver->servers.refuses ? RESULT_REFUSED : RESULT_TIMEOUT;
    while (stranded_until_ns(resolver) <= now_ns)
        lookup_give_up(take(&resolver->stranded), result);
    while (!resolver->stopped && turn_until_ns(resolver) <= now_ns)
        question_give_up(LIST_ENTRY(list_first(&resolver->turn), struct question, turn), result);
}

/* ---- all of them ---- */

static void note_outage(struct resolver *resolver) {
    if (!servers_all_out(&resolver->servers))
        resolver->all_out_ns = 0;
    else if (!resolver->all_out_ns)
        resolver->all_out_ns = ring_now(resolver->ring);
}

/* What was due in the past has been used, or waits for replies, which bring us here again. */
static void set_timer(struct resolver *resolver) {
    uint64_t now_ns = ring_now(resolver->ring);
    uint64_t at_ns = UINT64_MAX, other_ns = turn_until_ns(resolver);
    if (resolver->held || !list_is_empty(&resolver->turn))
        at_ns = servers_room_ns(&resolver->servers, now_ns);
    at_ns = other_ns < at_ns ? other_ns : at_ns;
    other_ns = stranded_until_ns(resolver);
    at_ns = other_ns < at_ns ? other_ns : at_ns;
    if (at_ns == UINT64_MAX || at_ns <= now_ns)
        ring_timer_stop(&resolver->room);
    else if (!ring_timer_is_set(&resolver->room) || resolver->room.due_ns != at_ns)
        ring_timer_set(resolver->ring, &resolver->room, at_ns);
}

void turn_queue(struct question *question) {
    struct resolver *resolver = question->resolver;
    list_push_back(&resolver->turn, &question->turn);
    resolver->turn_count++;
    if (resolver->settling) /* which comes to it */
        return;
    while (start_next(resolver))
        continue;
    set_timer(resolver);
}

/* A probe is a name that nobody has been asked for yet, if there is one: those that are stranded may
 * be so for a fault of their own. */
void turn_all(struct resolver *resolver) {
    note_outage(resolver);
    for (unsigned i = 0; i < resolver->servers.options.count; i++)
        serve_waiting(resolver, i);
    if (servers_all_out(&resolver->servers))
        start_next(resolver);
    serve_stranded(resolver);
    while (start_next(resolver))
        continue;
    give_up(resolver);
    if (!resolver->stopped)
        set_timer(resolver);
}
