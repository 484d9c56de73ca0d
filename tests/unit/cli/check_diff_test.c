/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_diff_test.c: earlier records of all shapes, and what the comparison says; the reader of records, and the hash
 * below both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "../../../tools/ringfetch/check_diff.h"
#include "../../../tools/ringfetch/check_diff_json.h"
#include "../../../tools/ringfetch/check_hash.h"

enum { CANCELLED = 5 /* a kind of the fake engine */ };

static char path[64];

static int make_path(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/check_diff_test.XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

static void write_file(const void *bytes, size_t count) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static struct check_diff *open_text(const char *text) {
    char why[512] = "";
    write_file(text, strlen(text));
    struct check_diff *diff = check_diff_open(path, why, sizeof why);
    if (!diff) {
        print_error("%s\n", why);
    }
    assert_non_null(diff);
    return diff;
}

/* What refusing the text says, without the path. */
static const char *refusal(const char *text, size_t count) {
    static char why[512];
    write_file(text, count);
    assert_null(check_diff_open(path, why, sizeof why));
    assert_memory_equal(why, path, strlen(path));
    assert_memory_equal(why + strlen(path), ": ", 2);
    assert_null(strchr(why, '\n'));
    return why + strlen(path) + 2;
}

static const char *compare(struct check_diff *diff, const char *url, enum rf_verdict verdict) {
    struct rf_result now = {.url = url, .verdict = verdict, .ok = verdict == RF_VERDICT_OK};
    const char *change = check_diff_compare(diff, &now);
    return change ? change : "";
}

static const char records[] =
    "{\"v\":1,\"url\":\"http://ok/\",\"ok\":true,\"status\":200,\"verdict\":\"ok\"}\n"
    "{\"v\":1,\"url\":\"http://dead/\",\"ok\":false,\"status\":null,\"verdict\":\"dead\"}\r\n"
    "{\"v\":1,\"url\":\"http://flaky/\",\"ok\":true,\"status\":200,\"verdict\":\"flaky\"}\n"
    "\n"
    "{\"v\":1,\"url\":\"http://blocked/\",\"ok\":false,\"status\":403,\"verdict\":\"blocked\"}\n"
    "{\"v\":1,\"url\":\"http://unknown/\",\"ok\":false,\"verdict\":\"inconclusive\"}\n"
    "{\"v\":1,\"url\":\"mailto:x\",\"ok\":true,\"verdict\":\"skipped\"}\n"
    "{\"v\":1,\"url\":\"http://got/\",\"ok\":true,\"status\":200}\n"
    "{\"v\":1,\"url\":\"http://lost/\",\"ok\":false,\"error\":{\"kind\":\"reset\",\"fault\":"
    "\"target\"}}\n"
    "{\"v\":1,\"url\":\"http://ours/\",\"ok\":false,\"error\":{\"kind\":\"ports\",\"fault\":"
    "\"local\"}}\n"
    "{\"v\":1,\"url\":\"http://twice/\",\"ok\":true,\"verdict\":\"ok\"}\n"
    "{\"v\":1,\"url\":\"http://twice/\",\"ok\":false,\"verdict\":\"dead\"}"; /* no newline */

static void test_verdicts(void **state) {
    (void)state;
    static const struct {
        const char *url, *well, *not_well;
    } rows[] = {
        {"http://ok/", "", "new"},         {"http://dead/", "fixed", "still"},
        {"http://flaky/", "", "new"},      {"http://blocked/", "fixed", "still"},
        {"http://unknown/", "", "new"},    {"mailto:x", "", "new"},
        {"http://got/", "", "new"},        {"http://lost/", "fixed", "still"},
        {"http://ours/", "", "new"},       {"http://twice/", "fixed", "still"},
        {"http://never-seen/", "", "new"},
    };
    struct check_diff *diff = open_text(records);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(compare(diff, rows[i].url, RF_VERDICT_OK), rows[i].well);
        assert_string_equal(compare(diff, rows[i].url, RF_VERDICT_DEAD), rows[i].not_well);
        assert_string_equal(compare(diff, rows[i].url, RF_VERDICT_FLAKY), rows[i].well);
        assert_string_equal(compare(diff, rows[i].url, RF_VERDICT_BLOCKED), rows[i].not_well);
        assert_string_equal(compare(diff, rows[i].url, RF_VERDICT_INCONCLUSIVE), "");
        assert_string_equal(compare(diff, rows[i].url, RF_VERDICT_SKIPPED), "");
    }
    struct rf_result now = {.url = "http://dead/", .ok = true, .skipped = true};
    now.verdict = RF_VERDICT_OK;
    assert_null(check_diff_compare(diff, &now));
    /* Results of a run that is none of check. */
    now = (struct rf_result){.url = "http://dead/", .ok = true};
    assert_string_equal(check_diff_compare(diff, &now), "fixed");
    now = (struct rf_result){.url = "http://ok/", .error.kind = 1};
    assert_string_equal(check_diff_compare(diff, &now), "new");
    now.error.kind = CANCELLED;
    assert_null(check_diff_compare(diff, &now));
    check_diff_close(diff);
}

static void test_changed(void **state) {
    (void)state;
    struct check_diff *diff = open_text(
        "{\"v\":1,\"url\":\"a\",\"ok\":true,\"status\":200,\"final_url\":\"https://a/"
        "\",\"verdict\":\"ok\","
        "\"tls\":{\"version\":\"1.3\",\"sans\":[\"a\"],\"fingerprint\":\"00ff\"}}\n"
        "{\"v\":1,\"url\":\"cached\",\"ok\":true,\"status\":200,\"final_url\":\"http://cached/\","
        "\"verdict\":\"ok\",\"tls\":null,\"skipped\":true}\n");
    struct rf_tls_facts tls = {.has_cert = true, .fingerprint = "00ff"};
    struct rf_result now = {.url = "a",
                            .ok = true,
                            .status = 200,
                            .final_url = "https://a/",
                            .verdict = RF_VERDICT_OK,
                            .tls = &tls};
    assert_null(check_diff_compare(diff, &now));
    now.status = 204;
    assert_string_equal(check_diff_compare(diff, &now), "changed");
    now.status = 200;
    now.final_url = "https://a/b";
    assert_string_equal(check_diff_compare(diff, &now), "changed");
    now.final_url = "https://a/";
    tls.fingerprint = "00fe";
    assert_string_equal(check_diff_compare(diff, &now), "changed");
    tls.has_cert = false; /* nothing is known of it */
    assert_null(check_diff_compare(diff, &now));
    now.tls = NULL;
    assert_null(check_diff_compare(diff, &now));
    /* What was not asked then has a status, but led nowhere. */
    now.url = "cached";
    now.final_url = "http://elsewhere/";
    assert_null(check_diff_compare(diff, &now));
    now.status = 201;
    assert_string_equal(check_diff_compare(diff, &now), "changed");
    check_diff_close(diff);
}

/* URLs are the same however their record wrote them. */
static void test_texts(void **state) {
    (void)state;
    struct check_diff *diff =
        open_text("{\"url\":\"http://a\\u002fb\\/\\\"\\\\\",\"ok\":false}\n"
                  "{\"url\":\"http://\\u00fc\\ud83d\\ude00/\",\"ok\":false}\n"
                  "{\"url\":\"http://bad\\ufffd\\ufffd/\",\"ok\":false}\n"
                  "{\"url\":\"http://raw\xff/\",\"ok\":false}\n"
                  "\t{ \"ok\" : false , \"url\" : \"http://spaced/\" } \n"
                  "{\"url\":\"first\",\"url\":\"http://last/\",\"ok\":false}\n");
    assert_string_equal(compare(diff, "http://a/b/\"\\", RF_VERDICT_OK), "fixed");
    assert_string_equal(compare(diff, "http://\xc3\xbc\xf0\x9f\x98\x80/", RF_VERDICT_OK), "fixed");
    assert_string_equal(compare(diff, "http://bad\xc3\xc3/", RF_VERDICT_OK), "fixed");
    assert_string_equal(compare(diff, "http://raw\xfe/", RF_VERDICT_OK), "fixed");
    assert_string_equal(compare(diff, "http://spaced/", RF_VERDICT_OK), "fixed");
    assert_string_equal(compare(diff, "http://last/", RF_VERDICT_OK), "fixed");
    assert_string_equal(compare(diff, "http://raw/", RF_VERDICT_OK), "");
    check_diff_close(diff);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"hello", "line 2: no JSON object"},
        {"[]", "line 2: no JSON object"},
        {"{", "line 2: a member without a name"},
        {"{}", "line 2: no \"url\" or no \"ok\""},
        {"{\"ok\":true}", "line 2: no \"url\" or no \"ok\""},
        {"{\"url\":\"a\"}", "line 2: no \"url\" or no \"ok\""},
        {"{\"url\":null,\"ok\":true}", "line 2: no \"url\" or no \"ok\""},
        {"{\"url\":1,\"ok\":true}", "line 2: no JSON value"},
        {"{\"url\":\"a\",\"ok\":1}", "line 2: no JSON value"},
        {"{\"url\":\"a\",\"ok\":true,\"status\":\"200\"}", "line 2: a number that is none"},
        {"{\"url\":\"a\",\"ok\":true,\"status\":1e9}", "line 2: a number that is none"},
        {"{\"url\":\"a\",\"ok\":true,\"tls\":[]}", "line 2: no JSON value"},
        {"{\"url\":\"a\",\"ok\":true,}", "line 2: a member without a name"},
        {"{\"url\":\"a\",\"ok\":true", "line 2: a bracket that is not closed"},
        {"{\"url\":\"a\",\"ok\":true}}", "line 2: text after the record"},
        {"{\"url\":\"a\",\"ok\":true,\"x\"}", "line 2: a member without a value"},
        {"{\"url\":\"a\",\"ok\":true,\"x\":}", "line 2: no JSON value"},
        {"{\"url\":\"a\",\"ok\":true,\"x\":[1,2}", "line 2: a bracket that is not closed"},
        {"{\"url\":\"a\",\"ok\":true,\"x\":\"abc", "line 2: the line ends in a string"},
        {"{\"url\":\"a\",\"ok\":true,\"x\":\"abc\\", "line 2: the line ends in a string"},
        {"{\"url\":\"a\\x\",\"ok\":true}", "line 2: an unknown escape sequence"},
        {"{\"url\":\"a\\u12g4\",\"ok\":true}", "line 2: a \\u without four hex digits"},
        {"{\"url\":\"a\\u12", "line 2: a \\u without four hex digits"},
        {"{\"url\":\"a\tb\",\"ok\":true}", "line 2: a control character in a string"},
        {"{\"v\":2,\"url\":\"a\",\"ok\":true}", "line 2: a record of another version than 1"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int count = snprintf(text, sizeof text, "{\"url\":\"a\",\"ok\":true}\n%s\n", rows[i].line);
        assert_string_equal(refusal(text, (size_t)count), rows[i].says);
    }
    memset(text, '[', sizeof text);
    memcpy(text, "{\"x\":", 5);
    assert_string_equal(refusal(text, sizeof text), "line 1: too many brackets");
    assert_string_equal(refusal("{\"url\":\"a\0b\",\"ok\":true}", 24),
                        "line 1: a control character in a string");
    char why[512];
    assert_null(check_diff_open("/nowhere/\033[31m", why, sizeof why));
    assert_string_equal(why, "/nowhere/\\x1b[31m: No such file or directory");
    assert_null(check_diff_open("/", why, sizeof why));
    assert_string_equal(why, "/: Is a directory");
}

/* An empty list of records is one; so is none that ends the file in any place of a line. */
static void test_cut(void **state) {
    (void)state;
    check_diff_close(open_text(""));
    check_diff_close(NULL);
    check_diff_close(open_text("\xEF\xBB\xBF{\"url\":\"a\",\"ok\":true}"));
    static const char whole[] =
        "{\"v\":1,\"url\":\"a\\u00e9b\",\"ok\":true,\"status\":200,\"ms\":{\"dns\":0.1,\"x\":null},"
        "\"redirects\":[{\"status\":301,\"url\":\"b\"},[]],\"tls\":{\"fingerprint\":\"ab\",\"y\":-"
        "1},"
        "\"error\":null}";
    for (size_t count = 1; count < sizeof whole - 1; count++) {
        struct json_record record;
        char *line = malloc(count); /* so that a sanitizer sees what reads beyond it */
        memcpy(line, whole, count);
        assert_non_null(json_record_read(&record, line, count));
        free(line);
    }
    check_diff_close(open_text(whole));
}

/* ---- gzip, and many ----------------------------------------------------------------------------- */

static void write_gzip(unsigned from, unsigned to, const char *mode) {
    gzFile file = gzopen(path, mode);
    assert_non_null(file);
    for (unsigned i = from; i < to; i++) {
        gzprintf(file, "{\"v\":1,\"url\":\"http://host%u/\",\"ok\":%s,\"status\":200}\n", i,
                 i % 3 ? "true" : "false");
    }
    assert_int_equal(gzclose(file), Z_OK);
}

static void test_gzip(void **state) {
    (void)state;
    enum { COUNT = 50000 };
    char why[512], url[64];
    write_gzip(0, COUNT / 2, "wb");
    write_gzip(COUNT / 2, COUNT, "ab"); /* a second member */
    struct check_diff *diff = check_diff_open(path, why, sizeof why);
    assert_non_null(diff);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(url, sizeof url, "http://host%u/", i);
        assert_string_equal(compare(diff, url, RF_VERDICT_DEAD), i % 3 ? "new" : "still");
        assert_string_equal(compare(diff, url, RF_VERDICT_OK), i % 3 ? "" : "fixed");
    }
    check_diff_close(diff);
    assert_int_equal(truncate(path, 5000), 0);
    assert_null(check_diff_open(path, why, sizeof why));
    assert_non_null(strstr(why, ": the gzip file is cut off"));
    FILE *file = fopen(path, "r+");
    fseek(file, 2000, SEEK_SET);
    fputs("this is not what was there before", file);
    fclose(file);
    assert_null(check_diff_open(path, why, sizeof why));
    assert_true(strstr(why, "damaged") || strstr(why, "line "));
}

static void test_long_line(void **state) {
    (void)state;
    size_t size = (size_t)3 << 20;
    char *text = malloc(size);
    memset(text, 'x', size);
    memcpy(text, "{\"ok\":false,\"url\":\"", 19);
    memcpy(text + size - 10, "\"}\n{\"ok\":x", 10);
    assert_string_equal(refusal(text, size), "line 2: no JSON value");
    write_file(text, size - 7);
    char why[512];
    struct check_diff *diff = check_diff_open(path, why, sizeof why);
    assert_non_null(diff);
    text[size - 10] = '\0';
    assert_string_equal(compare(diff, text + 19, RF_VERDICT_OK), "fixed");
    check_diff_close(diff);
    free(text);
}

static void test_stdin(void **state) {
    (void)state;
    char why[512];
    write_file(records, sizeof records - 1);
    int saved = dup(0);
    FILE *file = fopen(path, "r");
    dup2(fileno(file), 0);
    fclose(file);
    struct check_diff *diff = check_diff_open("-", why, sizeof why);
    assert_non_null(diff);
    assert_string_equal(compare(diff, "http://dead/", RF_VERDICT_DEAD), "still");
    check_diff_close(diff);
    write_file("{", 1);
    lseek(0, 0, SEEK_SET);
    assert_null(check_diff_open("-", why, sizeof why));
    assert_string_equal(why, "standard input: line 1: a member without a name");
    dup2(saved, 0);
    close(saved);
}

/* ---- the hash ----------------------------------------------------------------------------------- */

/* Every bit of the input moves half of the output's, every length counts, and so does the key. */
static void test_hash(void **state) {
    (void)state;
    struct check_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    unsigned char text[64] = {0};
    unsigned moved = 0, cases = 0;
    for (size_t count = 1; count <= sizeof text; count++) {
        struct check_hash before = check_hash_bytes(key, text, count);
        struct check_hash shorter = check_hash_bytes(key, text, count - 1);
        assert_true(before.low != shorter.low && before.high != shorter.high);
        for (size_t bit = 0; bit < 8 * count; bit++, cases++) {
            text[bit / 8] ^= (unsigned char)(1u << bit % 8);
            struct check_hash after = check_hash_bytes(key, text, count);
            text[bit / 8] ^= (unsigned char)(1u << bit % 8);
            moved += (unsigned)__builtin_popcountll(before.low ^ after.low) +
                     (unsigned)__builtin_popcountll(before.high ^ after.high);
        }
    }
    double mean = (double)moved / cases;
    assert_true(mean > 63.5 && mean < 64.5);
    struct check_key other = check_key_random(), third = check_key_random();
    assert_memory_not_equal(&other, &third, sizeof other);
    assert_true(check_hash_bytes(other, "a", 1).low != check_hash_bytes(third, "a", 1).low);
    /* Cache files hold it: it stays what it is. */
    assert_int_equal(check_hash_bytes(key, "http://example.org/", 19).low,
                     UINT64_C(0x52fb5fbc43eb5961));
    assert_int_equal(check_hash_bytes(key, "http://example.org/", 19).high,
                     UINT64_C(0x3d597cdad56cbee1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_changed),
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),       cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_long_line), cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
