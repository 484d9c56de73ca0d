/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_tally_test.c: what is counted, what is kept, who makes room, and that a result of a known
 * host is cheap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/check_tally.h"

static int begin(void **state) {
    struct tally *tally = malloc(sizeof *tally);
    tally_init(tally);
    *state = tally;
    return 0;
}

static int end(void **state) {
    tally_deinit(*state);
    free(*state);
    return 0;
}

static struct rf_result result_of(const char *url, enum rf_verdict verdict) {
    return (struct rf_result){.url = url,
                              .final_url = url,
                              .verdict = verdict,
                              .status = verdict == RF_VERDICT_OK ? 200 : 0,
                              .error.kind = verdict == RF_VERDICT_OK ? 0 : 1,
                              .attempts = 1,
                              .ms = {-1, -1, -1, -1, -1, -1, -1}};
}

static void add(struct tally *tally, const char *url, enum rf_verdict verdict) {
    struct rf_result result = result_of(url, verdict);
    tally_add(tally, &result);
}

static void add_timed(struct tally *tally, const char *url, double ms) {
    struct rf_result result = result_of(url, RF_VERDICT_OK);
    result.ms.total = ms;
    tally_add(tally, &result);
}

static const struct tally_host *find(const struct tally *tally, const char *name) {
    for (size_t i = 0; i < tally->host_count; i++) {
        if (strcmp(tally->hosts[i].name, name) == 0) {
            return &tally->hosts[i];
        }
    }
    return NULL;
}

static void test_counts(void **state) {
    struct tally *tally = *state;
    for (enum rf_verdict verdict = RF_VERDICT_OK; verdict < RF_VERDICTS; verdict++) {
        struct rf_result result = result_of("http://a.test/", verdict);
        result.attempts = 2;
        result.body_bytes = 10;
        result.cached = verdict == RF_VERDICT_OK;
        result.change = verdict == RF_VERDICT_OK ? "fixed" : NULL;
        tally_add(tally, &result);
        assert_int_equal(tally->by_verdict[verdict], 1);
    }
    assert_int_equal(tally->total, 6);
    assert_int_equal(tally->bad, 4);
    assert_int_equal(tally->by_kind[1], 5);
    assert_int_equal(tally->by_kind[0], 0);
    assert_int_equal(tally->by_status[200], 1);
    assert_int_equal(tally->by_status[0], 4); /* what was skipped had nobody to answer */
    assert_int_equal(tally->by_change[CHANGE_FIXED], 1);
    assert_int_equal(tally->by_change[CHANGE_NONE], 5);
    assert_int_equal(tally->cached, 1);
    assert_int_equal(tally->attempts, 12);
    assert_int_equal(tally->body_bytes, 60);
    assert_int_equal(tally->host_count, 1);
    assert_int_equal(tally->hosts[0].count, 6);
    assert_int_equal(tally->hosts[0].bad, 4);
    assert_int_equal(tally->failure_count, 5); /* the bad ones and the one that was fixed */
    assert_true(tally->begun_us > INT64_C(1600000000) * 1000000);
}

static void test_hostile_numbers(void **state) {
    struct tally *tally = *state;
    struct rf_result result = {.url = NULL,
                               .verdict = (enum rf_verdict)77,
                               .status = 65535,
                               .error.kind = 255,
                               .change = "no such change",
                               .ms = {1, 1e300, -1, -1, -1, -1, 1e300}};
    tally_add(tally, &result);
    assert_int_equal(tally->total, 1);
    assert_int_equal(tally->bad, 0);
    assert_int_equal(tally->host_count, 0);
    assert_int_equal(tally->by_change[CHANGE_NONE], 1);
    assert_int_equal(rf_histogram_total(tally->phase[PHASE_TOTAL]), 1);
}

static void test_times(void **state) {
    struct tally *tally = *state;
    struct rf_result result = result_of("http://a.test/", RF_VERDICT_OK);
    result.ms = (struct rf_times){9, 0.5, 1, -1, 2, 0, 4};
    tally_add(tally, &result);
    result.skipped = true; /* an old answer: nothing was timed */
    tally_add(tally, &result);
    assert_int_equal(rf_histogram_max(tally->phase[PHASE_DNS]), 500);
    assert_int_equal(rf_histogram_max(tally->phase[PHASE_CONNECT]), 1000);
    assert_int_equal(rf_histogram_total(tally->phase[PHASE_TLS]), 0);
    assert_int_equal(rf_histogram_max(tally->phase[PHASE_WAIT]), 2000);
    assert_int_equal(rf_histogram_total(tally->phase[PHASE_BODY]), 1);
    assert_int_equal(rf_histogram_max(tally->phase[PHASE_TOTAL]), 4000);
    assert_int_equal(tally->hosts[0].timed, 1);
    assert_true(tally->hosts[0].ms_sum == 4 && tally->hosts[0].ms_max == 4);
    assert_string_equal(tally_phase_name(PHASE_TOTAL), "total");
}

static void test_certificates(void **state) {
    struct tally *tally = *state;
    static const struct {
        int days;
        unsigned bucket;
    } rows[] = {{-400, 0}, {-1, 0}, {0, 1},  {6, 1},   {7, 2},   {14, 3},
                {30, 4},   {60, 5}, {90, 6}, {179, 6}, {180, 7}, {9999, 7}};
    uint64_t expected[TALLY_CERT_BUCKETS] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rf_tls_facts tls = {.has_cert = true, .days_left = rows[i].days};
        struct rf_result result = result_of("https://a.test/", RF_VERDICT_OK);
        result.tls = &tls;
        tally_add(tally, &result);
        tls.has_cert = false;
        tally_add(tally, &result);
        expected[rows[i].bucket]++;
        assert_memory_equal(tally->cert_days, expected, sizeof expected);
    }
    assert_string_equal(tally_cert_bucket_name(0), "expired");
    assert_string_equal(tally_cert_bucket_name(1), "< 7 d");
    assert_string_equal(tally_cert_bucket_name(7), ">= 180 d");
}

static void test_failures_are_kept(void **state) {
    struct tally *tally = *state;
    char url[] = "http://a.test:80/x";
    struct rf_result result = result_of(url, RF_VERDICT_DEAD);
    result.n = 7, result.line = 3, result.column = 4, result.status = 404;
    result.source = "a.md", result.detail = "gone", result.ip = "127.0.0.1", result.change = "new";
    tally_add(tally, &result);
    memset(url, 'x', sizeof url - 1); /* whose memory it was takes it back */
    const struct tally_failure *failure = tally->failures;
    assert_int_equal(failure->n, 7);
    assert_int_equal(failure->line, 3);
    assert_int_equal(failure->column, 4);
    assert_int_equal(failure->status, 404);
    assert_int_equal(failure->change, CHANGE_NEW);
    assert_int_equal(failure->error.kind, 1);
    assert_string_equal(failure->url, "http://a.test:80/x");
    assert_string_equal(failure->host, "a.test");
    assert_string_equal(failure->source, "a.md");
    assert_string_equal(failure->detail, "gone");
    assert_string_equal(failure->ip, "127.0.0.1");
    assert_null(failure->tag);
    for (unsigned i = 0; i < TALLY_FAILURES_MAX + 10; i++) {
        add(tally, "http://b.test/", RF_VERDICT_FLAKY);
    }
    assert_int_equal(tally->failure_count, TALLY_FAILURES_MAX);
    assert_int_equal(tally->failures_dropped, 11);
}

static void test_long_text_is_cut(void **state) {
    struct tally *tally = *state;
    size_t size = 1 << 20;
    char *url = malloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        url[i] = i % 2 ? '\274' : '\303'; /* u with two dots, again and again */
    }
    url[size] = '\0';
    add(tally, url, RF_VERDICT_DEAD);
    free(url);
    const char *kept = tally->failures[0].url;
    assert_int_equal(strlen(kept), 4095);
    assert_string_equal(kept + 4090, "\303\274...");
}

#define HOST(url, expected)                                                                        \
    do {                                                                                           \
        char out_[64];                                                                             \
        assert_string_equal(tally_host_name(out_, sizeof out_, url), expected);                    \
    } while (0)

static void test_host_names(void **state) {
    (void)state;
    HOST("http://Example.ORG/a", "example.org");
    HOST("http://example.org", "example.org");
    HOST("http://example.org:80?q", "example.org");
    HOST("http://example.org:/", "example.org");
    HOST("https://example.org:443#f", "example.org");
    HOST("HTTPS://example.org:80/", "example.org:80");
    HOST("http://example.org:8080/", "example.org:8080");
    HOST("http://u@x:p@example.org:8080/@a", "example.org:8080");
    HOST("http://[::1]:80/", "[::1]");
    HOST("http://[::1]:81/", "[::1]:81");
    HOST("http://a.test\\@b.test/", "a.test");
    HOST("file:///etc/x", "");
    HOST("mailto:a@b.test", "");
    HOST("javascript:alert('http://a/')", "");
    HOST("1x://a", "");
    HOST("://a", "");
    HOST("", "");
    char small[5];
    assert_string_equal(tally_host_name(small, sizeof small, "http://example.org"), "exam");
    char host[64];
    struct rf_redirect redirect = {.status = 301, .url = "http://first.test/"};
    struct rf_result result = {.url = "first.test", .final_url = "https://last.test/"};
    assert_string_equal(tally_result_host(host, sizeof host, &result), "last.test");
    result.redirects = &redirect, result.redirect_count = 1;
    assert_string_equal(tally_result_host(host, sizeof host, &result), "first.test");
    result.url = "http://given.test";
    assert_string_equal(tally_result_host(host, sizeof host, &result), "given.test");
}

static void test_host_order(void **state) {
    struct tally *tally = *state;
    size_t index[3];
    assert_int_equal(tally_worst_hosts(tally, index, 3), 0);
    add_timed(tally, "http://slow.test/", 30);
    add_timed(tally, "http://slow.test/", 10);
    add_timed(tally, "http://slower.test/", 25);
    add_timed(tally, "http://quick.test/", 1);
    add_timed(tally, "http://b-quick.test/", 1);
    add(tally, "http://bad.test/", RF_VERDICT_DEAD);
    add(tally, "http://a-bad.test/", RF_VERDICT_BLOCKED);
    add(tally, "http://worst.test/", RF_VERDICT_DEAD);
    add(tally, "http://worst.test/", RF_VERDICT_DEAD);
    add(tally, "http://ok.test/", RF_VERDICT_OK);
    assert_int_equal(tally_worst_hosts(tally, index, 3), 3);
    assert_string_equal(tally->hosts[index[0]].name, "worst.test");
    assert_string_equal(tally->hosts[index[1]].name, "a-bad.test");
    assert_string_equal(tally->hosts[index[2]].name, "bad.test");
    assert_int_equal(tally_slowest_hosts(tally, index, 3), 3);
    assert_string_equal(tally->hosts[index[0]].name, "slower.test");
    assert_string_equal(tally->hosts[index[1]].name, "slow.test");
    assert_string_equal(tally->hosts[index[2]].name, "b-quick.test");
    assert_int_equal(tally_slowest_hosts(tally, index, 0), 0);
}

/* Each host is found where it is, however many came and went: a result more counts there and nobody
 * has to go. */
static void assert_all_known(struct tally *tally) {
    char url[96], name[64];
    for (size_t i = 0; i < tally->host_count; i++) {
        const struct tally_host *host = &tally->hosts[i];
        uint64_t before = host->count;
        snprintf(name, sizeof name, "%s", host->name);
        snprintf(url, sizeof url, "http://%s/", name);
        add(tally, url, RF_VERDICT_OK);
        assert_string_equal(host->name, name);
        assert_int_equal(host->count, before + 1);
    }
}

static void test_hosts_make_room(void **state) {
    struct tally *tally = *state;
    char url[64];
    for (unsigned i = 0; i < 200; i++) {
        add(tally, "http://often.test/", RF_VERDICT_OK);
    }
    add(tally, "http://bad.test/", RF_VERDICT_DEAD);
    for (unsigned i = 0; i < 2 * TALLY_HOSTS_MAX - 10; i++) {
        snprintf(url, sizeof url, "http://h%u.test/", i);
        add(tally, url, RF_VERDICT_OK);
    }
    assert_int_equal(tally->host_count, TALLY_HOSTS_MAX);
    const struct tally_host *host = find(tally, "often.test");
    assert_non_null(host);
    assert_int_equal(host->count, 200);
    assert_false(host->approximate);
    /* Among the hosts of one result each, those that were well went first. */
    assert_non_null(find(tally, "bad.test"));
    host = find(tally, "h8181.test");
    assert_non_null(host);
    assert_true(host->approximate);
    assert_int_equal(host->count, 2); /* inherited one */
    assert_int_equal(host->bad, 0);
    assert_all_known(tally);
    /* Who comes again finds its own entry, not a second one. */
    uint64_t before = find(tally, "often.test")->count;
    add(tally, "http://often.test/", RF_VERDICT_DEAD);
    assert_int_equal(find(tally, "often.test")->count, before + 1);
    assert_int_equal(find(tally, "often.test")->bad, 1);
}

/* Space-saving's promise: whoever has more than total / TALLY_HOSTS_MAX results is in the table,
 * and no count is too small. */
static void test_frequent_hosts_stay(void **state) {
    struct tally *tally = *state;
    char url[64];
    unsigned total = 0, often[20] = {0};
    uint32_t random = 1;
    for (unsigned i = 0; i < 100000; i++, total++) {
        random = random * 1664525u + 1013904223u;
        unsigned which = random >> 16;
        if (which % 4 == 0) {
            often[which / 4 % 20]++;
            snprintf(url, sizeof url, "http://often%u.test/", which / 4 % 20);
        } else {
            snprintf(url, sizeof url, "http://once%u.test/", i);
        }
        add(tally, url, RF_VERDICT_OK);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < tally->host_count; i++) {
        sum += tally->hosts[i].count;
    }
    assert_int_equal(sum, total);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(url, sizeof url, "often%u.test", i);
        const struct tally_host *host = find(tally, url);
        assert_non_null(host);
        assert_true(host->count >= often[i]);
    }
    assert_all_known(tally);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ten times what it takes, so that sanitizers and a busy machine don't fail; a look at every host
 * would. */
static void test_add_is_cheap(void **state) {
    struct tally *tally = *state;
    enum { HOSTS = 4000, ROUNDS = 50 };
    static char urls[HOSTS][40];
    for (unsigned i = 0; i < HOSTS; i++) {
        snprintf(urls[i], sizeof urls[i], "http://www.host-%u.example.org/", i);
    }
    struct rf_result result = result_of(urls[0], RF_VERDICT_OK);
    result.ms = (struct rf_times){1, 1, 1, 1, 1, 1, 6};
    double begun = seconds();
    for (unsigned i = 0; i < HOSTS * ROUNDS; i++) {
        result.url = urls[i % HOSTS];
        tally_add(tally, &result);
    }
    double ns = (seconds() - begun) * 1e9 / (HOSTS * ROUNDS);
    print_message("%.0f ns a result\n", ns);
    assert_true(ns < 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_hostile_numbers, begin, end),
        cmocka_unit_test_setup_teardown(test_times, begin, end),
        cmocka_unit_test_setup_teardown(test_certificates, begin, end),
        cmocka_unit_test_setup_teardown(test_failures_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(test_long_text_is_cut, begin, end),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test_setup_teardown(test_host_order, begin, end),
        cmocka_unit_test_setup_teardown(test_hosts_make_room, begin, end),
        cmocka_unit_test_setup_teardown(test_frequent_hosts_stay, begin, end),
        cmocka_unit_test_setup_teardown(test_add_is_cheap, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
