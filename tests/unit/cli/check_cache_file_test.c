/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache_file_test.c: files that are foreign, damaged, torn, left by a crash, or in use.
 */
#include "check_cache_help.h"

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

/* ---- other processes ---------------------------------------------------------------------------- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_foreign), CASE(test_damaged), CASE(test_empty_file), CASE(test_torn),
        CASE(test_crash),   CASE(test_in_use),  CASE(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
