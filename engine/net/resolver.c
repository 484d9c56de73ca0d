/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver.c: the sources of addresses in their order, the queries that wait, and the turn of those
 * that must. How a name is asked of servers is resolver_question.c's business.
 */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/resolver_private.h"

enum { TIMEOUT_MS = 2000, TRIES = 3, BACK_OFF_MS = 1000, PATIENCE_MS = 30000 };
enum { IN_FLIGHT_MAX = 500, CACHE_MAX = 100000, CACHE_BYTES_MAX = 32 << 20 };
enum { HOSTS_ADDRESSES_MAX = 64, LABEL_BYTES_MAX = 63 };

static const char hosts_default[] = "/etc/hosts";

/* ---- upcalls ---- */

void resolver_ready(struct question *question) {
    struct resolver *resolver = question->resolver;
    if (!link_is_linked(&question->ready))
        list_push_back(&resolver->ready, &question->ready);
    if (!ring_timer_is_set(&resolver->kick))
        ring_timer_set(resolver->ring, &resolver->kick, ring_now(resolver->ring));
}

void resolver_deliver(struct question *question, struct err err, struct address_list *list) {
    for (struct link *link; (link = list_pop_front(&question->waiters));) {
        struct resolver_query *query = LIST_ENTRY(link, struct resolver_query, link);
        query->done(query, err, list);
    }
}

/* One batch: what becomes ready meanwhile is for the next turn, so that queries answered on the
 * spot which are asked again and again cannot keep the worker here. */
void resolver_settle(struct resolver *resolver) {
    if (resolver->settling || resolver->stopped)
        return;
    struct link *last = list_last(&resolver->ready);
    resolver->settling = true;
    for (bool more = last != NULL; more && !resolver->stopped;) {
        struct link *link = list_pop_front(&resolver->ready);
        if (!link)
            break;
        more = link != last;
        question_step(LIST_ENTRY(link, struct question, ready));
    }
    if (!resolver->stopped)
        turn_all(resolver);
    resolver->settling = false;
    if (resolver->stopped || list_is_empty(&resolver->ready))
        ring_timer_stop(&resolver->kick);
}

static void on_kick(struct ring_timer *timer) {
    resolver_settle(CONTAINER_OF(timer, struct resolver, kick));
}

static void on_room(struct ring_timer *timer) {
    resolver_settle(CONTAINER_OF(timer, struct resolver, room));
}

static void on_dns_turned(void *context) {
    resolver_settle(context);
}

/* ---- opening and closing ---- */

static void fill_in(struct resolver_options *options) {
    if (!options->timeout_ms)
        options->timeout_ms = TIMEOUT_MS;
    if (!options->tries)
        options->tries = TRIES;
    if (!options->in_flight_max)
        options->in_flight_max = IN_FLIGHT_MAX;
    if (!options->back_off_ms)
        options->back_off_ms = BACK_OFF_MS;
    if (!options->patience_ms)
        options->patience_ms = PATIENCE_MS;
    if (!options->cache_max)
        options->cache_max = CACHE_MAX;
    if (!options->cache_bytes_max)
        options->cache_bytes_max = CACHE_BYTES_MAX;
}

static int open_hosts(struct resolver *resolver, char *why, size_t why_size) {
    const char *path = resolver->options.hosts_path;
    int result = hosts_open(&resolver->hosts, path ? path : hosts_default);
    if (!result || !path)
        return 0; /* a system need not have the file */
    snprintf(why, why_size, "hosts file '%s': %s", path, strerror(-result));
    return result;
}

static int open_overrides(struct resolver *resolver, char *why, size_t why_size) {
    const char *const *text = resolver->options.resolve;
    for (; text && *text; text++)
        if (!overrides_add(&resolver->overrides, *text, resolver->options.family,
                           ring_now(resolver->ring), why, why_size))
            return -EINVAL;
    return 0;
}

static int open_parts(struct resolver *resolver, char *why, size_t why_size) {
    const struct dns_options dns = {.servers = resolver->options.servers,
                                    .timeout_ms = resolver->options.timeout_ms,
                                    .turned = on_dns_turned,
                                    .context = resolver};
    if (name_table_init(&resolver->pending) ||
        overrides_init(&resolver->overrides, &resolver->pool) ||
        cache_init(&resolver->cache, &resolver->pool, resolver->options.cache_max,
                   resolver->options.cache_bytes_max)) {
        snprintf(why, why_size, "no memory for the resolver");
        return -ENOMEM;
    }
    int result = open_overrides(resolver, why, why_size);
    if (!result)
        result = open_hosts(resolver, why, why_size);
    if (!result)
        result = dns_open(&resolver->dns, resolver->ring, &dns, why, why_size);
    if (!result)
        turn_open(resolver);
    return result;
}

int resolver_open(struct resolver **opened, struct ring *ring,
                  const struct resolver_options *options, char *why, size_t why_size) {
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver) {
        snprintf(why, why_size, "no memory for the resolver");
        return -ENOMEM;
    }
    resolver->ring = ring;
    resolver->options = *options;
    fill_in(&resolver->options);
    resolver->reach = reach_of_machine();
    pool_depot_init(&resolver->depot);
    pool_init(&resolver->pool, &resolver->depot);
    list_init(&resolver->questions);
    list_init(&resolver->turn);
    list_init(&resolver->ready);
    list_init(&resolver->stranded);
    ring_timer_init(&resolver->kick, on_kick);
    ring_timer_init(&resolver->room, on_room);
    int result = open_parts(resolver, why, why_size);
    if (result) {
        resolver_stop(resolver);
        resolver_close(resolver);
        return result;
    }
    *opened = resolver;
    return 0;
}

void resolver_stop(struct resolver *resolver) {
    if (resolver->stopped)
        return;
    resolver->stopped = true;
    ring_timer_stop(&resolver->kick);
    ring_timer_stop(&resolver->room);
    if (resolver->dns)
        dns_stop(resolver->dns);
    struct link *at = resolver->questions.next;
    while (at != &resolver->questions) {
        struct question *question = LIST_ENTRY(at, struct question, all);
        at = at->next;
        while (list_pop_front(&question->waiters))
            continue;
        ring_timer_stop(&question->delay);
        if (!resolver->settling) /* one of them may be in the middle of its upcalls */
            question_close(question);
    }
}

bool resolver_is_idle(const struct resolver *resolver) {
    return resolver->stopped && !resolver->settling &&
           (!resolver->dns || dns_is_idle(resolver->dns));
}

void resolver_close(struct resolver *resolver) {
    if (!resolver)
        return;
    CHECK(resolver_is_idle(resolver));
    for (struct link *link; (link = list_first(&resolver->questions));)
        question_close(LIST_ENTRY(link, struct question, all));
    dns_close(resolver->dns);
    hosts_close(resolver->hosts);
    overrides_deinit(&resolver->overrides);
    cache_deinit(&resolver->cache);
    name_table_deinit(&resolver->pending);
    address_list_drop(resolver->literal);
    pool_depot_deinit(&resolver->depot);
    free(resolver);
}

struct resolver_counts resolver_counts(const struct resolver *resolver) {
    struct resolver_counts counts = resolver->counts;
    counts.waiting = resolver->turn_count + resolver->held;
    counts.server_trips = resolver->servers.trips;
    counts.servers_out = resolver->servers.out;
    counts.cache_entries = cache_count(&resolver->cache);
    counts.cache_bytes = cache_bytes(&resolver->cache);
    return counts;
}

/* ---- sources, in their order ---- */

/* Keeps the list for as long as the upcall runs, whatever the upcall does to its source. */
static bool answer(struct resolver_query *query, struct err err, struct address_list *list) {
    if (list)
        address_list_keep(list);
    query->done(query, err, list);
    address_list_drop(list);
    return true;
}

static bool answer_error(struct resolver_query *query, enum err_kind kind) {
    return answer(query, err_make(STAGE_RESOLVE, kind, 0), NULL);
}

static bool answer_literal(struct resolver *resolver, struct resolver_query *query,
                           struct address address) {
    if (!addresses_restrict(&address, 1, resolver->options.family))
        return answer_error(query, ERR_NO_ADDRESS);
    struct address_list *list = resolver->literal;
    if (list && list->references == 1) {
        list->address[0] = address;
    } else {
        list = address_list_copy(&address, 1);
        if (!list)
            return answer_error(query, ERR_MEMORY);
        address_list_drop(resolver->literal);
        resolver->literal = list;
    }
    return answer(query, ERR_OK, list);
}

/* Lower case into `text`; false for what can't be a name (RFC 1035 section 2.3.4). Underscores and
 * the like are left to the servers, but not what c-ares would take for an escape. */
static bool normalise(char *text, struct span host, struct span *name) {
    size_t label = 0;
    if (host.len == 0 || host.len > NAME_BYTES_MAX ||
        (host.len == NAME_BYTES_MAX && host.at[host.len - 1] != '.'))
        return false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.at[i];
        if (c <= ' ' || c == '\\' || c == 127)
            return false;
        if (c == '.' && label == 0)
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_BYTES_MAX)
            return false;
        text[i] = (char)ascii_lower(c);
    }
    *name = span_of(text, host.len);
    return true;
}

static bool is_under(struct span name, const char *domain) {
    size_t len = strlen(domain);
    return name.len >= len && memcmp(name.at + name.len - len, domain, len) == 0 &&
           (name.len == len || name.at[name.len - len - 1] == '.');
}

static unsigned localhost_addresses(struct address *address) {
    address_set(&address[0], AF_INET6, &in6addr_loopback, 0);
    address_set(&address[1], AF_INET, &(struct in_addr){htonl(INADDR_LOOPBACK)}, 0);
    return 2;
}

/* The hosts file, and "localhost", which RFC 6761 section 6.3 keeps from servers. Their answers go
 * to the cache for good. False: no such entry. */
static bool answer_local(struct resolver *resolver, struct resolver_query *query,
                         struct name_key key) {
    struct address address[HOSTS_ADDRESSES_MAX];
    struct span name = key.name;
    if (name.at[name.len - 1] == '.')
        name.len--;
    unsigned count = 0;
    if (resolver->hosts)
        count = hosts_find(resolver->hosts, name.len == key.name.len ? key : name_key(name),
                           address, HOSTS_ADDRESSES_MAX);
    count = addresses_order(address, count, resolver->options.family, resolver->reach);
    if (!count && is_under(name, "localhost"))
        count = addresses_order(address, localhost_addresses(address), resolver->options.family,
                                resolver->reach);
    if (!count)
        return false;
    struct address_list *list = address_list_copy(address, count);
    if (!list)
        return answer_error(query, ERR_MEMORY);
    cache_put(&resolver->cache, key, list, ERR_OK, CACHE_FOREVER);
    answer(query, ERR_OK, list);
    address_list_drop(list);
    return true;
}

/* RFC 7686 and RFC 6761 section 6.4: no server is to be asked for these. */
static bool is_never_asked(struct span name) {
    if (name.at[name.len - 1] == '.')
        name.len--;
    return name.len == 0 || is_under(name, "onion") || is_under(name, "invalid");
}

static void wait_for_servers(struct resolver *resolver, struct resolver_query *query,
                             struct name_key key) {
    struct name_node *node = name_table_find(&resolver->pending, key);
    struct question *question =
        node ? CONTAINER_OF(node, struct question, node) : question_open(resolver, key);
    list_push_back(&question->waiters, &query->link);
    if (!node)
        turn_queue(question);
}

bool resolver_ask(struct resolver *resolver, struct resolver_query *query, struct span host,
                  uint16_t port) {
    char text[NAME_BYTES_MAX + 1];
    struct address literal;
    struct span name;
    list_init(&query->link);
    resolver->counts.asked++;
    if (resolver->stopped)
        return answer_error(query, ERR_CANCELLED);
    if (address_parse(&literal, host, 0))
        return answer_literal(resolver, query, literal);
    if (!normalise(text, host, &name))
        return answer_error(query, ERR_NO_SUCH_HOST);

    uint64_t now_ns = ring_now(resolver->ring);
    struct address_list *list = overrides_find(&resolver->overrides, name, port, now_ns);
    if (list)
        return answer(query, ERR_OK, list);
    struct name_key key = name_key(name);
    const struct cache_entry *entry = cache_find(&resolver->cache, key, now_ns);
    if (entry) {
        resolver->counts.cache_hits++;
        return answer(query, entry->err, entry->list);
    }
    if (answer_local(resolver, query, key))
        return true;
    if (is_never_asked(name))
        return answer_error(query, ERR_NO_SUCH_HOST);
    wait_for_servers(resolver, query, key);
    return false;
}

void resolver_forget(struct resolver *resolver, struct resolver_query *query) {
    (void)resolver;
    if (query->link.next && link_is_linked(&query->link))
        list_remove(&query->link);
}
