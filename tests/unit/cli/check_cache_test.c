/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache_test.c: what a run remembers and the next one believes; how the file grows, or can't; many threads.
 */
#include "check_cache_help.h"

#include <pthread.h>

/* ---- what is remembered ------------------------------------------------------------------------- */

static void test_next_run(void **state) {
    (void)state;
    void *cache = open_cache();
    record(cache, "http://a/", RF_VERDICT_OK, 0);
    record(cache, "http://old/", RF_VERDICT_OK, 1000);
    record(cache, "http://future/", RF_VERDICT_OK, -1000);
    record(cache, "http://dead/", RF_VERDICT_DEAD, 0);
    assert_int_equal(known(cache, "http://a/"), 0); /* this run's own don't count */
    close_cache(cache);
    cache = open_cache();
    assert_int_equal(known(cache, "http://a/"), 204);
    assert_int_equal(known(cache, "http://old/"), 204);
    assert_int_equal(known(cache, "http://future/"), 0);
    assert_int_equal(known(cache, "http://dead/"), 0);
    assert_int_equal(known(cache, "http://a"), 0);
    close_cache(cache);
    check_cache_settings.max_age_s = 500;
    cache = open_cache();
    assert_int_equal(known(cache, "http://a/"), 204);
    assert_int_equal(known(cache, "http://old/"), 0);
    close_cache(cache);
    check_cache_settings.fingerprint = 2;
    cache = open_cache();
    assert_int_equal(known(cache, "http://a/"), 0);
    record(cache, "http://a/", RF_VERDICT_DEAD, 0); /* not the other settings' entry */
    close_cache(cache);
    check_cache_settings.fingerprint = 1;
    cache = open_cache();
    assert_int_equal(known(cache, "http://a/"), 204);
    close_cache(cache);
}

static void test_forgets(void **state) {
    (void)state;
    static const struct {
        enum rf_verdict verdict;
        unsigned status;
    } rows[] = {{RF_VERDICT_DEAD, 0},           {RF_VERDICT_FLAKY, 0},     {RF_VERDICT_BLOCKED, 0},
                {RF_VERDICT_INCONCLUSIVE, 204}, {RF_VERDICT_SKIPPED, 204}, {RF_VERDICT_NONE, 204}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *cache = open_cache();
        record(cache, "http://a/", RF_VERDICT_OK, 0);
        close_cache(cache);
        cache = open_cache();
        record(cache, "http://a/", rows[i].verdict, 0);
        close_cache(cache);
        cache = open_cache();
        assert_int_equal(known(cache, "http://a/"), rows[i].status);
        close_cache(cache);
    }
}

/* What was not asked makes nothing younger, and what has no URL is no fault. */
static void test_not_asked(void **state) {
    (void)state;
    void *cache = open_cache();
    _Alignas(16) char request[64] = {0};
    struct rf_stream stream = {.url = "http://a/", .state = request};
    struct rf_result result = {
        .url = "http://a/", .verdict = RF_VERDICT_OK, .ok = true, .skipped = true};
    check_cache.record(cache, &stream, &result);
    result = (struct rf_result){.url = "http://a/", .verdict = RF_VERDICT_OK, .cached = true};
    check_cache.record(cache, &stream, &result);
    stream.url = NULL;
    assert_int_equal(check_cache.prepare(cache, &stream), RF_OUTPUT_OK);
    check_cache.record(cache, &stream, &result);
    stream.url = "http://unprepared/";
    memset(request, 0, sizeof request);
    result = (struct rf_result){.verdict = RF_VERDICT_OK, .status = 200};
    check_cache.record(cache, &stream, &result);
    close_cache(cache);
    cache = open_cache();
    assert_int_equal(known(cache, "http://a/"), 0);
    assert_int_equal(known(cache, "http://unprepared/"), 200);
    close_cache(cache);
    assert_false(check_cache.wants_body);
}

/* ---- growing ------------------------------------------------------------------------------------ */

static void test_grows(void **state) {
    (void)state;
    enum { COUNT = 40000 };
    char url[64];
    void *cache = open_cache();
    assert_int_equal(file_size(), 4096 * (CACHE_PAGES_MIN + 1));
    for (unsigned i = 0; i < COUNT; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    assert_int_equal(file_size(), 4096 * (8 * CACHE_PAGES_MIN + 1));
    close_cache(cache);
    cache = open_cache();
    unsigned lost = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        lost += known(cache, numbered(url, i)) != 204;
    }
    assert_true(lost <= COUNT / 100); /* crowds of more than 128 in a page: rare */
    assert_int_equal(known(cache, "http://never/"), 0);
    /* Writing the same again takes no room. */
    for (unsigned i = 0; i < COUNT; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    close_cache(cache);
    assert_int_equal(file_size(), 4096 * (8 * CACHE_PAGES_MIN + 1));
}

/* Old entries make room, so that a cache of changing lists ends growing. */
static void test_old_make_room(void **state) {
    (void)state;
    char url[64];
    void *cache = open_cache();
    for (unsigned i = 0; i < 10 * FIRST_ROOM; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 2 * DAY_S);
    }
    record(cache, "http://young/", RF_VERDICT_OK, 0);
    close_cache(cache);
    assert_int_equal(file_size(), 4096 * (CACHE_PAGES_MIN + 1));
    cache = open_cache();
    assert_int_equal(known(cache, "http://young/"), 204);
    close_cache(cache);
}

/* A link to the file stays one when the file is replaced, and so do its permissions. */
static void test_link(void **state) {
    (void)state;
    char link[160], url[64];
    void *cache = open_cache();
    close_cache(cache);
    assert_int_equal(chmod(path, 0640), 0);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(check_cache.open(&cache, link, NULL, why, sizeof why), RF_OK);
    for (unsigned i = 0; i < FIRST_ROOM; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    close_cache(cache);
    struct stat status;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(file_size(), 4096 * (2 * CACHE_PAGES_MIN + 1));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
}

static int fill_until_full(void) {
    char url[64];
    void *cache;
    if (try_open(&cache) != RF_OK) {
        return 1;
    }
    for (unsigned i = 0; i < 4 * FIRST_ROOM; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 4 * FIRST_ROOM - i);
    }
    if (check_cache.close(cache, why, sizeof why) != RF_LOCAL_FAULT) {
        return 2;
    }
    return strncmp(why, path, strlen(path)) == 0 && strstr(why, "could not grow") &&
                   !strchr(why, '\n')
               ? 0
               : 3;
}

static int open_no_room(void) {
    void *cache = NULL;
    return try_open(&cache) == RF_LOCAL_FAULT && strncmp(why, path, strlen(path)) == 0 ? 0 : 1;
}

static void test_disk_full(void **state) {
    (void)state;
    char url[64];
    assert_int_equal(limited(1000, open_no_room), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(limited(4096 * (CACHE_PAGES_MIN + 4), fill_until_full), 0);
    assert_int_equal(file_size(), 4096 * (CACHE_PAGES_MIN + 1));
    void *cache = open_cache(); /* full of the youngest, and can grow again */
    unsigned found = 0;
    for (unsigned i = 3 * FIRST_ROOM; i < 4 * FIRST_ROOM; i++) {
        found += known(cache, numbered(url, i)) == 204;
    }
    assert_true(found > FIRST_ROOM * 8 / 10);
    record(cache, "http://more/", RF_VERDICT_OK, 0);
    close_cache(cache);
    assert_int_equal(file_size(), 4096 * (2 * CACHE_PAGES_MIN + 1));
}

/* ---- threads ----------------------------------------------------------------------------------- */

enum { THREADS = 8, EACH = 6000 };
static void *shared_cache;

static void *worker(void *argument) {
    unsigned me = *(unsigned *)argument;
    char url[64];
    for (unsigned i = 0; i < EACH; i++) {
        record(shared_cache, numbered(url, i * THREADS + me), RF_VERDICT_OK, 0);
        known(shared_cache, numbered(url, i * 7919 % (THREADS * EACH)));
        record(shared_cache, "http://all/", i % 2 ? RF_VERDICT_OK : RF_VERDICT_DEAD, 0);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    char url[64];
    shared_cache = open_cache();
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, worker, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    close_cache(shared_cache);
    void *cache = open_cache();
    unsigned lost = 0;
    for (unsigned i = 0; i < THREADS * EACH; i++) {
        lost += known(cache, numbered(url, i)) != 204;
    }
    assert_true(lost <= THREADS * EACH / 100);
    close_cache(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_next_run),      CASE(test_forgets), CASE(test_not_asked), CASE(test_grows),
        CASE(test_old_make_room), CASE(test_link),    CASE(test_disk_full), CASE(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
