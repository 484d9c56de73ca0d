/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache_help.h: a folder for each test with a cache in it, and the cache used as the engine uses it.
 */
#ifndef TESTS_CHECK_CACHE_HELP_H
#define TESTS_CHECK_CACHE_HELP_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/check_cache.h"
#include "../../../tools/ringfetch/check_cache_file.h"

enum { DAY_S = 86400, FIRST_ROOM = CACHE_PAGES_MIN * CACHE_PAGE_ENTRIES };

static char folder[64], path[128], why[512];

static inline int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/check_cache_test.XXXXXX");
    check_cache_settings = (struct check_cache_settings){.max_age_s = DAY_S, .fingerprint = 1};
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/cache", folder);
    return 0;
}

/* Fails if anything is left but the cache itself: temporary files. */
static inline int remove_folder(void **state) {
    (void)state;
    char link[160];
    snprintf(link, sizeof link, "%s/link", folder);
    unlink(link);
    unlink(path);
    return rmdir(folder);
}

static inline enum rf_exit try_open(void **cache) {
    why[0] = '\0';
    return check_cache.open(cache, path, NULL, why, sizeof why);
}

static inline void *open_cache(void) {
    void *cache = NULL;
    assert_int_equal(try_open(&cache), RF_OK);
    return cache;
}

static inline void close_cache(void *cache) {
    assert_int_equal(check_cache.close(cache, why, sizeof why), RF_OK);
}

/* The status it is known by, 0 if it is not. */
static inline unsigned known(void *cache, const char *url) {
    _Alignas(16) char request[64] = {0};
    struct rf_stream stream = {.url = url, .state = request};
    assert_true(check_cache.state_bytes <= sizeof request);
    return check_cache.prepare(cache, &stream) == RF_OUTPUT_SKIP ? stream.known_status : 0;
}

/* As the engine does it, with prepare before. `age_s` ago. */
static inline void record(void *cache, const char *url, enum rf_verdict verdict, int64_t age_s) {
    _Alignas(16) char request[64] = {0};
    struct rf_stream stream = {.url = url, .state = request};
    struct rf_result result = {.url = url,
                               .verdict = verdict,
                               .ok = verdict == RF_VERDICT_OK,
                               .status = 204,
                               .time_us = ((int64_t)time(NULL) - age_s) * 1000000};
    check_cache.prepare(cache, &stream);
    check_cache.record(cache, &stream, &result);
}

static inline const char *numbered(char out[64], unsigned i) {
    snprintf(out, 64, "http://host%u.example/", i);
    return out;
}

static inline long file_size(void) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (long)status.st_size;
}

/* In a process of its own, where no file may be larger than so many bytes: what `call` returns. */
static inline int limited(rlim_t bytes, int (*call)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = bytes, .rlim_max = bytes});
        _exit(call());
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

#endif
