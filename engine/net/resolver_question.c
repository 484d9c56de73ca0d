/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_question.c: one name while DNS servers are being asked for it: A and AAAA side by side,
 * each from server to server, and for short names through the search list.
 *
 * Search list: a name with fewer dots than `ndots` is asked with each search domain and then as it
 * is, as the C library does, so that names like "intranet" or a Kubernetes service's work. A name
 * with as many dots or one at its end is only asked as it is, as in musl and as RFC 1535 advises:
 * trying example.com.corp.test for a dead example.com would double the questions of a long list and
 * could bring a stranger's answer.
 *
 * Servers: one that doesn't answer is followed by the next, round and round, `tries` times; one
 * that answers SERVFAIL or the like is followed by those not asked yet. Which one is next, and
 * when, resolver_turn.c says. A failure is not cached, as whoever retries wants a fresh answer.
 */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/dns_message.h"
#include "net/resolver_private.h"

/* RFC 8305 section 3, which means it for A alone. We hold AAAA back for it as well: a list is final
 * for whoever gets it, and one without IPv4 leaves nothing to fall back on. */
#define RESOLUTION_DELAY_NS (50 * NS_PER_MS)

enum { NEGATIVE_TTL_S = 30 }; /* where the server gave no SOA */

/* ---- one family ---- */

/* What is known stays unless the newer result says more about the name. */
static void lookup_learn(struct lookup *lookup, enum lookup_result result) {
    if (lookup->result == RESULT_NONE || result < lookup->result)
        lookup->result = (uint8_t)result;
}

static enum lookup_result take_answer(struct lookup *lookup, struct span message) {
    struct dns_answer answer;
    if (!dns_answer_parse(&answer, message, lookup->family))
        return RESULT_FAILED;
    if (answer.count) {
        lookup->list = address_list_copy(answer.address, answer.count);
        lookup->ttl_s = answer.ttl_s;
        return lookup->list ? RESULT_ADDRESSES : RESULT_FAILED;
    }
    lookup->ttl_s = answer.has_ttl ? answer.ttl_s : NEGATIVE_TTL_S;
    return answer.rcode == DNS_NXDOMAIN ? RESULT_NO_NAME : RESULT_NO_DATA;
}

static enum lookup_result result_of(struct lookup *lookup, enum dns_outcome outcome,
                                    struct span message) {
    switch (outcome) {
    case DNS_ANSWERED:
        return take_answer(lookup, message);
    case DNS_SERVFAIL:
        return RESULT_SERVFAIL;
    case DNS_REFUSED:
        return RESULT_REFUSED;
    case DNS_UNREACHABLE:
        return RESULT_TIMEOUT;
    case DNS_FAILED:
    case DNS_STOPPED:
        break;
    }
    return RESULT_FAILED;
}

/* Two labels: a host's domain as far as can be told from the name alone. */
static uint64_t domain_of(const struct question *question) {
    struct span name = question->node.key.name;
    unsigned dots = 0;
    size_t from = name.len - (name.at[name.len - 1] == '.');
    while (from > 0 && (dots += name.at[from - 1] == '.') < 2)
        from--;
    return hash_bytes(name.at + from, name.len - from);
}

/* What the outcome says about the server. That we had no memory says nothing, but counting it as a
 * reply is harmless. */
static void tell_server(const struct lookup *lookup, enum lookup_result result) {
    const struct question *question = lookup->question;
    struct resolver *resolver = question->resolver;
    uint64_t now_ns = ring_now(resolver->ring);
    struct server_reply reply = {
        .verdict = SERVER_ANSWERED, .probe = lookup->probe, .asked_ns = lookup->asked_ns};
    if (result == RESULT_TIMEOUT || result == RESULT_REFUSED) {
        reply.verdict = result == RESULT_TIMEOUT ? SERVER_SILENT : SERVER_REFUSED;
        reply.domain = domain_of(question);
    } else if (result < RESULT_SERVFAIL) {
        servers_learn_latency(&resolver->servers, lookup->server, now_ns - lookup->asked_ns);
    }
    servers_replied(&resolver->servers, lookup->server, &reply, now_ns);
}

/* Silence: round and round. Refusals too once all servers are out, as then it is not the name. Any
 * other failure: whoever is well and hasn't been asked. */
static bool may_go_on(const struct lookup *lookup, enum lookup_result result) {
    const struct resolver *resolver = lookup->question->resolver;
    const struct servers *servers = &resolver->servers;
    const unsigned count = dns_server_count(resolver->dns);
    bool in_rounds =
        result == RESULT_TIMEOUT || (result == RESULT_REFUSED && servers_all_out(servers));
    if (in_rounds)
        return lookup->attempt < count * resolver->options.tries;
    for (unsigned i = 0; i < count && lookup->attempt < count; i++)
        if (!servers->server[i].out && !(lookup->tried & 1U << i))
            return true;
    return false;
}

/* Called from inside c-ares: takes notes only. */
static void on_lookup_done(struct dns_request *request, enum dns_outcome outcome,
                           struct span message) {
    struct lookup *lookup = CONTAINER_OF(request, struct lookup, request);
    lookup->state = LOOKUP_DONE;
    if (outcome == DNS_STOPPED)
        return;
    enum lookup_result result = result_of(lookup, outcome, message);
    lookup_learn(lookup, result);
    tell_server(lookup, result);
    if (result >= RESULT_SERVFAIL && may_go_on(lookup, result))
        lookup->state = LOOKUP_AGAIN;
    resolver_ready(lookup->question);
}

/* ---- names ---- */

static bool is_searched(const struct question *question) {
    struct span name = question->node.key.name;
    unsigned dots = 0;
    for (size_t i = 0; i < name.len; i++)
        dots += name.at[i] == '.';
    return name.at[name.len - 1] != '.' && dots < dns_ndots(question->resolver->dns);
}

static unsigned candidate_count(const struct question *question) {
    return is_searched(question) ? dns_domain_count(question->resolver->dns) + 1 : 1;
}

/* False: with this search domain the name becomes too long. */
static bool candidate_name(const struct question *question, char *text) {
    const struct dns *dns = question->resolver->dns;
    struct span name = question->node.key.name;
    memcpy(text, name.at, name.len);
    text[name.len] = 0;
    if (question->candidate + 1 >= candidate_count(question))
        return true;
    struct span domain = span_text(dns_domain(dns, question->candidate));
    if (!domain.len || name.len + 1 + domain.len > NAME_BYTES_MAX)
        return false;
    text[name.len] = '.';
    memcpy(text + name.len + 1, domain.at, domain.len + 1);
    return true;
}

static void lookup_ask(struct lookup *lookup) {
    char name[NAME_BYTES_MAX + 1];
    if (candidate_name(lookup->question, name)) {
        turn_ask(lookup);
        return;
    }
    lookup->state = LOOKUP_DONE;
    lookup->result = RESULT_NO_NAME;
    lookup->ttl_s = NEGATIVE_TTL_S;
    resolver_ready(lookup->question);
}

void lookup_send(struct lookup *lookup) {
    struct resolver *resolver = lookup->question->resolver;
    char name[NAME_BYTES_MAX + 1];
    bool fits = candidate_name(lookup->question, name);
    CHECK(fits);
    const unsigned bit = 1U << lookup->server;
    lookup->tried = (uint8_t)(lookup->tried & bit ? bit : lookup->tried | bit); /* a new round? */
    lookup->attempt++;
    lookup->state = LOOKUP_ASKED;
    lookup->asked_ns = ring_now(resolver->ring);
    resolver->counts.dns_queries++;
    if (lookup->question->lookup[0].list || lookup->question->lookup[1].list)
        resolver_ready(lookup->question); /* the other's delay begins */
    dns_ask(resolver->dns, lookup->server, &lookup->request, name, lookup->family);
}

void lookup_give_up(struct lookup *lookup, enum lookup_result result) {
    lookup->state = LOOKUP_DONE;
    lookup_learn(lookup, result);
    resolver_ready(lookup->question);
}

/* ---- the question ---- */

static void on_delay(struct ring_timer *timer) {
    struct question *question = CONTAINER_OF(timer, struct question, delay);
    question->delay_over = true;
    resolver_ready(question);
    resolver_settle(question->resolver);
}

/* A family that cannot be used isn't asked for, unless the user wants just that one. */
static bool wants(const struct resolver *resolver, int family) {
    if (resolver->options.family != AF_UNSPEC)
        return resolver->options.family == family;
    return family == AF_INET6 ? resolver->reach.v6 : resolver->reach.v4;
}

struct question *question_open(struct resolver *resolver, struct name_key key) {
    static const int families[LOOKUPS] = {AF_INET, AF_INET6};
    struct question *question =
        pool_acquire_zeroed(&resolver->pool, sizeof *question + key.name.len);
    memcpy(question->name, key.name.at, key.name.len);
    question->node.key = (struct name_key){span_of(question->name, key.name.len), key.hash};
    question->resolver = resolver;
    question->negative_ttl_s = UINT32_MAX;
    question->opened_ns = ring_now(resolver->ring);
    list_init(&question->waiters);
    list_init(&question->turn);
    list_init(&question->ready);
    ring_timer_init(&question->delay, on_delay);
    for (int i = 0; i < LOOKUPS; i++) {
        struct lookup *lookup = &question->lookup[i];
        lookup->request.done = on_lookup_done;
        lookup->question = question;
        lookup->family = families[i];
        list_init(&lookup->held);
    }
    name_table_insert(&resolver->pending, &question->node);
    question->pending = true;
    list_push_back(&resolver->questions, &question->all);
    return question;
}

/* From here on, who asks for the name begins a new question. */
static void leave_pending(struct question *question) {
    if (question->pending)
        name_table_remove(&question->resolver->pending, &question->node);
    question->pending = false;
}

void question_close(struct question *question) {
    struct resolver *resolver = question->resolver;
    CHECK(list_is_empty(&question->waiters));
    if (question->started)
        resolver->in_flight--;
    ring_timer_stop(&question->delay);
    leave_pending(question);
    list_remove(&question->all);
    if (link_is_linked(&question->turn))
        resolver->turn_count--;
    list_remove(&question->turn);
    list_remove(&question->ready);
    for (int i = 0; i < LOOKUPS; i++) {
        CHECK(question->lookup[i].state != LOOKUP_ASKED);
        turn_unhold(&question->lookup[i]);
        address_list_drop(question->lookup[i].list);
    }
    pool_release(&resolver->pool, question, sizeof *question + question->node.key.name.len);
}

static void ask_candidate(struct question *question) {
    for (int i = 0; i < LOOKUPS; i++) {
        struct lookup *lookup = &question->lookup[i];
        lookup->attempt = 0;
        lookup->tried = 0;
        lookup->result = RESULT_NONE;
        if (wants(question->resolver, lookup->family))
            lookup_ask(lookup);
    }
}

void question_start(struct question *question) {
    question->started = true;
    question->resolver->in_flight++;
    ask_candidate(question);
}

/* Both families' addresses in the order to try them; the reference is the caller's. NULL: no
 * memory. */
static struct address_list *combine(const struct question *question, uint32_t *ttl_s) {
    struct address all[LOOKUPS * DNS_ADDRESSES_MAX];
    unsigned count = 0;
    *ttl_s = UINT32_MAX;
    for (int i = 0; i < LOOKUPS; i++) {
        const struct lookup *lookup = &question->lookup[i];
        if (!lookup->list)
            continue;
        memcpy(all + count, lookup->list->address, lookup->list->count * sizeof *all);
        count += lookup->list->count;
        *ttl_s = lookup->ttl_s < *ttl_s ? lookup->ttl_s : *ttl_s;
    }
    const struct resolver *resolver = question->resolver;
    count = addresses_order(all, count, resolver->options.family, resolver->reach);
    return address_list_copy(all, count);
}

static void deliver(struct question *question, struct address_list *list, struct err err,
                    uint32_t ttl_s) {
    struct resolver *resolver = question->resolver;
    cache_put(&resolver->cache, question->node.key, list, err,
              ring_now(resolver->ring) + cache_lifetime_ns(ttl_s));
    question->delivered = true;
    resolver_deliver(question, err, list);
}

static void deliver_addresses(struct question *question) {
    uint32_t ttl_s;
    struct address_list *list = combine(question, &ttl_s);
    if (!list)
        resolver_deliver(question, err_make(STAGE_RESOLVE, ERR_MEMORY, 0), NULL);
    else if (list->count)
        deliver(question, list, ERR_OK, ttl_s);
    else
        deliver(question, NULL, err_make(STAGE_RESOLVE, ERR_NO_ADDRESS, 0), ttl_s);
    address_list_drop(list);
}

static struct err failure_of(enum lookup_result result) {
    switch (result) {
    case RESULT_SERVFAIL:
        return err_make(STAGE_RESOLVE, ERR_SERVFAIL, 0);
    case RESULT_REFUSED:
        return err_make(STAGE_RESOLVE, ERR_RESOLVER_REFUSED, 0);
    case RESULT_TIMEOUT:
        return err_make(STAGE_RESOLVE, ERR_RESOLVER_TIMEOUT, 0);
    default:
        return err_make(STAGE_RESOLVE, ERR_RESOLVER_FAILED, 0);
    }
}

void question_give_up(struct question *question, enum lookup_result result) {
    leave_pending(question);
    resolver_deliver(question, failure_of(result), NULL);
    if (!question->resolver->stopped)
        question_close(question);
}

/* All answers are in, and none has an address. True: the next name is being asked. */
static bool go_on_or_deliver(struct question *question) {
    enum lookup_result worst = RESULT_NONE;
    for (int i = 0; i < LOOKUPS; i++) {
        const struct lookup *lookup = &question->lookup[i];
        if (lookup->state == LOOKUP_OFF)
            continue;
        worst = lookup->result > worst ? lookup->result : worst;
        question->no_data_seen |= lookup->result == RESULT_NO_DATA;
        if (lookup->ttl_s < question->negative_ttl_s)
            question->negative_ttl_s = lookup->ttl_s;
    }
    if (worst >= RESULT_SERVFAIL) {
        leave_pending(question);
        resolver_deliver(question, failure_of(worst), NULL);
        return false;
    }
    if (question->candidate + 1 < candidate_count(question)) {
        question->candidate++;
        ask_candidate(question);
        return true;
    }
    leave_pending(question);
    enum err_kind kind = question->no_data_seen ? ERR_NO_ADDRESS : ERR_NO_SUCH_HOST;
    deliver(question, NULL, err_make(STAGE_RESOLVE, kind, 0), question->negative_ttl_s);
    return false;
}

/* The server that came up with an answer after another kept silent goes first from now on. */
static void prefer_server(struct question *question) {
    struct servers *servers = &question->resolver->servers;
    for (int i = 0; i < LOOKUPS && !servers->options.spread; i++) {
        const struct lookup *lookup = &question->lookup[i];
        if (lookup->result && lookup->result < RESULT_SERVFAIL && lookup->attempt > 1)
            servers->first = lookup->server;
    }
}

static bool some(const struct question *question, enum lookup_state state) {
    return question->lookup[0].state == state || question->lookup[1].state == state;
}

/* Held back by our own limits, not by a server. */
static bool is_paced(const struct lookup *lookup) {
    return lookup->state == LOOKUP_HELD && !lookup->stranded;
}

/* One family has addresses, the other's answer is still to come. The delay begins when the other
 * has been asked for, so that limits don't decide which addresses are tried. */
static void wait_or_deliver_early(struct question *question) {
    struct resolver *resolver = question->resolver;
    if (question->delivered || is_paced(&question->lookup[0]) || is_paced(&question->lookup[1]))
        return;
    if (question->delay_over)
        deliver_addresses(question);
    else if (!ring_timer_is_set(&question->delay))
        ring_timer_set(resolver->ring, &question->delay,
                       ring_now(resolver->ring) + RESOLUTION_DELAY_NS);
}

/* Both answers are in. What was delivered early isn't delivered again, unless the late answer
 * completes it. */
static void finish_with_addresses(struct question *question) {
    bool complete = question->lookup[0].list && question->lookup[1].list;
    leave_pending(question);
    if (!question->delivered || complete || !list_is_empty(&question->waiters))
        deliver_addresses(question);
}

void question_step(struct question *question) {
    for (int i = 0; i < LOOKUPS; i++)
        if (question->lookup[i].state == LOOKUP_AGAIN)
            lookup_ask(&question->lookup[i]);
    if (some(question, LOOKUP_AGAIN))
        return; /* failed on the spot: it is on the ready list again */
    bool has_addresses = question->lookup[0].list || question->lookup[1].list;
    if (some(question, LOOKUP_ASKED) || some(question, LOOKUP_HELD)) {
        if (has_addresses)
            wait_or_deliver_early(question);
        return;
    }
    prefer_server(question);
    if (has_addresses)
        finish_with_addresses(question);
    else if (go_on_or_deliver(question))
        return;
    question_close(question);
}
