/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load_run_test.c: whole loads through the public door against a server in the test: what is counted is what the server was
 * asked, and every way in which a run ends leaves nothing behind.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <dirent.h>
#include <math.h>
#include <ringfetch/load.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tiny_server.h"

static struct rf_settings settings;
static struct rf_load_settings load_settings;
static struct rf_load *load;
static char why[512];

static int set_up(void **state) {
    (void)state;
    rf_settings_init(&settings);
    rf_load_settings_init(&load_settings);
    settings.threads = 2;
    load_settings.connections = 4;
    load_settings.warmup_s = 0.05;
    load_settings.duration_s = 0.35;
    load_settings.seed = 1;
    why[0] = '\0';
    tiny_open();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rf_load_close(load);
    load = NULL;
    tiny_close();
    return 0;
}

static void open_load(void) {
    assert_int_equal(rf_load_open(&load, &settings, &load_settings, why, sizeof why), RF_OK);
}

static void add(enum rf_side side, const char *url) {
    struct rf_load_request request;
    rf_load_request_init(&request);
    request.url = url;
    assert_int_equal(rf_load_add(load, side, &request, why, sizeof why), RF_OK);
}

static enum rf_exit run(rf_load_sample_fn *sample) {
    return rf_load_run(load, sample, NULL, why, sizeof why);
}

/* What the totals say is what blocks and seconds say together. */
static void assert_consistent(const struct rf_load_figures *figures) {
    uint64_t in_blocks = 0, in_seconds = 0, statuses = 0;
    for (size_t i = 0; i < figures->block_count; i++)
        in_blocks += figures->block[i].requests;
    for (size_t i = 0; i < figures->second_count; i++)
        in_seconds += figures->second[i].requests;
    for (unsigned i = 0; i < RF_STATUS_MAX; i++)
        statuses += figures->status[i];
    assert_int_equal(in_blocks, figures->requests);
    assert_true(in_seconds <= figures->requests);
    assert_int_equal(statuses, figures->requests);
    assert_int_equal(rf_histogram_total(figures->latency), figures->requests - figures->errors);
    assert_int_equal(rf_histogram_total(figures->first_byte), figures->requests - figures->errors);
}

/* ---- runs that go well ---------------------------------------------------------------------------------- */

static unsigned samples;
static unsigned phases; /* seen, an OR of 1 << phase */

static void on_sample(void *context, const struct rf_load_sample *sample) {
    (void)context;
    samples++;
    phases |= 1U << sample->phase;
    assert_true(sample->connections <= 8);
}

static void a_closed_loop_is_counted(void **state) {
    (void)state;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    samples = phases = 0;
    assert_int_equal(run(on_sample), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_non_null(a);
    assert_null(rf_load_figures(load, RF_SIDE_B));
    assert_true(a->requests > 0 && a->requests < tiny_asked());
    assert_int_equal(a->errors, 0);
    assert_int_equal(a->status[200], a->requests);
    assert_int_equal(a->body_bytes, 10 * a->requests);
    assert_true(fabs(a->seconds - 0.35) < 1e-3);
    assert_true(a->rps > 0 && a->rps <= (double)a->requests / a->seconds);
    assert_int_equal(a->block_count, 4);
    assert_int_equal(a->second_count, 1);
    assert_int_equal(a->connections, 4);
    assert_int_equal(a->connects, 4);
    assert_int_equal(rf_histogram_total(a->connect), 4);
    assert_null(a->raw);
    assert_null(a->slip);
    assert_null(a->tls);
    assert_null(a->first_error);
    assert_string_equal(a->ip, "127.0.0.1");
    assert_true(a->cpu_user_s + a->cpu_system_s > 0);
    assert_consistent(a);
    assert_true(samples >= 2 && phases & 1U << RF_PHASE_MEASURE);
    struct rf_load_machine machine = rf_load_machine(load);
    assert_int_equal(machine.threads, 2);
    assert_true(machine.process_cpu > 0 && machine.process_cpu <= 1);
    assert_int_equal(run(NULL), RF_USAGE); /* once for each load */
}

static void a_quota_is_kept_to_the_request(void **state) {
    (void)state;
    load_settings.warmup_s = 0;
    load_settings.requests = 101;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(NULL), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_int_equal(a->requests, 101);
    assert_int_equal(tiny_asked(), 101);
    assert_true(a->block_count >= 1);
    assert_consistent(a);
}

static void an_open_loop_keeps_its_schedule(void **state) {
    (void)state;
    load_settings.warmup_s = 0;
    load_settings.rate = 500;
    load_settings.duration_s = 0.4;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(NULL), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_in_range(a->requests, 198, 201);
    assert_true(a->rps_scheduled == 500);
    assert_int_equal(rf_histogram_total(a->raw), a->requests);
    assert_int_equal(rf_histogram_total(a->slip), a->requests);
    assert_true(rf_histogram_mean(a->latency) >= rf_histogram_mean(a->raw));
    assert_consistent(a);
}

static void a_ramp_ends_when_it_is_over(void **state) {
    static const struct rf_ramp parts[] = {{0.2, 200}, {0.2, 400}};
    (void)state;
    load_settings.warmup_s = 0;
    load_settings.ramp = parts;
    load_settings.ramp_count = 2;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(NULL), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_in_range(a->requests, 98, 101); /* 40 and 60 */
    assert_true(fabs(a->rps_scheduled - 250) < 1e-6);
    assert_true(fabs(a->seconds - 0.4) < 1e-3);
}

static void two_sides_take_turns(void **state) {
    (void)state;
    load_settings.duration_s = 0.5;
    load_settings.whole_duration = true;
    load_settings.block_s = 0.01;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    add(RF_SIDE_B, tiny_url(2, "/bytes/20"));
    assert_int_equal(run(on_sample), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    const struct rf_load_figures *b = rf_load_figures(load, RF_SIDE_B);
    struct rf_comparison comparison = rf_load_comparison(load);
    assert_int_equal(a->block_count, b->block_count);
    assert_true(a->block_count >= 1);
    assert_int_equal(comparison.metric[RF_METRIC_RPS].samples, a->block_count);
    assert_true(fabs(a->seconds - b->seconds) < 1e-6);
    assert_true(fabs(a->seconds - 0.01 * (double)a->block_count) < 1e-6);
    assert_int_equal(a->body_bytes, 10 * a->requests);
    assert_int_equal(b->body_bytes, 20 * b->requests);
    assert_true(comparison.metric[RF_METRIC_MEAN].a > 0);
    assert_true(comparison.metric[RF_METRIC_ERRORS].b == 0);
    assert_int_equal(b->connections, 4);
    assert_consistent(a);
    assert_consistent(b);
}

static void a_side_that_fails_is_regressed_early(void **state) {
    (void)state;
    load_settings.duration_s = 30;
    load_settings.block_s = 0.005;
    load_settings.judged = 1U << RF_METRIC_ERRORS;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    add(RF_SIDE_B, tiny_url(2, "/status/500"));
    assert_int_equal(run(NULL), RF_OK);
    const struct rf_load_figures *b = rf_load_figures(load, RF_SIDE_B);
    struct rf_comparison comparison = rf_load_comparison(load);
    assert_int_equal(comparison.verdict, RF_CHANGE_REGRESSED);
    assert_true(comparison.metric[RF_METRIC_ERRORS].b == 1);
    assert_int_equal(b->errors, b->requests);
    assert_int_equal(b->status[500], b->requests);
    assert_non_null(b->first_error);
    assert_int_equal(rf_histogram_total(b->latency), 0);
}

static void entries_are_asked_by_weight(void **state) {
    struct rf_load_request request;
    (void)state;
    load_settings.warmup_s = 0;
    load_settings.requests = 400;
    settings.threads = 1;
    open_load();
    rf_load_request_init(&request);
    request.url = tiny_url(1, "/bytes/10");
    request.name = "small";
    request.weight = 3;
    assert_int_equal(rf_load_add(load, RF_SIDE_A, &request, why, sizeof why), RF_OK);
    request.url = tiny_url(1, "/bytes/20");
    request.name = "large";
    request.weight = 1;
    assert_int_equal(rf_load_add(load, RF_SIDE_A, &request, why, sizeof why), RF_OK);
    assert_int_equal(run(NULL), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_int_equal(a->entry_count, 2);
    assert_string_equal(a->entry[0].name, "small");
    assert_int_equal(a->entry[0].requests + a->entry[1].requests, 400);
    assert_in_range(a->entry[0].requests, 290, 310);
    assert_int_equal(rf_histogram_total(a->entry[1].latency), a->entry[1].requests);
}

static void a_name_is_resolved_once_and_as_told(void **state) {
    char url[64], rule[64];
    const char *rules[] = {rule, NULL};
    (void)state;
    snprintf(url, sizeof url, "http://some.example:%u/bytes/5", tiny_port());
    snprintf(rule, sizeof rule, "some.example:%u:127.0.0.3", tiny_port());
    load_settings.warmup_s = 0;
    load_settings.requests = 10;
    settings.resolve = rules;
    open_load();
    add(RF_SIDE_A, url);
    assert_int_equal(run(NULL), RF_OK);
    assert_string_equal(rf_load_figures(load, RF_SIDE_A)->ip, "127.0.0.3");
    assert_string_equal(rf_load_figures(load, RF_SIDE_A)->url, url);
}

/* One of a name's addresses answers: no connection is tried with the other, keep-alive or not. */
static void dead_addresses_are_left_out(void **state) {
    char url[64], rule[64];
    const char *rules[] = {rule, NULL};
    (void)state;
    snprintf(url, sizeof url, "http://some.example:%u/bytes/5", tiny_port());
    snprintf(rule, sizeof rule, "some.example:%u:127.0.0.99,127.0.0.2,127.0.0.98", tiny_port());
    load_settings.warmup_s = 0;
    load_settings.requests = 10;
    load_settings.no_keepalive = true;
    settings.resolve = rules;
    open_load();
    add(RF_SIDE_A, url);
    assert_int_equal(run(NULL), RF_OK);
    assert_int_equal(rf_load_figures(load, RF_SIDE_A)->errors, 0);
    assert_string_equal(rf_load_figures(load, RF_SIDE_A)->ip, "127.0.0.2");
}

static void what_is_expected_is_judged(void **state) {
    const char *expect[] = {"status=404", NULL};
    (void)state;
    load_settings.warmup_s = 0;
    load_settings.requests = 20;
    settings.expect = expect;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(NULL), RF_OK);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_int_equal(a->errors, 20);
    assert_non_null(a->first_error);
}

/* ---- runs that are stopped ------------------------------------------------------------------------------ */

static void stop_when_measuring(void *context, const struct rf_load_sample *sample) {
    (void)context;
    if (sample->phase == RF_PHASE_MEASURE && sample->requests)
        rf_load_stop(load, RF_INTERRUPTED);
}

static void a_stopped_run_has_figures(void **state) {
    (void)state;
    load_settings.duration_s = 1000;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(stop_when_measuring), RF_INTERRUPTED);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_true(a->requests > 0);
    assert_true(a->seconds > 0 && a->seconds < 100);
    assert_int_equal(a->connections, 4); /* not what was left when all had been closed */
    assert_true(a->second[a->second_count - 1].connections > 0);
    assert_consistent(a);
}

static void stop_at_once(void *context, const struct rf_load_sample *sample) {
    (void)context;
    if (sample->outstanding == 4) {
        rf_load_stop(load, RF_TERMINATED);
        rf_load_stop(load, RF_INTERRUPTED); /* too late to count */
    }
}

static void what_hangs_is_abandoned(void **state) {
    (void)state;
    load_settings.duration_s = 1000;
    load_settings.warmup_s = 0;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/hang"));
    assert_int_equal(run(stop_at_once), RF_TERMINATED);
    const struct rf_load_figures *a = rf_load_figures(load, RF_SIDE_A);
    assert_int_equal(a->requests, 0);
    assert_true(a->rps == 0);
    assert_int_equal(a->connections, 4);
    tiny_release();
}

static void two_sides_can_be_stopped(void **state) {
    (void)state;
    load_settings.duration_s = 1000;
    load_settings.whole_duration = true;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    add(RF_SIDE_B, tiny_url(2, "/bytes/10"));
    assert_int_equal(run(stop_when_measuring), RF_INTERRUPTED);
    assert_non_null(rf_load_figures(load, RF_SIDE_B));
    assert_int_equal(rf_load_figures(load, RF_SIDE_A)->connections, 4);
    assert_int_equal(rf_load_figures(load, RF_SIDE_B)->connections, 4);
    assert_int_equal(rf_load_comparison(load).verdict, RF_CHANGE_INCONCLUSIVE);
}

static void one_stopped_before_it_begins_does_nothing(void **state) {
    (void)state;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    rf_load_stop(load, RF_INTERRUPTED);
    assert_int_equal(run(NULL), RF_INTERRUPTED);
    assert_int_equal(tiny_asked(), 0);
    assert_int_equal(rf_load_figures(load, RF_SIDE_A)->requests, 0);
}

/* ---- runs that can't be ----------------------------------------------------------------------------------- */

static void nothing_to_ask_is_told(void **state) {
    (void)state;
    open_load();
    assert_int_equal(run(NULL), RF_LOCAL_FAULT);
    assert_string_not_equal(why, "");
    add(RF_SIDE_B, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(NULL), RF_LOCAL_FAULT);
}

static void a_socket_that_is_not_there_is_named(void **state) {
    (void)state;
    settings.unix_socket = "/nowhere/socket";
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(run(NULL), RF_SOME_FAILED);
    assert_non_null(strstr(why, " by /nowhere/socket: "));
}

/* A port that is taken and that nobody listens on. */
static int closed_port(char *url, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(url, size, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    return fd;
}

static void no_connection_is_told_with_its_reason(void **state) {
    char url[64];
    (void)state;
    int fd = closed_port(url, sizeof url);
    for (unsigned i = 0; i < 3; i++) {
        load_settings.no_keepalive = i == 1; /* is not connected beforehand */
        open_load();
        add(RF_SIDE_A, i == 2 ? tiny_url(1, "/bytes/10") : url);
        if (i == 2)
            add(RF_SIDE_B, url);
        assert_int_equal(run(NULL), RF_SOME_FAILED);
        assert_non_null(strstr(why, "refused"));
        assert_non_null(strstr(why, "127.0.0.1"));
        assert_null(rf_load_figures(load, RF_SIDE_A));
        rf_load_close(load);
        load = NULL;
    }
    close(fd);
}

static unsigned open_descriptors(void) {
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Some threads have their rings and some can't. */
static void a_thread_that_cannot_start_ends_all(void **state) {
    struct rlimit before, lowered;
    (void)state;
#ifdef __SANITIZE_THREAD__
    /* A ring's memory is reused here, which looks like a race (tests/tsan.supp), and without descriptors no function can be looked up. */
    print_message("skipped: ThreadSanitizer needs descriptors of its own\n");
    skip();
#endif
    settings.threads = 8;
    load_settings.connections = 8;
    open_load();
    add(RF_SIDE_A, tiny_url(1, "/bytes/10"));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowered = before;
    lowered.rlim_cur = open_descriptors() + 4;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    enum rf_exit result = run(NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(result, RF_ENVIRONMENT);
    assert_string_not_equal(why, "");
    assert_null(rf_load_figures(load, RF_SIDE_A));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_closed_loop_is_counted),
        TEST(a_quota_is_kept_to_the_request),
        TEST(an_open_loop_keeps_its_schedule),
        TEST(a_ramp_ends_when_it_is_over),
        TEST(two_sides_take_turns),
        TEST(a_side_that_fails_is_regressed_early),
        TEST(entries_are_asked_by_weight),
        TEST(a_name_is_resolved_once_and_as_told),
        TEST(dead_addresses_are_left_out),
        TEST(what_is_expected_is_judged),
        TEST(a_socket_that_is_not_there_is_named),
        TEST(a_stopped_run_has_figures),
        TEST(what_hangs_is_abandoned),
        TEST(two_sides_can_be_stopped),
        TEST(one_stopped_before_it_begins_does_nothing),
        TEST(nothing_to_ask_is_told),
        TEST(no_connection_is_told_with_its_reason),
        TEST(a_thread_that_cannot_start_ends_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
