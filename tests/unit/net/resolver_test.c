/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The resolver, one name at a time: what needs no server, what servers answer, what is remembered,
 * and its options.
 */
#include "resolver_testing.h"

#include <sys/resource.h>

/* ---- sources that need no server ---- */

static void literals_are_immediate(void **state) {
    (void)state;
    open_resolver();
    assert_string_equal(resolve_now("192.0.2.1"), "192.0.2.1");
    assert_string_equal(resolve_now("2001:db8::1"), "2001:db8::1");
    assert_int_equal(resolver_counts(resolver).dns_queries, 0);
    assert_int_equal(resolver_counts(resolver).asked, 2);
}

static struct address_list *kept;

static void on_keep(struct resolver_query *query, struct err err, struct address_list *list) {
    (void)query;
    assert_false(err_is(err));
    kept = address_list_keep(list);
}

static void kept_lists_stay(void **state) {
    (void)state;
    open_resolver();
    struct resolver_query query = {.done = on_keep};
    char text[ADDRESS_TEXT_BYTES];
    assert_true(resolver_ask(resolver, &query, span_text("192.0.2.1"), PORT));
    assert_string_equal(resolve_now("192.0.2.2"), "192.0.2.2");
    assert_string_equal(address_text(&kept->address[0], text), "192.0.2.1");
    address_list_drop(kept);
}

static void family_restricts_literals_and_names(void **state) {
    (void)state;
    options.family = AF_INET6;
    open_resolver();
    assert_string_equal(resolve_now("192.0.2.1"), "no-address");
    assert_string_equal(resolve_now("::1"), "::1");
    assert_string_equal(resolve_now("localhost"), "::1");
    assert_string_equal(resolve("both.test"), "::1");
    assert_string_equal(resolve("v4.test"), "no-address");
    assert_int_equal(resolver_counts(resolver).dns_queries, 2);
}

static void overrides_go_before_names(void **state) {
    (void)state;
    static const char *const resolve_texts[] = {"both.test:80:127.0.0.9", "*:80:127.0.0.8",
                                                "-none:80", NULL};
    options.resolve = resolve_texts;
    open_resolver();
    assert_string_equal(resolve_now("BOTH.test"), "127.0.0.9");
    assert_string_equal(resolve_now("localhost"), "127.0.0.8");
    assert_string_equal(resolve_now("192.0.2.1"), "192.0.2.1");
    struct asker asker = {.query.done = on_done};
    assert_false(resolver_ask(resolver, &asker.query, span_text("both.test"), 81));
    wait_for(&asker);
    assert_string_equal(asker.addresses, "::1 127.0.0.1");
}

static void localhost_asks_nobody(void **state) {
    (void)state;
    open_resolver();
    assert_string_equal(resolve_now("localhost"), "::1 127.0.0.1");
    assert_string_equal(resolve_now("a.LOCALHOST"), "::1 127.0.0.1");
    assert_string_equal(resolve_now("localhost."), "::1 127.0.0.1");
    assert_string_equal(resolve("notlocalhost.test"), "::1 127.0.0.1");
    assert_int_equal(resolver_counts(resolver).dns_queries, 2);
}

static void hosts_file_goes_before_servers(void **state) {
    (void)state;
    char path[] = "/tmp/resolver-test-XXXXXX";
    static const char text[] = "127.0.0.3 Some.Test other\n127.0.0.4 localhost\n::1 some.test\n";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    options.hosts_path = path;
    open_resolver();
    unlink(path);
    assert_string_equal(resolve_now("some.test"), "::1 127.0.0.3");
    assert_string_equal(resolve_now("some.test."), "::1 127.0.0.3");
    assert_string_equal(resolve_now("other"), "127.0.0.3");
    assert_string_equal(resolve_now("localhost"), "127.0.0.4");
    assert_string_equal(resolve_now("some.test"), "::1 127.0.0.3");
    assert_int_equal(resolver_counts(resolver).cache_hits, 1);
    assert_int_equal(resolver_counts(resolver).dns_queries, 0);
}

static void impossible_names_do_not_exist(void **state) {
    (void)state;
    char long_label[70], long_name[300];
    memset(long_label, 'a', 64);
    strcpy(long_label + 64, ".test");
    for (int i = 0; i < 254; i++)
        long_name[i] = i % 50 == 49 ? '.' : 'a';
    long_name[254] = 0;
    open_resolver();
    const char *const names[] = {"",     ".",       "..",        ".a",     "a..b",     "a b",
                                 "a\\b", "x.onion", "x.invalid", "onion.", long_label, long_name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(resolve_now(names[i]), "no-such-host");
    assert_int_equal(resolver_counts(resolver).dns_queries, 0);
    long_name[253] = 0;
    assert_string_equal(resolve(long_name), "::1 127.0.0.1");
}

/* ---- servers' answers ---- */

static void both_families_and_the_cache(void **state) {
    (void)state;
    open_resolver();
    assert_string_equal(resolve("both.test"), "::1 127.0.0.1");
    assert_string_equal(resolve_now("Both.TEST"), "::1 127.0.0.1");
    assert_string_equal(resolve("v4.test"), "127.0.0.1");
    assert_string_equal(resolve("v6.test"), "::1");
    assert_string_equal(resolve("fail6.test"), "127.0.0.1");
    assert_int_equal(resolver_counts(resolver).cache_hits, 1);
    assert_int_equal(liar.asked, 8);
}

static void absence_is_cached(void **state) {
    (void)state;
    open_resolver();
    assert_string_equal(resolve("nx.test"), "no-such-host");
    assert_string_equal(resolve_now("nx.test"), "no-such-host");
    assert_string_equal(resolve("none.test"), "no-address");
    assert_string_equal(resolve_now("none.test"), "no-address");
    assert_int_equal(liar.asked, 4);
}

static void failures_name_whose_fault_it_is(void **state) {
    (void)state;
    static const struct {
        const char *host, *kind;
        enum err_fault fault;
    } cases[] = {{"servfail.test", "servfail", FAULT_TARGET},
                 {"refused.test", "resolver-refused", FAULT_LOCAL},
                 {"silent.test", "resolver-timeout", FAULT_LOCAL},
                 {"half.test", "resolver-timeout", FAULT_LOCAL},
                 {"garbage.test", "resolver-failed", FAULT_LOCAL}};
    options.timeout_ms = SHORT_TRY_MS;
    open_resolver();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asker asker = {0};
        assert_false(ask(&asker, cases[i].host));
        wait_for(&asker);
        assert_string_equal(err_kind_name((enum err_kind)asker.err.kind), cases[i].kind);
        assert_int_equal(err_fault(asker.err), cases[i].fault);
        assert_int_equal(asker.err.stage, STAGE_RESOLVE);
        assert_true(err_may_retry(asker.err));
    }
    unsigned asked = liar.asked;
    assert_string_equal(resolve("servfail.test"), "servfail"); /* not from the cache */
    assert_int_equal(liar.asked, asked + 2);
}

static void a_closed_port_is_our_own_fault(void **state) {
    (void)state;
    struct liar gone;
    liar_open(&gone, ring);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", gone.port);
    liar_close(&gone);
    open_resolver();
    assert_string_equal(resolve("both.test"), "resolver-timeout");
    assert_string_equal(resolve("v4.test"), "resolver-timeout");
}

/* c-ares then fails from inside the very call that asks. To the resolver the server is as good as
 * out, until it is probed again. */
static void out_of_descriptors_is_our_own_fault(void **state) {
    (void)state;
    struct rlimit limit, low;
    struct asker askers[200];
    memset(askers, 0, sizeof askers);
    options.patience_ms = options.back_off_ms = 100;
    open_resolver();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int i = 0; i < 200; i++) {
        char name[20];
        snprintf(name, sizeof name, "h%d.test", i);
        assert_false(ask(&askers[i], name));
    }
    for (int i = 0; i < 200; i++) {
        wait_for(&askers[i]);
        assert_int_equal(askers[i].err.kind, ERR_RESOLVER_TIMEOUT);
        assert_int_equal(err_fault(askers[i].err), FAULT_LOCAL);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const char *text = "";
    uint64_t began_ns = clock_now_ns();
    while (strcmp(text, "::1 127.0.0.1") != 0 && clock_now_ns() - began_ns < PATIENCE_S * NS_PER_S)
        text = resolve("h0.test");
    assert_string_equal(text, "::1 127.0.0.1");
}

static void truncated_answers_come_over_tcp(void **state) {
    (void)state;
    open_resolver();
    assert_string_equal(resolve("trunc.test"), "127.0.0.7");
    assert_int_equal(liar.asked, 3);
    assert_string_equal(resolve("both.test"), "::1 127.0.0.1");
}

static bool is_complete(const void *context) {
    return strcmp(resolve_now(context), "::1 127.0.0.1") == 0;
}

static void late_answer(const char *host, const char *early) {
    open_resolver();
    struct asker asker = {0};
    uint64_t began_ns = clock_now_ns();
    assert_false(ask(&asker, host));
    wait_for(&asker);
    assert_string_equal(asker.addresses, early);
    assert_true(asker.answered_ns - began_ns >= 45 * NS_PER_MS);
    assert_string_equal(resolve_now(host), early);
    liar_release(&liar);
    turn_until(is_complete, host);
    assert_int_equal(asker.upcalls, 1);
    assert_int_equal(liar.asked, 2);
}

static void a_late_aaaa_is_not_waited_for(void **state) {
    (void)state;
    late_answer("late6.test", "127.0.0.1");
}

static void a_late_a_is_not_waited_for_either(void **state) {
    (void)state;
    late_answer("late4.test", "::1");
}

/* ---- options ---- */

static void bad_options_are_named(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "a.test",
                                      "1.2.3.4:",
                                      "1.2.3.4:0",
                                      "1.2.3.4:x",
                                      "1.2.3.4,",
                                      ",1.2.3.4",
                                      "1.2.3.4:65536",
                                      "[::1",
                                      "[::1]x",
                                      "[::1]:",
                                      "1.2.3.4 5.6.7.8",
                                      "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
                                      "1.1.1.1,1.1.1.1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.servers = bad[i];
        why[0] = 0;
        if (resolver_open(&resolver, ring, &options, why, sizeof why) >= 0)
            fail_msg("'%s' was accepted", bad[i]);
        assert_memory_equal(why, "--dns-servers: '", 16);
    }
    options.servers = servers;
    static const char *const bad_resolve[] = {"a:80:1.2.3.4", "nonsense", NULL};
    options.resolve = bad_resolve;
    assert_true(resolver_open(&resolver, ring, &options, why, sizeof why) < 0);
    assert_non_null(strstr(why, "'nonsense'"));
    options.resolve = NULL;
    options.hosts_path = "/nonexistent/hosts";
    assert_true(resolver_open(&resolver, ring, &options, why, sizeof why) < 0);
    assert_non_null(strstr(why, "/nonexistent/hosts"));
    resolver = NULL;
}

static void good_servers_are_taken(void **state) {
    (void)state;
    static const char *const good[] = {"127.0.0.1", "::1", "[::1]", "[::1]:5353,127.0.0.1:53",
                                       NULL};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        options.servers = good[i];
        options.hosts_path = NULL;
        open_resolver();
        resolver_stop(resolver);
        assert_true(resolver_is_idle(resolver));
        resolver_close(resolver);
    }
    resolver = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(literals_are_immediate),
        TEST(kept_lists_stay),
        TEST(family_restricts_literals_and_names),
        TEST(overrides_go_before_names),
        TEST(localhost_asks_nobody),
        TEST(hosts_file_goes_before_servers),
        TEST(impossible_names_do_not_exist),
        TEST(both_families_and_the_cache),
        TEST(absence_is_cached),
        TEST(failures_name_whose_fault_it_is),
        TEST(a_closed_port_is_our_own_fault),
        TEST(out_of_descriptors_is_our_own_fault),
        TEST(truncated_answers_come_over_tcp),
        TEST(a_late_aaaa_is_not_waited_for),
        TEST(a_late_a_is_not_waited_for_either),
        TEST(bad_options_are_named),
        TEST(good_servers_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
