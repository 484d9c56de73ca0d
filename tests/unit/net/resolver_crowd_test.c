/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The resolver when many ask: who shares a question, who takes turns, who is forgotten; and where
 * a name is asked for: several servers, the search list.
 */
#include "resolver_testing.h"

/* ---- many who ask ---- */

static void one_question_for_all_who_wait(void **state) {
    (void)state;
    static struct asker askers[100];
    memset(askers, 0, sizeof askers);
    open_resolver();
    for (int i = 0; i < 100; i++)
        assert_false(ask(&askers[i], i & 1 ? "both.test" : "BOTH.test"));
    for (int i = 0; i < 100; i++) {
        wait_for(&askers[i]);
        assert_string_equal(askers[i].addresses, "::1 127.0.0.1");
    }
    assert_int_equal(liar.asked, 2);
    assert_int_equal(resolver_counts(resolver).dns_queries, 2);
}

static void names_take_turns(void **state) {
    (void)state;
    struct asker askers[20] = {0};
    char name[20][20];
    options.in_flight_max = 1;
    options.cache_max = 3;
    open_resolver();
    for (int i = 0; i < 20; i++) {
        snprintf(name[i], sizeof name[i], "h%d.test", i);
        assert_false(ask(&askers[i], name[i]));
    }
    for (int i = 0; i < 20; i++) {
        wait_for(&askers[i]);
        for (int j = i + 1; j < 20; j++)
            assert_int_equal(askers[j].upcalls, 0);
    }
    assert_int_equal(liar.names, 20);
    for (int i = 0; i < 20; i++)
        assert_string_equal(liar.name[i], name[i]);
    assert_string_equal(resolve_now(name[19]), "::1 127.0.0.1");
}

static void forget_other(struct asker *asker) {
    resolver_forget(resolver, &asker->other->query);
}

static void the_forgotten_hear_nothing(void **state) {
    (void)state;
    options.in_flight_max = 2;
    open_resolver();
    struct asker first = {.then = forget_other}, in_upcall = {0}, in_flight = {0}, queued = {0},
                 never_asked = {0}, witness = {0};
    first.other = &in_upcall;
    resolver_forget(resolver, &never_asked.query);
    assert_false(ask(&first, "a.test"));
    assert_false(ask(&in_upcall, "a.test"));
    assert_false(ask(&in_flight, "b.test"));
    assert_false(ask(&queued, "c.test"));
    assert_false(ask(&witness, "d.test"));
    resolver_forget(resolver, &in_flight.query);
    resolver_forget(resolver, &queued.query);
    resolver_forget(resolver, &queued.query);
    wait_for(&witness);
    wait_for(&first);
    assert_int_equal(in_upcall.upcalls + in_flight.upcalls + queued.upcalls, 0);
    resolver_forget(resolver, &first.query);
    /* The name in flight went on and filled the cache; the queued one was never asked. */
    assert_string_equal(resolve("b.test"), "::1 127.0.0.1");
    assert_int_equal(liar.names, 3);
}

static void ask_again(struct asker *asker) {
    asker->then = NULL;
    assert_false(ask(asker->other, "servfail.test"));
    assert_false(ask(asker, "both.test"));
}

static bool is_answered_twice(const void *context) {
    return ((const struct asker *)context)->upcalls == 2;
}

static void upcalls_may_ask_again(void **state) {
    (void)state;
    options.in_flight_max = 1;
    open_resolver();
    struct asker other = {0}, asker = {.then = ask_again, .other = &other};
    assert_false(ask(&asker, "servfail.test"));
    turn_until(is_answered_twice, &asker);
    assert_string_equal(asker.addresses, "::1 127.0.0.1");
    wait_for(&other);
    assert_int_equal(other.err.kind, ERR_SERVFAIL);
    assert_int_equal(liar.names, 3);
}

static void stop(struct asker *asker) {
    (void)asker;
    resolver_stop(resolver);
    assert_false(resolver_is_idle(resolver));
}

static void stopping_drops_whoever_waits(void **state) {
    (void)state;
    options.in_flight_max = 3;
    open_resolver();
    struct asker askers[6] = {0};
    static const char *const names[6] = {"silent.test", "a.test", "a.test",
                                         "late6.test",  "b.test", "c.test"};
    askers[1].then = stop;
    for (int i = 0; i < 6; i++)
        assert_false(ask(&askers[i], names[i]));
    wait_for(&askers[1]);
    turn_until(is_idle, resolver);
    assert_int_equal(askers[0].upcalls + askers[2].upcalls + askers[3].upcalls + askers[4].upcalls +
                         askers[5].upcalls,
                     0);
    assert_string_equal(resolve_now("d.test"), "cancelled");
}

static void stopping_at_once_is_fine(void **state) {
    (void)state;
    open_resolver();
    struct asker asker = {0};
    assert_false(ask(&asker, "a.test"));
    resolver_stop(resolver);
    turn_until(is_idle, resolver);
    assert_int_equal(asker.upcalls, 0);
}

/* ---- several servers, search list ---- */

static void a_silent_server_is_left_behind(void **state) {
    (void)state;
    snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u", liar.port, second.port);
    liar.mode = LIAR_SILENT;
    options.timeout_ms = SHORT_TRY_MS;
    open_resolver();
    assert_string_equal(resolve("both.test"), "::1 127.0.0.1");
    unsigned asked = liar.asked;
    assert_true(asked > 0);
    assert_string_equal(resolve("v4.test"), "127.0.0.1");
    assert_int_equal(liar.asked, asked);
}

/* c-ares may take a server that answered quickly for one that always does. */
static void a_quick_server_may_be_slow_once(void **state) {
    (void)state;
    static const char *const quick[] = {"a.test", "b.test", "c.test", "d.test"};
    options.timeout_ms = 400;
    options.tries = 1;
    open_resolver();
    for (int i = 0; i < 4; i++)
        assert_string_equal(resolve(quick[i]), "::1 127.0.0.1");
    /* Two: the first may be kept waiting by the timer of the quick ones. */
    for (int i = 0; i < 2; i++) {
        uint64_t began_ns = clock_now_ns();
        assert_string_equal(resolve("silent.test"), "resolver-timeout");
        assert_true(clock_now_ns() - began_ns >= 395 * NS_PER_MS);
    }
}

static void a_refusing_server_is_not_the_last_word(void **state) {
    (void)state;
    snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u", liar.port, second.port);
    liar.mode = LIAR_REFUSING;
    open_resolver();
    assert_string_equal(resolve("both.test"), "::1 127.0.0.1");
    assert_int_equal(liar.asked, 1); /* for the one family that it was asked for */
    second.mode = LIAR_REFUSING;
    assert_string_equal(resolve("v4.test"), "resolver-refused");
    assert_true(liar.asked >= 3 && second.asked >= 4);
}

static void short_names_are_searched(void **state) {
    (void)state;
    open_resolver();
    assert_string_equal(resolve("found"), "::1 127.0.0.1");
    assert_int_equal(liar.names, 2);
    assert_string_equal(liar.name[0], "found.corp.test");
    assert_string_equal(liar.name[1], "found.other.test");
    assert_string_equal(resolve("nx"), "no-such-host");
    assert_string_equal(liar.name[4], "nx");
    assert_string_equal(resolve("found."), "no-such-host");
    assert_string_equal(resolve("found.test"), "no-such-host");
    assert_int_equal(liar.names, 7);
    assert_string_equal(resolve("servfail"), "servfail");
    assert_int_equal(liar.names, 8);
    assert_string_equal(resolve("none"), "no-address");
}

static void ndots_decides_what_is_short(void **state) {
    (void)state;
    setenv("RES_OPTIONS", "ndots:3", 1);
    open_resolver();
    assert_string_equal(resolve("found.x"), "::1 127.0.0.1");
    assert_string_equal(liar.name[0], "found.x.corp.test");
    assert_string_equal(resolve("found.x.y.z"), "no-such-host");
    assert_string_equal(liar.name[2], "found.x.y.z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_question_for_all_who_wait),
        TEST(names_take_turns),
        TEST(the_forgotten_hear_nothing),
        TEST(upcalls_may_ask_again),
        TEST(stopping_drops_whoever_waits),
        TEST(stopping_at_once_is_fine),
        TEST(a_silent_server_is_left_behind),
        TEST(a_quick_server_may_be_slow_once),
        TEST(a_refusing_server_is_not_the_last_word),
        TEST(short_names_are_searched),
        TEST(ndots_decides_what_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
