/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/resolver_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <malloc.h>

#include "base/clock.h"
#include "net/resolver_order.h"

static struct pool_depot depot;
static struct pool pool;
static struct cache cache;

static void open_bounded(size_t max, size_t bytes_max) {
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    assert_int_equal(cache_init(&cache, &pool, max, bytes_max), 0);
}

static void open_cache(size_t max) {
    open_bounded(max, 64 << 20);
}

static int tear_down(void **state) {
    (void)state;
    cache_deinit(&cache);
    assert_true(pool.live_bytes == 0);
    pool_depot_deinit(&depot);
    return 0;
}

static void put(const char *name, uint64_t expires_ns) {
    struct address address;
    assert_true(address_parse(&address, span_text("127.0.0.1"), 0));
    struct address_list *list = address_list_copy(&address, 1);
    cache_put(&cache, name_key(span_text(name)), list, ERR_OK, expires_ns);
    address_list_drop(list);
}

static const struct cache_entry *find(const char *name, uint64_t now_ns) {
    return cache_find(&cache, name_key(span_text(name)), now_ns);
}

static void answers_expire(void **state) {
    (void)state;
    open_cache(10);
    put("a.test", 100);
    assert_non_null(find("a.test", 99));
    assert_null(find("a.test", 100));
    assert_null(find("a.test", 0)); /* gone for good */
    put("b.test", CACHE_FOREVER);
    assert_non_null(find("b.test", UINT64_MAX - 1));
}

static void the_oldest_goes_first(void **state) {
    (void)state;
    open_cache(3);
    put("a", 100);
    put("b", 100);
    put("c", 100);
    put("a", 100); /* the youngest now */
    put("d", 100);
    assert_null(find("b", 1));
    assert_non_null(find("a", 1));
    assert_non_null(find("c", 1));
    assert_non_null(find("d", 1));
}

static void errors_are_answers(void **state) {
    (void)state;
    open_cache(10);
    put("a", 100);
    cache_put(&cache, name_key(span_text("a")), NULL, err_make(STAGE_RESOLVE, ERR_NO_SUCH_HOST, 0),
              100);
    const struct cache_entry *entry = find("a", 1);
    assert_non_null(entry);
    assert_null(entry->list);
    assert_int_equal(entry->err.kind, ERR_NO_SUCH_HOST);
    assert_int_equal(cache.table.count, 1);
}

static void many_names_are_all_found(void **state) {
    (void)state;
    enum { NAMES = 50000 };
    open_cache(NAMES);
    char name[32];
    for (int i = 0; i < NAMES + 10; i++) {
        snprintf(name, sizeof name, "host-%d.test", i);
        put(name, 100);
    }
    assert_int_equal(cache.table.count, NAMES);
    for (int i = 0; i < NAMES + 10; i++) {
        snprintf(name, sizeof name, "host-%d.test", i);
        assert_int_equal(find(name, 1) != NULL, i >= 10);
    }
}

static void put_absence(const char *name) {
    cache_put(&cache, name_key(span_text(name)), NULL, err_make(STAGE_RESOLVE, ERR_NO_SUCH_HOST, 0),
              100);
}

/* What the process holds for it, as malloc and the pool count. Neither counts under a sanitizer. */
static size_t held_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd + depot.held_bytes;
}

static void a_million_names_stay_within_bounds(void **state) {
    (void)state;
    enum { NAMES = 1000000, BOUND = 4 << 20 };
    open_bounded(NAMES, BOUND);
    size_t before = held_bytes();
    char name[32];
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "host-%d.test", i);
        if (i % 3)
            put(name, 100);
        else
            put_absence(name);
        assert_true(cache_bytes(&cache) <= BOUND);
    }
    size_t count = cache_count(&cache);
    assert_int_equal(count, cache.table.count);
    assert_true(count > 15000 && count < 40000);
    assert_true(cache_bytes(&cache) > BOUND - 1000);
    /* And one chunk of the pool's for each size of block. */
    assert_true(held_bytes() - before <= BOUND + 2 * 65536);
    assert_non_null(find("host-999998.test", 1));
    assert_null(find("host-1.test", 1));
}

/* Nor do long names or many addresses get around it. */
static void large_answers_count_for_more(void **state) {
    (void)state;
    enum { BOUND = 1 << 20 };
    open_bounded(100000, BOUND);
    struct address address[64];
    for (int i = 0; i < 64; i++)
        assert_true(address_parse(&address[i], span_text("::1"), 0));
    char name[255];
    memset(name, 'a', sizeof name - 1);
    for (int i = 0; i < 2000; i++) {
        snprintf(name + 240, sizeof name - 240, "%d", i);
        struct address_list *list = address_list_copy(address, 64);
        cache_put(&cache, name_key(span_text(name)), list, ERR_OK, 100);
        address_list_drop(list);
        assert_true(cache_bytes(&cache) <= BOUND);
    }
    assert_in_range(cache_count(&cache), BOUND / 2500, BOUND / 2000);
}

static void absences_do_not_push_names_out(void **state) {
    (void)state;
    open_cache(100);
    char name[32];
    for (int i = 0; i < 75; i++) {
        snprintf(name, sizeof name, "there-%d.test", i);
        put(name, 100);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "gone-%d.test", i);
        put_absence(name);
    }
    assert_non_null(find("there-0.test", 1));
    assert_int_equal(cache.negative.count, 25);
    assert_null(find("gone-974.test", 1));
    assert_non_null(find("gone-975.test", 1));
    put("there-75.test", 100);
    assert_null(find("there-0.test", 1));
    put_absence("there-75.test"); /* changes sides */
    assert_int_equal(cache.negative.count, 25);
    assert_int_equal(cache.positive.count, 74);
}

static void tiny_caches_work(void **state) {
    (void)state;
    open_bounded(1, 200);
    put("a", 100);
    put_absence("b");
    assert_int_equal(cache_count(&cache), 0); /* either is too large */
    cache_deinit(&cache);
    assert_int_equal(cache_init(&cache, &pool, 1, 2000), 0);
    put("a", 100);
    put_absence("b");
    assert_null(find("a", 1));
    assert_non_null(find("b", 1));
    put("c", 100);
    assert_non_null(find("c", 1));
    assert_int_equal(cache_count(&cache), 1);
}

static void lifetimes_have_limits(void **state) {
    (void)state;
    open_cache(1);
    assert_true(cache_lifetime_ns(0) == NS_PER_S);
    assert_true(cache_lifetime_ns(60) == 60 * NS_PER_S);
    assert_true(cache_lifetime_ns(1000000) == 3600 * NS_PER_S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(answers_expire, tear_down),
        cmocka_unit_test_teardown(the_oldest_goes_first, tear_down),
        cmocka_unit_test_teardown(errors_are_answers, tear_down),
        cmocka_unit_test_teardown(many_names_are_all_found, tear_down),
        cmocka_unit_test_teardown(a_million_names_stay_within_bounds, tear_down),
        cmocka_unit_test_teardown(large_answers_count_for_more, tear_down),
        cmocka_unit_test_teardown(absences_do_not_push_names_out, tear_down),
        cmocka_unit_test_teardown(tiny_caches_work, tear_down),
        cmocka_unit_test_teardown(lifetimes_have_limits, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
