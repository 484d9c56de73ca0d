/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_test.c: the HTML report's file: what is in it, that it stays small however long the run is, and that it appears whole or
 * not at all. What a browser makes of it, tests/e2e/check_html_test.py sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../tools/ringfetch/check_html_rows.h"
#include "../../../tools/ringfetch/check_reports.h"

enum { KIND_REFUSED = 1, KIND_STATUS = 3 };

static char folder[64], path[128];
static struct tally tally;
static void *report;
static char why[REPORT_WHY_BYTES];

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/rf-html-XXXXXX");
    tally_init(&tally);
    report = NULL;
    why[0] = '\0';
    return mkdtemp(folder) && snprintf(path, sizeof path, "%s/page.html", folder) > 0 ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    tally_deinit(&tally);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- a run ------------------------------------------------------------------------------------ */

static struct rf_result well(uint64_t n, const char *url, double ms) {
    return (struct rf_result){.n = n,
                              .url = url,
                              .ok = true,
                              .status = 200,
                              .verdict = RF_VERDICT_OK,
                              .attempts = 1,
                              .final_url = url,
                              .ms = {-1, -1, 0.25, -1, 1.5, -1, ms}};
}

static struct rf_result dead(uint64_t n, const char *url) {
    struct rf_result result = well(n, url, 3);
    result.ok = false;
    result.status = 404;
    result.verdict = RF_VERDICT_DEAD;
    result.error = (struct rf_error){.stage = 7, .kind = KIND_STATUS, .detail = 404};
    return result;
}

static void begin(void) {
    assert_true(report_html.open(&report, path, why, sizeof why));
}

static void add(struct rf_result result) {
    tally_add(&tally, &result);
    report_html.add(report, &result);
}

static bool end(void) {
    static const char *const sources[] = {"list</script>.txt", NULL};
    struct check_run run = {.tally = &tally, .seconds = 2, .sources = sources};
    return report_html.close(report, &run, why, sizeof why);
}

/* ---- what came of it ---------------------------------------------------------------------------- */

static char *slurp(size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct stat facts;
    assert_int_equal(fstat(fileno(file), &facts), 0);
    char *text = malloc((size_t)facts.st_size + 1);
    *size = fread(text, 1, (size_t)facts.st_size, file);
    text[*size] = '\0';
    fclose(file);
    return text;
}

/* The JSON block of that id, and up to where HTML's parser would take it. */
static json_t *block(const char *page, const char *id) {
    char opening[64];
    snprintf(opening, sizeof opening, "<script type=\"application/json\" id=\"%s\">", id);
    const char *from = strstr(page, opening);
    assert_non_null(from);
    from += strlen(opening);
    json_error_t error;
    json_t *value = json_loadb(from, strcspn(from, "<"), 0, &error);
    if (!value) {
        fail_msg("%s: %s at %d", id, error.text, error.position);
    }
    return value;
}

struct made {
    char *page;
    size_t size;
    json_t *rows, *run;
};

static struct made finish(void) {
    struct made made;
    assert_true(end());
    made.page = slurp(&made.size);
    made.rows = block(made.page, "rows");
    made.run = block(made.page, "run");
    return made;
}

static void forget(struct made *made) {
    free(made->page);
    json_decref(made->rows);
    json_decref(made->run);
}

static json_int_t number(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static unsigned files(void) {
    char command[128];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *pipe = popen(command, "r");
    unsigned count = 0;
    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    pclose(pipe);
    return count;
}

/* ---- contents ----------------------------------------------------------------------------------- */

static void test_empty_run(void **state) {
    (void)state;
    begin();
    struct made made = finish();
    assert_int_equal(json_array_size(made.rows), 0);
    assert_int_equal(number(made.run, "total"), 0);
    assert_int_equal(json_array_size(json_object_get(made.run, "phases")), 0);
    assert_non_null(strstr(made.page, "default-src 'none'"));
    assert_null(strstr(made.page, "{{"));
    assert_string_equal(made.page + made.size - 8, "</html>\n");
    forget(&made);
}

static void test_totals_and_rows(void **state) {
    (void)state;
    begin();
    add(well(1, "http://a.test/", 12.345));
    add(dead(2, "http://a.test/gone"));
    struct made made = finish();
    assert_int_equal(json_array_size(made.rows), 2);
    /* What is not well is written first, as it comes. */
    const json_t *bad = json_array_get(made.rows, 0), *good = json_array_get(made.rows, 1);
    assert_string_equal(text(bad, "v"), "dead");
    assert_string_equal(text(bad, "kind"), "http-status");
    assert_int_equal(number(bad, "status"), 404);
    assert_string_equal(text(good, "url"), "http://a.test/");
    assert_null(json_object_get(good, "kind"));
    assert_null(json_object_get(good, "final"));
    const json_t *ms = json_object_get(good, "ms");
    assert_true(json_is_null(json_array_get(ms, 1)));
    assert_true(json_real_value(json_array_get(ms, 6)) == 12.3);
    assert_int_equal(number(json_object_get(made.run, "verdicts"), "dead"), 1);
    assert_int_equal(number(json_object_get(made.run, "verdicts"), "ok"), 1);
    const json_t *kinds = json_object_get(made.run, "kinds");
    assert_int_equal(json_array_size(kinds), 1);
    assert_string_equal(json_string_value(json_array_get(json_array_get(kinds, 0), 0)),
                        "http-status");
    assert_true(json_array_size(json_object_get(made.run, "phases")) >= 3);
    assert_true(json_array_size(json_object_get(made.run, "curve")) > 100);
    assert_int_equal(json_array_size(json_object_get(made.run, "worst")), 1);
    forget(&made);
}

static void test_nothing_from_strangers_is_markup(void **state) {
    (void)state;
    static const char nasty[] = "</script><!--<script>\"\\\n\033\342\200\250\377&{{run}}";
    begin();
    struct rf_result result = dead(1, "http://a.test/</script><b>");
    struct rf_tls_facts tls = {
        .version = "1.3", .has_cert = true, .issuer = nasty, .days_left = -3};
    result.detail = result.title = result.source = result.tag = result.content_type = nasty;
    result.final_url = nasty;
    result.tls = &tls;
    add(result);
    struct made made = finish(); /* its blocks end at the first '<' */
    const json_t *row = json_array_get(made.rows, 0);
    static const char shown[] = "</script><!--<script>\"\\\n\033\342\200\250\357\277\275&{{run}}";
    assert_string_equal(text(row, "title"), shown);
    assert_string_equal(text(row, "detail"), shown);
    assert_string_equal(text(row, "issuer"), shown);
    assert_string_equal(text(row, "url"), "http://a.test/</script><b>");
    assert_int_equal(number(row, "days"), -3);
    assert_string_equal(json_string_value(json_array_get(json_object_get(made.run, "sources"), 0)),
                        "list</script>.txt");
    forget(&made);
}

static void test_long_texts_are_cut(void **state) {
    (void)state;
    char url[5000] = "http://a.test/";
    memset(url + strlen(url), 'x', 4000);
    begin();
    add(dead(1, url));
    for (int i = 15; i < 3000; i += 2) {
        memcpy(url + i, "\303\274", 2); /* the cut at 1,000 falls into a character */
    }
    add(dead(2, url));
    memset(url + 14, '\001', 4000); /* six times as long in JSON */
    add(dead(3, url));
    struct made made = finish();
    assert_int_equal(json_array_size(made.rows), 3);
    size_t index;
    const json_t *row;
    json_array_foreach(made.rows, index, row) {
        const char *shown = text(row, "url");
        assert_in_range(strlen(shown), 100, 1003);
        assert_string_equal(shown + strlen(shown) - 3, "…");
        assert_null(strstr(shown, "\357\277\275")); /* U+FFFD */
    }
    forget(&made);
}

static void test_the_nonce_is_new_each_time(void **state) {
    (void)state;
    char nonce[2][48];
    for (int i = 0; i < 2; i++) {
        begin();
        struct made made = finish();
        const char *at = strstr(made.page, "script-src 'nonce-");
        assert_non_null(at);
        snprintf(nonce[i], sizeof nonce[i], "%.32s", at + strlen("script-src 'nonce-"));
        char tag[128];
        snprintf(tag, sizeof tag, "<script nonce=\"%s\">", nonce[i]);
        assert_non_null(strstr(made.page, tag));
        forget(&made);
    }
    assert_string_not_equal(nonce[0], nonce[1]);
}

/* ---- bounds ------------------------------------------------------------------------------------- */

static void test_sample_and_slowest(void **state) {
    (void)state;
    enum { RUN = 50000 };
    begin();
    for (uint64_t n = 1; n <= RUN; n++) {
        /* The slowest come in the middle. */
        bool slow = n > 20000 && n <= 20000 + HTML_SLOWEST_MAX;
        add(well(n, "http://a.test/", slow ? 500 + (double)(n % 7) : 1 + (double)(n % 13) / 10));
    }
    struct made made = finish();
    const json_t *count = json_object_get(made.run, "rows");
    assert_int_equal(number(count, "well"), RUN);
    assert_int_equal(number(count, "slowest"), HTML_SLOWEST_MAX);
    assert_int_equal(number(count, "stride"), 16);
    assert_int_equal(number(count, "well_written"), json_array_size(made.rows));
    static bool seen[RUN + 1];
    memset(seen, 0, sizeof seen);
    size_t index;
    const json_t *row;
    json_array_foreach(made.rows, index, row) {
        json_int_t n = number(row, "n");
        assert_false(seen[n]); /* nothing twice */
        seen[n] = true;
    }
    for (unsigned n = 1; n <= RUN; n++) {
        bool slow = n > 20000 && n <= 20000 + HTML_SLOWEST_MAX;
        assert_int_equal(seen[n], slow || (n - 1) % 16 == 0);
    }
    forget(&made);
}

static void test_small_runs_are_whole(void **state) {
    (void)state;
    begin();
    for (uint64_t n = 1; n <= HTML_SAMPLE_MAX; n++) {
        add(well(n, "http://a.test/", (double)(n * 7919 % 10007)));
    }
    struct made made = finish();
    assert_int_equal(json_array_size(made.rows), HTML_SAMPLE_MAX);
    assert_int_equal(number(json_object_get(made.run, "rows"), "stride"), 1);
    forget(&made);
}

static void test_what_is_skipped_does_not_crowd(void **state) {
    (void)state;
    begin();
    for (uint64_t n = 1; n <= 2 * HTML_SAMPLE_MAX; n++) {
        struct rf_result result = well(n, "mailto:a@b.test", -1);
        result.verdict = RF_VERDICT_SKIPPED;
        result.skipped = true;
        add(result);
    }
    struct made made = finish();
    assert_int_equal(json_array_size(made.rows), HTML_SAMPLE_MAX);
    forget(&made);
}

static void test_the_page_stays_small(void **state) {
    (void)state;
    char url[900] = "http://a.test/";
    memset(url + strlen(url), '<', 700);
    begin();
    for (uint64_t n = 1; n <= 8000; n++) {
        add(dead(n, url));
    }
    /* News find room where old failures have found none. */
    struct rf_result fresh = dead(8001, url), fixed = well(8002, "http://a.test/", 1);
    fresh.change = "new";
    fixed.change = "fixed";
    add(fresh);
    add(fixed);
    add(well(8003, "http://a.test/", 1));
    struct made made = finish();
    const json_t *count = json_object_get(made.run, "rows");
    assert_int_equal(number(count, "notable"), 8002);
    assert_in_range(number(count, "notable_written"), 2000, 7000);
    assert_int_equal(number(count, "well_written"), 1);
    assert_in_range(made.size, HTML_OLD_BYTES_MAX - 10000, HTML_OLD_BYTES_MAX + 200000);
    size_t rows = json_array_size(made.rows);
    assert_string_equal(text(json_array_get(made.rows, rows - 3), "change"), "new");
    assert_string_equal(text(json_array_get(made.rows, rows - 2), "change"), "fixed");
    forget(&made);
}

/* ---- the file ----------------------------------------------------------------------------------- */

static void write_old(const char *content, mode_t mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_old_page_stays_until_the_end(void **state) {
    (void)state;
    write_old("old", 0640);
    begin();
    add(dead(1, "http://a.test/"));
    size_t size;
    char *content = slurp(&size);
    assert_string_equal(content, "old");
    free(content);
    assert_int_equal(files(), 2);
    struct made made = finish();
    assert_int_equal(files(), 1);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    forget(&made);
}

static void test_rights_of_a_new_page(void **state) {
    (void)state;
    mode_t mask = umask(027);
    begin();
    struct made made = finish();
    umask(mask);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    forget(&made);
}

static void test_links_are_followed(void **state) {
    (void)state;
    char target[128];
    snprintf(target, sizeof target, "%s/target.html", folder);
    write_old("old", 0644);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    begin();
    struct made made = finish();
    struct stat facts;
    assert_int_equal(lstat(path, &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
    assert_true(made.size > 1000);
    forget(&made);
}

static void refuses(const char *where, const char *reason) {
    assert_false(report_html.open(&report, where, why, sizeof why));
    assert_null(report);
    assert_non_null(strstr(why, reason));
    assert_null(strchr(why, '\n'));
}

static void test_unwritable_paths(void **state) {
    (void)state;
    char there[160];
    unsigned before = files();
    snprintf(there, sizeof there, "%s/none/page.html", folder);
    refuses(there, "No such file or directory");
    refuses(folder, "Is a directory");
    refuses("", "No such file or directory");
    snprintf(there, sizeof there, "%s/\033[31m/page.html", folder);
    refuses(there, "\\x1b[31m");
    assert_int_equal(files(), before);
    /* What is no file gets all of it at the end. */
    assert_true(report_html.open(&report, "/dev/full", why, sizeof why));
    assert_false(end());
    assert_non_null(strstr(why, "/dev/full: No space left on device"));
    assert_int_equal(files(), before);
}

static void test_devices_are_not_replaced(void **state) {
    (void)state;
    struct stat before, after;
    assert_int_equal(stat("/dev/null", &before), 0);
    assert_true(report_html.open(&report, "/dev/null", why, sizeof why));
    add(dead(1, "http://a.test/"));
    assert_true(end());
    assert_int_equal(lstat("/dev/null", &after), 0);
    assert_true(S_ISCHR(after.st_mode));
    assert_int_equal(before.st_ino, after.st_ino);
}

static void test_folder_that_goes(void **state) {
    (void)state;
    begin();
    add(dead(1, "http://a.test/"));
    char moved[128];
    snprintf(moved, sizeof moved, "%s.moved", folder);
    assert_int_equal(rename(folder, moved), 0);
    assert_false(end());
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "No such file or directory"));
    assert_int_equal(rename(moved, folder), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_empty_run),
        TEST(test_totals_and_rows),
        TEST(test_nothing_from_strangers_is_markup),
        TEST(test_long_texts_are_cut),
        TEST(test_the_nonce_is_new_each_time),
        TEST(test_sample_and_slowest),
        TEST(test_small_runs_are_whole),
        TEST(test_what_is_skipped_does_not_crowd),
        TEST(test_the_page_stays_small),
        TEST(test_old_page_stays_until_the_end),
        TEST(test_rights_of_a_new_page),
        TEST(test_links_are_followed),
        TEST(test_unwritable_paths),
        TEST(test_devices_are_not_replaced),
        TEST(test_folder_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
