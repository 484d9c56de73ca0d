/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * host_test.c: the table of hosts: queues, limits, pauses, and that nothing is kept of hosts with nothing going on. No
 * job is started for good here: the test plays the exchange and only moves jobs in and out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka.h needs the first four. */
#include <cmocka.h>

#include "base/clock.h"
#include "job/sched.h"

static struct pool_depot depot;
static struct pool memory;
static struct ring *ring;
static struct conn_pool *conns;
static struct resolver *resolver;
static struct job_shared shared = {.concurrency = 1000};
static struct sched_options options;
static struct sched sched;

static int set_up(void **state) {
    struct ring_options ring_options;
    struct resolver_options resolver_options = {0};
    struct conn_pool_options conn_options = {0};
    char why[256];
    (void)state;
    pool_depot_init(&depot);
    pool_init(&memory, &depot);
    ring_options_init(&ring_options, 8);
    assert_int_equal(ring_open(&ring, &ring_options), 0);
    assert_int_equal(resolver_open(&resolver, ring, &resolver_options, why, sizeof why), 0);
    assert_int_equal(
        conn_pool_open(&conns, ring, resolver, &memory, &conn_options, why, sizeof why), 0);
    options = (struct sched_options){.per_host = 2};
    sched_init(&sched, conns, &memory, &options, NULL, &shared, NULL, 1);
    ring_turn(ring, false);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sched_deinit(&sched);
    assert_int_equal(memory.live_bytes, 0);
    conn_pool_close(conns);
    resolver_stop(resolver);
    resolver_close(resolver);
    ring_close(ring);
    pool_depot_deinit(&depot);
    return 0;
}

static struct job *enqueue(const char *text, bool front) {
    char href[256];
    struct url url;
    assert_int_equal(url_parse(&url, span_text(text), NULL, href, sizeof href), URL_OK);
    struct job *job = job_new(&memory, span_text(text), &url, ERR_OK);
    job->sched = &sched;
    host_enqueue(&sched, job, front);
    return job;
}

static struct job *start(struct host *host) {
    assert_true(link_is_linked(&host->ready));
    return host_start_next(&sched, host);
}

static void leave(struct job *job) {
    host_leave(&sched, job);
    job_release(&memory, job);
}

/* Host and port count, the scheme does not. */
static void test_what_is_one_host(void **state) {
    (void)state;
    struct job *first = enqueue("http://a.test/1", false);
    struct job *same = enqueue("http://a.test:80/2", false);
    struct job *tls = enqueue("https://a.test:80/2", false);
    struct job *port = enqueue("http://a.test:81/", false);
    struct job *other = enqueue("http://b.test/", false);
    assert_ptr_equal(first->host, same->host);
    assert_ptr_equal(first->host, tls->host);
    assert_ptr_not_equal(first->host, port->host);
    assert_ptr_not_equal(first->host, other->host);
    assert_int_equal(sched.host_count, 3);
    assert_ptr_equal(sched.crowded, first->host);
    struct job *all[] = {first, same, tls, port, other};
    for (unsigned i = 0; i < 5; i++) {
        host_dequeue(&sched, all[i]);
        job_release(&memory, all[i]);
    }
    assert_int_equal(sched.host_count, 0);
    assert_null(sched.crowded);
    assert_true(list_is_empty(&sched.ready));
}

static void test_the_limit(void **state) {
    struct job *job[4];
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        job[i] = enqueue("http://a.test/", i == 3);
    struct host *host = job[0]->host;
    assert_ptr_equal(start(host), job[3]); /* it had waited before */
    assert_ptr_equal(start(host), job[0]);
    assert_false(link_is_linked(&host->ready)); /* per_host is 2 */
    leave(job[0]);
    assert_ptr_equal(start(host), job[1]);
    leave(job[3]);
    assert_ptr_equal(start(host), job[2]);
    leave(job[1]);
    leave(job[2]);
    assert_int_equal(sched.host_count, 0);
}

static void test_a_hold(void **state) {
    (void)state;
    struct job *first = enqueue("http://a.test/1", false);
    struct job *second = enqueue("http://a.test/2", false);
    struct host *host = first->host;
    uint64_t now = ring_now(ring), until = now + NS_PER_S;
    start(host);
    host_hold(&sched, host, until);
    host_hold(&sched, host, now); /* a shorter one takes nothing away */
    assert_false(link_is_linked(&host->ready));
    assert_int_equal(sched_due_ns(&sched), until);
    leave(first);
    host_dequeue(&sched, second);
    job_release(&memory, second);
    assert_int_equal(sched.host_count, 1); /* it remembers */
    struct job *third = enqueue("http://a.test/3", false);
    assert_ptr_equal(third->host, host);
    assert_false(link_is_linked(&host->ready));
    host_dequeue(&sched, third);
    job_release(&memory, third);
}

static void test_starts_are_spaced(void **state) {
    (void)state;
    sched.options.host_interval_ns = 100 * NS_PER_MS;
    struct job *first = enqueue("http://a.test/1", false);
    struct job *second = enqueue("http://a.test/2", false);
    struct host *host = first->host;
    start(host);
    assert_false(link_is_linked(&host->ready));
    assert_int_equal(sched_due_ns(&sched), ring_now(ring) + 100 * NS_PER_MS);
    leave(first);
    host_dequeue(&sched, second);
    job_release(&memory, second);
}

/* More hosts than the first table has room for, all found again and all forgotten. */
static void test_the_table_grows(void **state) {
    enum { HOSTS = 2000 };
    static struct job *job[HOSTS];
    char text[64];
    (void)state;
    for (unsigned i = 0; i < HOSTS; i++) {
        snprintf(text, sizeof text, "http://h%u.test/", i);
        job[i] = enqueue(text, false);
    }
    assert_int_equal(sched.host_count, HOSTS);
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *host = host_find(&sched, url_host(&job[i]->url), 80, host_hash(&job[i]->url));
        assert_ptr_equal(host, job[i]->host);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        host_dequeue(&sched, job[i]);
        job_release(&memory, job[i]);
    }
    assert_int_equal(sched.host_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_one_host),  TEST(test_the_limit),       TEST(test_a_hold),
        TEST(test_starts_are_spaced), TEST(test_the_table_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
