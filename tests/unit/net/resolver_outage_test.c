/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The resolver when servers fail it, and when it must not ask as fast as it could: who waits, who
 * is probed, who comes back, and when waiting ends.
 */
#include "resolver_testing.h"

enum { NAMES = 40, BACK_OFF_MS = 100 };

static struct asker askers[NAMES];

/* Each name is a domain of its own. */
static void ask_all(void) {
    char name[32];
    memset(askers, 0, sizeof askers);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "h%d.test", i);
        assert_false(ask(&askers[i], name));
    }
}

static unsigned count_of(enum err_kind kind) {
    unsigned count = 0;
    for (int i = 0; i < NAMES; i++)
        count += askers[i].upcalls == 1 && askers[i].err.kind == kind;
    return count;
}

static bool all_are_answered(const void *context) {
    (void)context;
    unsigned upcalls = 0;
    for (int i = 0; i < NAMES; i++)
        upcalls += askers[i].upcalls;
    return upcalls == NAMES;
}

static bool all_wait(const void *context) {
    (void)context;
    struct resolver_counts counts = resolver_counts(resolver);
    return counts.servers_out && counts.waiting == (uint64_t)NAMES * 2;
}

static void into_an_outage(void) {
    liar.mode = LIAR_SILENT;
    options.timeout_ms = SHORT_TRY_MS;
    options.tries = 3;
    if (!options.back_off_ms)
        options.back_off_ms = BACK_OFF_MS;
    open_resolver();
    ask_all();
    turn_until(all_wait, NULL);
    assert_int_equal(resolver_counts(resolver).server_trips, 1);
    for (int i = 0; i < NAMES; i++)
        assert_int_equal(askers[i].upcalls, 0);
}

/* ---- the only server is out ---- */

static void names_outlive_an_outage(void **state) {
    (void)state;
    into_an_outage();
    unsigned asked = liar.asked;
    static struct asker crowd[50];
    memset(crowd, 0, sizeof crowd);
    for (int i = 0; i < 50; i++)
        assert_false(ask(&crowd[i], "crowd.test"));
    assert_int_equal(resolver_counts(resolver).waiting, NAMES * 2 + 1);
    liar.mode = LIAR_BY_NAME;
    turn_until(all_are_answered, NULL);
    for (int i = 0; i < NAMES; i++)
        assert_string_equal(askers[i].addresses, "::1 127.0.0.1");
    for (int i = 0; i < 50; i++) {
        wait_for(&crowd[i]);
        assert_string_equal(crowd[i].addresses, "::1 127.0.0.1");
    }
    assert_int_equal(liar.asked, asked + NAMES * 2 + 2); /* one question for the crowd */
    assert_string_equal(resolve_now("crowd.test"), "::1 127.0.0.1");
    struct resolver_counts counts = resolver_counts(resolver);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(counts.servers_out, 0);
    assert_int_equal(counts.server_trips, 1);
}

static bool is_probed(const void *context) {
    return liar.asked > *(const unsigned *)context;
}

static void a_probe_is_one_question(void **state) {
    (void)state;
    into_an_outage();
    unsigned asked = liar.asked;
    turn_until(is_probed, &asked);
    assert_int_equal(liar.asked, asked + 1);
    turn_until(all_wait, NULL); /* its time-out condemns nobody */
    assert_int_equal(resolver_counts(resolver).server_trips, 1);
    assert_int_equal(resolver_counts(resolver).dns_queries, asked + 1);
}

/* Few are asked for, all fail at the end, and the fault is ours. */
static void patience_ends(enum liar_mode mode, enum err_kind kind) {
    liar.mode = mode;
    options.timeout_ms = SHORT_TRY_MS;
    options.tries = 3;
    options.in_flight_max = 10;
    options.patience_ms = 150;
    open_resolver();
    uint64_t began_ns = ring_now(ring);
    ask_all();
    turn_until(all_are_answered, NULL);
    assert_true(clock_now_ns() - began_ns >= 150 * NS_PER_MS);
    assert_int_equal(count_of(kind), NAMES);
    assert_int_equal(err_fault(askers[0].err), FAULT_LOCAL);
    assert_true(liar.names <= 20);
    assert_int_equal(resolver_counts(resolver).waiting, 0);
    /* Who comes late is as patient. */
    began_ns = ring_now(ring);
    assert_string_equal(resolve("late.test"), err_kind_name(kind));
    assert_true(clock_now_ns() - began_ns >= 145 * NS_PER_MS);
}

static void patience_with_a_silent_server_ends(void **state) {
    (void)state;
    patience_ends(LIAR_SILENT, ERR_RESOLVER_TIMEOUT);
}

static void patience_with_a_refusing_server_ends(void **state) {
    (void)state;
    patience_ends(LIAR_REFUSING, ERR_RESOLVER_REFUSED);
}

static void the_forgotten_do_not_hold_others_up(void **state) {
    (void)state;
    into_an_outage();
    for (int i = 0; i < NAMES; i++)
        resolver_forget(resolver, &askers[i].query);
    struct asker queued = {0}, witness = {0};
    assert_false(ask(&queued, "queued.test"));
    assert_false(ask(&witness, "witness.test"));
    resolver_forget(resolver, &queued.query);
    liar.mode = LIAR_BY_NAME;
    wait_for(&witness);
    assert_string_equal(witness.addresses, "::1 127.0.0.1");
    assert_int_equal(queued.upcalls + askers[0].upcalls, 0);
}

static void stopping_in_an_outage_is_fine(void **state) {
    (void)state;
    into_an_outage();
    struct asker queued = {0};
    assert_false(ask(&queued, "queued.test"));
    resolver_stop(resolver);
    turn_until(is_idle, resolver);
    assert_int_equal(queued.upcalls + askers[0].upcalls, 0);
}

static void stop(struct asker *asker) {
    (void)asker;
    resolver_stop(resolver);
}

static void stopping_when_patience_ends_is_fine(void **state) {
    (void)state;
    options.patience_ms = 200;
    options.back_off_ms = 1000;
    into_an_outage();
    struct asker first = {.then = stop}, second_asker = {0};
    assert_false(ask(&first, "queued.test"));
    assert_false(ask(&second_asker, "other.test"));
    wait_for(&first);
    turn_until(is_idle, resolver);
    assert_int_equal(second_asker.upcalls, 0);
}

/* ---- not an outage ---- */

static void a_lame_name_condemns_nobody(void **state) {
    (void)state;
    options.timeout_ms = SHORT_TRY_MS;
    open_resolver();
    for (int i = 0; i < 4; i++)
        assert_string_equal(resolve("silent.test"), "resolver-timeout");
    ask_all();
    turn_until(all_are_answered, NULL);
    assert_int_equal(count_of(ERR_NONE), NAMES);
    assert_int_equal(resolver_counts(resolver).server_trips, 0);
}

static void the_others_carry_on(void **state) {
    (void)state;
    snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u", liar.port, second.port);
    liar.mode = LIAR_SILENT;
    options.timeout_ms = SHORT_TRY_MS;
    open_resolver();
    ask_all();
    turn_until(all_are_answered, NULL);
    assert_int_equal(count_of(ERR_NONE), NAMES);
    assert_int_equal(resolver_counts(resolver).server_trips, 1);
    unsigned asked = liar.asked;
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "later-%d.test", i);
        assert_string_equal(resolve(name), "::1 127.0.0.1");
    }
    assert_int_equal(liar.asked, asked);
    assert_true(liar.asked >= 8 && second.asked >= NAMES);
}

static void load_is_spread_over_named_servers(void **state) {
    (void)state;
    snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u", liar.port, second.port);
    open_resolver();
    ask_all();
    turn_until(all_are_answered, NULL);
    assert_int_equal(liar.asked + second.asked, NAMES * 2);
    assert_true(liar.asked >= NAMES / 2 && second.asked >= NAMES / 2);
}

/* ---- limits ---- */

static void questions_to_a_server_are_limited(void **state) {
    (void)state;
    options.server_in_flight_max = 3;
    options.timeout_ms = 100;
    liar.mode = LIAR_SILENT;
    open_resolver();
    ask_all();
    struct resolver_counts counts = resolver_counts(resolver);
    assert_int_equal(counts.dns_queries, 3);
    assert_int_equal(counts.waiting, NAMES - 2 + 1); /* one waits for its AAAA only */
    liar.mode = LIAR_BY_NAME;
    turn_until(all_are_answered, NULL);
    for (int i = 0; i < NAMES; i++)
        assert_string_equal(askers[i].addresses, "::1 127.0.0.1");
}

/* Time is taken from the ring's clock, as the resolver takes it. Names keep both families, however
 * far apart the questions are. */
static void questions_a_second_are_limited(void **state) {
    (void)state;
    options.server_rate = 400;
    open_resolver();
    uint64_t began_ns = ring_now(ring);
    ask_all();
    turn_until(all_are_answered, NULL);
    /* 80 questions, less the 9 that may go at once. */
    assert_true(clock_now_ns() - began_ns >= 170 * NS_PER_MS);
    for (int i = 0; i < NAMES; i++)
        assert_string_equal(askers[i].addresses, "::1 127.0.0.1");
    assert_int_equal(liar.asked, NAMES * 2);
}

static void a_slow_pace_loses_no_family(void **state) {
    (void)state;
    options.server_rate = 12; /* AAAA follows A after 83 ms */
    open_resolver();
    assert_string_equal(resolve("both.test"), "::1 127.0.0.1");
    struct asker asker = {0};
    uint64_t began_ns = ring_now(ring);
    assert_false(ask(&asker, "late6.test"));
    wait_for(&asker);
    assert_string_equal(asker.addresses, "127.0.0.1"); /* 50 ms after it was asked for */
    assert_true(clock_now_ns() - began_ns >= 50 * NS_PER_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(names_outlive_an_outage),
        TEST(a_probe_is_one_question),
        TEST(patience_with_a_silent_server_ends),
        TEST(patience_with_a_refusing_server_ends),
        TEST(the_forgotten_do_not_hold_others_up),
        TEST(stopping_in_an_outage_is_fine),
        TEST(stopping_when_patience_ends_is_fine),
        TEST(a_lame_name_condemns_nobody),
        TEST(the_others_carry_on),
        TEST(load_is_spread_over_named_servers),
        TEST(questions_to_a_server_are_limited),
        TEST(questions_a_second_are_limited),
        TEST(a_slow_pace_loses_no_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
