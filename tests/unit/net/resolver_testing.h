/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_testing.h: what the tests of the resolver share: a real ring, two servers that lie on
 * demand (liar.h), and those who ask. The time-outs of tries are short where a server is silent,
 * and where an answer is to come late the test itself says when. Included once by each test
 * program.
 */
#ifndef TESTS_RESOLVER_TESTING_H
#define TESTS_RESOLVER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "liar.h"
#include "net/resolver.h"

enum { PORT = 80, PATIENCE_S = 5, TRY_MS = 1000, SHORT_TRY_MS = 40 };

static struct ring *ring;
static struct liar liar, second;
static struct resolver *resolver;
static struct resolver_options options;
static char servers[100], why[200];

/* ---- one who asks ---- */

struct asker {
    struct resolver_query query;
    unsigned upcalls;
    struct err err;
    char addresses[400];
    void (*then)(struct asker *asker);
    struct asker *other;
    uint64_t answered_ns;
};

static void on_done(struct resolver_query *query, struct err err, struct address_list *list) {
    struct asker *asker = CONTAINER_OF(query, struct asker, query);
    char text[ADDRESS_TEXT_BYTES];
    asker->upcalls++;
    asker->err = err;
    asker->addresses[0] = 0;
    asker->answered_ns = clock_now_ns();
    assert_int_equal(list == NULL, err_is(err));
    for (unsigned i = 0; list && i < list->count; i++) {
        assert_int_equal(address_port(&list->address[i]), 0);
        if (i)
            strcat(asker->addresses, " ");
        strcat(asker->addresses, address_text(&list->address[i], text));
    }
    if (asker->then)
        asker->then(asker);
}

static bool ask(struct asker *asker, const char *host) {
    asker->query.done = on_done;
    return resolver_ask(resolver, &asker->query, span_text(host), PORT);
}

static void on_patience(struct ring_timer *timer) {
    (void)timer;
    fail_msg("nothing came for %d s", PATIENCE_S);
}

static void turn_until(bool (*reached)(const void *context), const void *context) {
    struct ring_timer patience;
    ring_timer_init(&patience, on_patience);
    ring_timer_set(ring, &patience, clock_now_ns() + PATIENCE_S * NS_PER_S);
    while (!reached(context))
        ring_turn(ring, true);
    ring_timer_stop(&patience);
}

static bool is_answered(const void *context) {
    return ((const struct asker *)context)->upcalls > 0;
}

static void wait_for(struct asker *asker) {
    turn_until(is_answered, asker);
    assert_int_equal(asker->upcalls, 1);
}

/* Asks and waits: the addresses, or the error's name. */
static const char *resolve(const char *host) {
    static struct asker asker;
    asker = (struct asker){0};
    if (!ask(&asker, host))
        wait_for(&asker);
    assert_int_equal(asker.upcalls, 1);
    return err_is(asker.err) ? err_kind_name((enum err_kind)asker.err.kind) : asker.addresses;
}

static const char *resolve_now(const char *host) {
    static struct asker asker;
    asker = (struct asker){0};
    assert_true(ask(&asker, host));
    assert_int_equal(asker.upcalls, 1);
    return err_is(asker.err) ? err_kind_name((enum err_kind)asker.err.kind) : asker.addresses;
}

/* ---- around every test ---- */

static void open_resolver(void) {
    assert_int_equal(resolver_open(&resolver, ring, &options, why, sizeof why), 0);
}

static int set_up(void **state) {
    (void)state;
    struct ring_options ring_settings;
    ring_options_init(&ring_settings, 16);
    assert_int_equal(ring_open(&ring, &ring_settings), 0);
    liar_open(&liar, ring);
    liar_open(&second, ring);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", liar.port);
    options = (struct resolver_options){
        .servers = servers, .hosts_path = "/dev/null", .timeout_ms = TRY_MS, .tries = 2};
    setenv("LOCALDOMAIN", "corp.test other.test", 1);
    setenv("RES_OPTIONS", "ndots:1", 1);
    resolver = NULL;
    return 0;
}

static bool is_idle(const void *context) {
    return resolver_is_idle(context);
}

static int tear_down(void **state) {
    (void)state;
    if (resolver) {
        resolver_stop(resolver);
        turn_until(is_idle, resolver);
        resolver_close(resolver);
    }
    liar_close(&liar);
    liar_close(&second);
    ring_close(ring);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
