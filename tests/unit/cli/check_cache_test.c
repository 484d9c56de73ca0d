/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache_test.c: what a run remembers and the next one believes; files that are foreign, damaged, torn, in use or
 * can't grow; many threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

static int make_folder(void **state) {
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
static int remove_folder(void **state) {
    (void)state;
    char link[160];
    snprintf(link, sizeof link, "%s/link", folder);
    unlink(link);
    unlink(path);
    return rmdir(folder);
}

static enum rf_exit try_open(void **cache) {
    why[0] = '\0';
    return check_cache.open(cache, path, NULL, why, sizeof why);
}

static void *open_cache(void) {
    void *cache = NULL;
    assert_int_equal(try_open(&cache), RF_OK);
    return cache;
}

static void close_cache(void *cache) {
    assert_int_equal(check_cache.close(cache, why, sizeof why), RF_OK);
}

/* The status it is known by, 0 if it is not. */
static unsigned known(void *cache, const char *url) {
    _Alignas(16) char request[64] = {0};
    struct rf_stream stream = {.url = url, .state = request};
    assert_true(check_cache.state_bytes <= sizeof request);
    return check_cache.prepare(cache, &stream) == RF_OUTPUT_SKIP ? stream.known_status : 0;
}

/* As the engine does it, with prepare before. `age_s` ago. */
static void record(void *cache, const char *url, enum rf_verdict verdict, int64_t age_s) {
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

static const char *numbered(char out[64], unsigned i) {
    snprintf(out, 64, "http://host%u.example/", i);
    return out;
}

static long file_size(void) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (long)status.st_size;
}

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

/* In a process of its own, where no file may be larger than so many bytes: what `call` returns. */
static int limited(rlim_t bytes, int (*call)(void)) {
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

/* ---- files that are not ours, or no longer whole ------------------------------------------------ */

static void patch(long offset, const void *bytes, size_t count) {
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, offset), count);
    close(fd);
}

static void assert_refused(const char *says) {
    void *cache = NULL;
    assert_int_equal(try_open(&cache), RF_LOCAL_FAULT);
    assert_memory_equal(why, path, strlen(path));
    assert_non_null(strstr(why, says));
    assert_null(strchr(why, '\n'));
}

static void test_foreign(void **state) {
    (void)state;
    static const char letter[] = "Dear Sir or Madam,\n";
    char read_back[sizeof letter] = "";
    FILE *file = fopen(path, "w");
    fputs(letter, file);
    fclose(file);
    assert_refused("not a cache");
    assert_int_equal(truncate(path, 300000), 0);
    assert_refused("not a cache");
    file = fopen(path, "r");
    assert_int_equal(fread(read_back, 1, sizeof letter - 1, file), sizeof letter - 1);
    fclose(file);
    assert_string_equal(read_back, letter);
    assert_int_equal(file_size(), 300000);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused("");
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused("not a regular file");
    void *cache = NULL;
    assert_int_equal(check_cache.open(&cache, NULL, NULL, why, sizeof why), RF_USAGE);
    assert_int_equal(check_cache.open(&cache, "", NULL, why, sizeof why), RF_USAGE);
    assert_int_equal(check_cache.open(&cache, "/nowhere/\033c", NULL, why, sizeof why),
                     RF_LOCAL_FAULT);
    assert_string_equal(why, "/nowhere/\\x1bc: No such file or directory");
}

static void test_damaged(void **state) {
    (void)state;
    void *cache = open_cache();
    record(cache, "http://a/", RF_VERDICT_OK, 0);
    close_cache(cache);
    struct cache_header whole;
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(&whole, sizeof whole, 1, file), 1);
    fclose(file);
    for (size_t i = 0; i < offsetof(struct cache_header, used); i++) {
        char other = (char)(((const char *)&whole)[i] ^ 4);
        patch((long)i, &other, 1);
        assert_refused("");
        patch((long)i, &whole, 0);
        patch(0, &whole, sizeof whole);
    }
    uint32_t swapped = 0x04030201, version = CACHE_VERSION + 1;
    patch(offsetof(struct cache_header, byte_order), &swapped, sizeof swapped);
    assert_refused("byte order");
    patch(0, &whole, sizeof whole);
    patch(offsetof(struct cache_header, version), &version, sizeof version);
    assert_refused("another version");
    patch(0, &whole, sizeof whole);
    long size = file_size();
    assert_int_equal(truncate(path, size - 1), 0);
    assert_refused("damaged");
    assert_int_equal(truncate(path, size + 4096), 0);
    assert_refused("damaged");
    assert_int_equal(truncate(path, size), 0); /* with a hole where a byte was cut */
    cache = open_cache();
    close_cache(cache);
}

static void test_empty_file(void **state) {
    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    void *cache = open_cache();
    record(cache, "http://a/", RF_VERDICT_OK, 0);
    close_cache(cache);
    cache = open_cache();
    assert_int_equal(known(cache, "http://a/"), 204);
    close_cache(cache);
}

/* Every byte of every entry is changed once: that entry alone is not believed any more. */
static void test_torn(void **state) {
    (void)state;
    enum { COUNT = 200 };
    char url[64];
    void *cache = open_cache();
    for (unsigned i = 0; i < COUNT; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    close_cache(cache);
    struct cache_file file;
    assert_true(cache_file_open(&file, path, why, sizeof why));
    unsigned torn = 0;
    struct cache_entry *entry = file.pages[0].entry;
    for (; entry < file.pages[file.page_count].entry; entry++) {
        if (!cache_entry_is_empty(entry)) {
            assert_true(cache_entry_is_whole(entry));
            ((unsigned char *)entry)[torn++ % sizeof *entry] ^= 0x10;
            assert_false(cache_entry_is_whole(entry));
        }
    }
    assert_int_equal(torn, COUNT);
    cache_file_close(&file);
    cache = open_cache();
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(known(cache, numbered(url, i)), 0);
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    close_cache(cache);
    cache = open_cache();
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(known(cache, numbered(url, i)), 204);
    }
    close_cache(cache);
}

static int write_and_crash(void) {
    char url[64];
    void *cache;
    if (try_open(&cache) != RF_OK) {
        return 1;
    }
    for (unsigned i = 0; i < FIRST_ROOM; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    return 0;
}

static void test_crash(void **state) {
    (void)state;
    char url[64];
    assert_int_equal(limited(RLIM_INFINITY, write_and_crash), 0);
    void *cache = open_cache();
    unsigned found = 0;
    for (unsigned i = 0; i < FIRST_ROOM; i++) {
        found += known(cache, numbered(url, i)) == 204;
    }
    assert_true(found > FIRST_ROOM * 98 / 100);
    close_cache(cache);
    struct cache_file file;
    assert_true(cache_file_open(&file, path, why, sizeof why));
    assert_in_range(file.used, found, FIRST_ROOM); /* counted anew */
    cache_file_close(&file);
}

/* ---- processes and threads ---------------------------------------------------------------------- */

static void test_in_use(void **state) {
    (void)state;
    char url[64];
    void *cache = open_cache();
    assert_refused("in use by another run");
    for (unsigned i = 0; i < FIRST_ROOM; i++) {
        record(cache, numbered(url, i), RF_VERDICT_OK, 0);
    }
    assert_refused("in use by another run"); /* the file that took its place as well */
    close_cache(cache);
    close_cache(open_cache());
}

/* Many processes make one file: one of them gets it. */
static void test_race(void **state) {
    (void)state;
    enum { CHILDREN = 8 };
    int says[2], go[2];
    assert_int_equal(pipe(says), 0);
    assert_int_equal(pipe(go), 0);
    fflush(NULL);
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (fork() == 0) {
            void *cache;
            char byte = try_open(&cache) == RF_OK ? 'y' : strstr(why, "in use") ? 'n' : '?';
            close(go[1]);
            ssize_t count = write(says[1], &byte, 1);
            _exit(count == 1 && read(go[0], &byte, 1) == 0 ? 0 : 1);
        }
    }
    unsigned won = 0, lost = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        char byte = 0;
        assert_int_equal(read(says[0], &byte, 1), 1);
        won += byte == 'y';
        lost += byte == 'n';
    }
    close(go[0]);
    close(go[1]);
    close(says[0]);
    close(says[1]);
    while (wait(NULL) > 0) {
    }
    assert_int_equal(won, 1);
    assert_int_equal(lost, CHILDREN - 1);
}

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
#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        CASE(test_next_run), CASE(test_forgets), CASE(test_not_asked),  CASE(test_grows),
        CASE(test_link),     CASE(test_foreign), CASE(test_disk_full),  CASE(test_old_make_room),
        CASE(test_damaged),  CASE(test_torn),    CASE(test_empty_file), CASE(test_crash),
        CASE(test_in_use),   CASE(test_race),    CASE(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
