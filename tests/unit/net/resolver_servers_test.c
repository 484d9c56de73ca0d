/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which server is asked and when, on a clock of the test's own: limits, pace, and the breaker's
 * whole life.
 */
#include "net/resolver_servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

static struct servers servers;
static uint64_t now_ns, domain;

static void open_servers(unsigned count, bool spread) {
    const struct servers_options options = {
        .count = count, .spread = spread, .in_flight_cap = 1000, .back_off_ns = NS_PER_S};
    servers_init(&servers, &options);
    now_ns = 5 * NS_PER_S;
    domain = 0;
}

static int choose(void) {
    return servers_choose(&servers, 0, now_ns);
}

static void reply(unsigned index, bool probe, enum server_verdict verdict) {
    const struct server_reply what = {
        .verdict = verdict, .probe = probe, .domain = domain++, .asked_ns = now_ns};
    servers_replied(&servers, index, &what, now_ns);
}

/* One question to the server, and what it says; each of another domain. */
static void exchange(unsigned index, enum server_verdict verdict) {
    bool probe = servers_asked(&servers, index, now_ns);
    reply(index, probe, verdict);
}

static void exchanges(unsigned count, unsigned index, enum server_verdict verdict) {
    while (count--)
        exchange(index, verdict);
}

/* ---- the breaker ---- */

static void silence_trips_a_server(void **state) {
    (void)state;
    open_servers(2, false);
    exchanges(7, 0, SERVER_SILENT);
    assert_int_equal(choose(), 0);
    exchange(0, SERVER_SILENT);
    assert_int_equal(choose(), 1);
    assert_int_equal(servers.trips, 1);
    assert_int_equal(servers.out, 1);
    assert_false(servers_all_out(&servers));
    assert_false(servers_has_room(&servers, 0, now_ns));
}

static void refusals_trip_it_too(void **state) {
    (void)state;
    open_servers(1, false);
    exchanges(8, 0, SERVER_REFUSED);
    assert_int_equal(choose(), SERVERS_NONE);
    assert_true(servers_all_out(&servers));
    assert_true(servers.refuses);
    assert_false(servers_have_room(&servers, now_ns));
}

/* Many questions may be lost in one burst that the server's socket didn't hold. */
static void lost_questions_do_not_trip_it(void **state) {
    (void)state;
    open_servers(1, false);
    for (int i = 0; i < 128; i++)
        servers_asked(&servers, 0, now_ns);
    const uint64_t asked_ns = now_ns;
    now_ns += 5 * NS_PER_MS;
    reply(0, false, SERVER_ANSWERED);
    now_ns += 2 * NS_PER_S;
    for (uint64_t i = 1; i < 128; i++) {
        const struct server_reply lost = {SERVER_SILENT, .domain = i, .asked_ns = asked_ns};
        servers_replied(&servers, 0, &lost, now_ns);
    }
    assert_int_equal(servers.trips, 0);
    exchanges(8, 0, SERVER_SILENT);
    assert_int_equal(servers.trips, 1);
}

static void any_answer_clears_it(void **state) {
    (void)state;
    open_servers(1, false);
    for (int i = 0; i < 10; i++) {
        exchanges(7, 0, SERVER_SILENT);
        exchange(0, SERVER_ANSWERED);
    }
    assert_int_equal(servers.trips, 0);
}

/* Whose fault a single domain's silence is can't be told before it has lasted. */
static void a_lame_domain_does_not_trip_it(void **state) {
    (void)state;
    open_servers(1, false);
    for (int i = 0; i < 63; i++, domain = 0)
        exchange(0, SERVER_SILENT);
    assert_int_equal(choose(), 0);
    exchange(0, SERVER_SILENT);
    assert_int_equal(choose(), SERVERS_NONE);

    open_servers(1, false);
    for (int i = 0; i < 1000; i++, domain = (uint64_t)i % 3)
        exchange(0, SERVER_REFUSED);
    assert_int_equal(choose(), 0);
}

static void back_offs_double_until_half_a_minute(void **state) {
    (void)state;
    static const unsigned seconds[] = {1, 2, 4, 8, 16, 30, 30};
    open_servers(1, false);
    exchanges(8, 0, SERVER_SILENT);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        assert_int_equal(servers_room_ns(&servers, now_ns), now_ns + seconds[i] * NS_PER_S);
        now_ns += seconds[i] * NS_PER_S - 1;
        assert_int_equal(choose(), SERVERS_NONE);
        now_ns++;
        assert_int_equal(choose(), 0);
        assert_true(servers_has_room(&servers, 0, now_ns));
        bool probe = servers_asked(&servers, 0, now_ns);
        assert_true(probe);
        assert_int_equal(choose(), SERVERS_NONE); /* one probe at a time */
        assert_int_equal(servers_room_ns(&servers, now_ns), UINT64_MAX);
        reply(0, probe, i & 1 ? SERVER_SILENT : SERVER_REFUSED);
    }
    assert_int_equal(servers.trips, 1);
    now_ns += 30 * NS_PER_S;
    exchange(0, SERVER_ANSWERED);
    assert_int_equal(servers.out, 0);
    assert_int_equal(choose(), 0);
    exchanges(8, 0, SERVER_SILENT); /* begins anew */
    assert_int_equal(servers.trips, 2);
    assert_int_equal(servers_room_ns(&servers, now_ns), now_ns + NS_PER_S);
}

/* They left before it tripped; only a probe's silence says more. */
static void stragglers_do_not_prolong_it(void **state) {
    (void)state;
    open_servers(1, false);
    for (int i = 0; i < 20; i++)
        servers_asked(&servers, 0, now_ns);
    for (int i = 0; i < 19; i++)
        reply(0, false, SERVER_SILENT);
    assert_int_equal(servers.trips, 1);
    assert_int_equal(servers_room_ns(&servers, now_ns), now_ns + NS_PER_S);
    reply(0, false, SERVER_ANSWERED); /* alive after all */
    assert_int_equal(choose(), 0);
}

static void a_due_server_is_probed_while_others_carry_on(void **state) {
    (void)state;
    open_servers(3, true);
    exchanges(8, 1, SERVER_SILENT);
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(choose(), 1);
        exchange((unsigned)choose(), SERVER_ANSWERED);
    }
    now_ns += NS_PER_S;
    assert_int_equal(choose(), 1);
    assert_true(servers_asked(&servers, 1, now_ns));
    assert_int_not_equal(choose(), 1);
    reply(1, true, SERVER_ANSWERED);
    assert_int_equal(servers.out, 0);
}

/* ---- who is asked ---- */

static void the_list_is_an_order(void **state) {
    (void)state;
    open_servers(3, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(choose(), 0);
        servers_asked(&servers, 0, now_ns);
    }
    assert_int_equal(servers_choose(&servers, 1, now_ns), 1);
    assert_int_equal(servers_choose(&servers, 3, now_ns), 2);
    assert_int_equal(servers_choose(&servers, 7, now_ns), 0); /* the next round */
    servers.first = 1;
    assert_int_equal(choose(), 1);
    assert_int_equal(servers_choose(&servers, 2, now_ns), 2);
}

/* Its owner put it first, and it was only left because it was silent. */
static void who_comes_back_has_its_old_place(void **state) {
    (void)state;
    open_servers(2, false);
    exchanges(8, 0, SERVER_SILENT);
    servers.first = 1;
    now_ns += NS_PER_S;
    exchange(0, SERVER_ANSWERED);
    assert_int_equal(choose(), 0);
}

static void load_is_spread(void **state) {
    (void)state;
    unsigned asked[3] = {0};
    open_servers(3, true);
    for (int i = 0; i < 30; i++) {
        unsigned index = (unsigned)choose();
        asked[index]++;
        servers_asked(&servers, index, now_ns);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(asked[i], 10);
    for (int i = 0; i < 8; i++) /* the quick one gets more */
        reply(2, false, SERVER_ANSWERED);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(choose(), 2);
        servers_asked(&servers, 2, now_ns);
    }
    reply(1, false, SERVER_SILENT);
    assert_int_not_equal(choose(), 1); /* though it has the least to do */
}

/* ---- limits ---- */

static void questions_in_flight_are_limited(void **state) {
    (void)state;
    open_servers(2, true);
    servers.options.in_flight_max = 3;
    for (int i = 0; i < 6; i++) {
        assert_true(servers_have_room(&servers, now_ns));
        servers_asked(&servers, (unsigned)choose(), now_ns);
    }
    assert_false(servers_have_room(&servers, now_ns));
    assert_int_equal(servers_room_ns(&servers, now_ns), UINT64_MAX); /* replies make room */
    reply(1, false, SERVER_ANSWERED);
    assert_true(servers_have_room(&servers, now_ns));
    assert_int_equal(choose(), 1);
}

static unsigned fill(void) {
    unsigned count = 0;
    for (; servers_has_room(&servers, 0, now_ns); count++)
        servers_asked(&servers, 0, now_ns);
    while (servers.server[0].in_flight)
        reply(0, false, SERVER_ANSWERED);
    return count;
}

static void slow_servers_hold_more_questions(void **state) {
    (void)state;
    open_servers(1, false);
    assert_int_equal(fill(), 128);
    for (int i = 0; i < 200; i++)
        servers_learn_latency(&servers, 0, 55 * NS_PER_MS);
    assert_in_range(fill(), 128, 140); /* little by little */
    for (int i = 0; i < 500; i++)
        fill();
    assert_in_range(fill(), 420, 428);
    for (int i = 0; i < 200; i++)
        servers_learn_latency(&servers, 0, 1900 * NS_PER_MS);
    for (int i = 0; i < 500; i++)
        fill();
    assert_int_equal(fill(), 1000);
}

/* A socket that has overflowed looks like a slow server. */
static void lost_questions_make_it_fewer(void **state) {
    (void)state;
    slow_servers_hold_more_questions(NULL);
    exchange(0, SERVER_SILENT);
    unsigned half = fill();
    assert_in_range(half, 400, 600);
    exchange(0, SERVER_SILENT);
    assert_true(fill() >= half); /* not twice for the same burst */
    for (int i = 0; i < 5; i++) {
        now_ns += NS_PER_S;
        exchange(0, SERVER_SILENT);
        exchange(0, SERVER_ANSWERED);
    }
    assert_in_range(fill(), 128, 140);
}

/* In a second as many as asked for, and never more than a few at once. */
static void rate_is_kept(unsigned rate) {
    open_servers(1, false);
    servers.options.rate = rate;
    unsigned sent = 0;
    const uint64_t end_ns = now_ns + NS_PER_S;
    while (now_ns < end_ns) {
        unsigned burst = 0;
        for (; servers_has_room(&servers, 0, now_ns); burst++)
            exchange(0, SERVER_ANSWERED);
        assert_true(burst <= 2 + rate / 40);
        sent += burst;
        uint64_t room_ns = servers_room_ns(&servers, now_ns);
        assert_true(room_ns > now_ns && room_ns != UINT64_MAX);
        now_ns = (room_ns + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS; /* as our timers tick */
    }
    assert_true(sent >= rate && sent <= rate + 1 + rate / 40);
}

static void rates_are_kept(void **state) {
    (void)state;
    rate_is_kept(1);
    rate_is_kept(10);
    rate_is_kept(333);
    rate_is_kept(20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_trips_a_server),
        cmocka_unit_test(refusals_trip_it_too),
        cmocka_unit_test(lost_questions_do_not_trip_it),
        cmocka_unit_test(any_answer_clears_it),
        cmocka_unit_test(a_lame_domain_does_not_trip_it),
        cmocka_unit_test(back_offs_double_until_half_a_minute),
        cmocka_unit_test(stragglers_do_not_prolong_it),
        cmocka_unit_test(a_due_server_is_probed_while_others_carry_on),
        cmocka_unit_test(the_list_is_an_order),
        cmocka_unit_test(who_comes_back_has_its_old_place),
        cmocka_unit_test(load_is_spread),
        cmocka_unit_test(questions_in_flight_are_limited),
        cmocka_unit_test(slow_servers_hold_more_questions),
        cmocka_unit_test(lost_questions_make_it_fewer),
        cmocka_unit_test(rates_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
