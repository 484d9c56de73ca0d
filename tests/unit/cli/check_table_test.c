/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_table_test.c: the live table at every size of a terminal and with the figures of a hundred million URLs, its
 * thread, and the summary.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/check_table.h"
#include "../../../tools/ringfetch/check_text.h"
#include "../../../tools/ringfetch/console.h"
#include "fake_engine.h"

enum { REFUSED = 1, TIMED_OUT, HTTP_STATUS, BAD_URL, INTERRUPTED };

static void add(struct tally *tally, const char *url, enum rf_verdict verdict, unsigned status,
                unsigned kind) {
    struct rf_result result = {.n = tally->total + 1,
                               .url = url,
                               .final_url = url,
                               .verdict = verdict,
                               .ok = verdict == RF_VERDICT_OK,
                               .status = status,
                               .error = {.stage = kind ? 1 : 0, .kind = (uint8_t)kind},
                               .attempts = 1,
                               .ms = {1, 2, 3, -1, 40, 1, (double)(tally->total % 100)}};
    tally_add(tally, &result);
}

static const struct rf_progress running = {.queued = 1000000,
                                           .input_ended = true,
                                           .done = 123456,
                                           .in_flight = 20000,
                                           .seconds = 27,
                                           .unconfirmed = 17};
static const struct progress_pace pace = {.done_per_s = 4600};

/* Every line is ASCII, within the width, and there are at most so many. Returns how many. */
static unsigned assert_fits(const char *table, unsigned columns, unsigned rows) {
    unsigned lines = 0;
    for (const char *at = table; *at; lines++) {
        size_t length = strcspn(at, "\n");
        assert_true(length <= columns);
        for (size_t i = 0; i < length; i++) {
            assert_true(isprint((unsigned char)at[i]));
        }
        at += length + (at[length] != '\0');
    }
    lines += *table && table[strlen(table) - 1] == '\n'; /* an empty last line */
    assert_true(lines <= rows);
    return lines;
}

static void test_table(void **state) {
    (void)state;
    struct tally tally;
    char out[8192];
    tally_init(&tally);
    for (unsigned i = 0; i < 970; i++) {
        add(&tally, "http://well.example/", RF_VERDICT_OK, 200, 0);
    }
    for (unsigned i = 0; i < 30; i++) {
        add(&tally, "http://bad.example:8080/", RF_VERDICT_DEAD, i % 3 ? 404 : 0,
            i % 3 ? HTTP_STATUS : REFUSED);
    }
    check_table(out, sizeof out, 79, 12, &tally, &running, &pace);
    assert_string_equal(
        out, "    123,456 of 1,000,000 checked    12.3%      4.6k/s      20,000 in flight\n"
             "       0:27 elapsed     3:11 left         17 to confirm at the end\n"
             "VERDICT                  COUNT   SHARE   ERROR                    COUNT   SHARE\n"
             "ok                         970   97.0%   http-status                 20    2.0%\n"
             "dead                        30    3.0%   refused                     10    1.0%\n"
             "flaky                        0    0.0%\n"
             "blocked                      0    0.0%\n"
             "skipped                      0    0.0%\n"
             "inconclusive                 0    0.0%\n"
             "\n"
             "WORST HOSTS          NOT WELL       OF   SLOWEST HOSTS            MEAN      MAX\n"
             "bad.example:8080           30       30   bad.example:8080      84.5 ms  99.0 ms");
    struct rf_progress now = running;
    now.input_ended = false;
    check_table(out, sizeof out, 79, 12, &tally, &now, &pace);
    assert_non_null(strstr(out, "123,456 of 1,000,000+ checked  "));
    assert_non_null(strstr(out, "   --:-- left"));
    now = running;
    now.done = 1000000 - 20;
    now.in_flight = 3;
    check_table(out, sizeof out, 79, 12, &tally, &now, &pace);
    assert_non_null(strstr(out, " 17 left to confirm\n"));
    tally_deinit(&tally);
}

/* Nothing moves: lines and columns are where they are from the first result to the last. */
static void test_calm(void **state) {
    (void)state;
    struct tally tally;
    char first[8192], later[8192], url[64];
    tally_init(&tally);
    struct rf_progress now = {.queued = 1};
    check_table(first, sizeof first, 79, 23, &tally, &now, &(struct progress_pace){0});
    unsigned lines = assert_fits(first, 79, 23);
    assert_int_equal(lines, 22);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(url, sizeof url, "http://host%u/", i);
        add(&tally, url, (enum rf_verdict)(1 + i % 6), 200, i % 7);
    }
    for (unsigned i = 0; i < RF_VERDICTS; i++) {
        tally.by_verdict[i] = 100000000;
    }
    for (unsigned i = 1; i < 20; i++) {
        tally.by_kind[i] = 10000000 + i;
    }
    tally.total = tally.cached = 600000000;
    now = (struct rf_progress){.queued = 100000000,
                               .input_ended = true,
                               .done = 99999999,
                               .in_flight = 1000000,
                               .seconds = 100000,
                               .unconfirmed = 12345678};
    check_table(later, sizeof later, 79, 23, &tally, &now, &pace);
    assert_int_equal(assert_fits(later, 79, 23), lines);
    assert_non_null(strstr(later, "(others)"));
    assert_non_null(strstr(later, " 1,000,000 in flight\n"));
    const char *words[] = {" in flight", "elapsed", "VERDICT", "ok ", "inconclusive", "WORST"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *one = strstr(first, words[i]), *other = strstr(later, words[i]);
        assert_non_null(one);
        assert_non_null(other);
        size_t line_one = 0, line_other = 0, column_one = 0, column_other = 0;
        for (const char *at = first; at < one; at++) {
            column_one = *at == '\n' ? 0 : column_one + 1;
            line_one += *at == '\n';
        }
        for (const char *at = later; at < other; at++) {
            column_other = *at == '\n' ? 0 : column_other + 1;
            line_other += *at == '\n';
        }
        assert_int_equal(line_one, line_other);
        assert_int_equal(column_one, column_other);
    }
    tally_deinit(&tally);
}

static void test_sizes(void **state) {
    (void)state;
    struct tally tally;
    char *out;
    tally_init(&tally);
    add(&tally, "http://\033[31m\xe2\x80\xae.\xc3\xbc.long-long-long-long-long-long-long/",
        RF_VERDICT_DEAD, 0, REFUSED);
    for (unsigned columns = 1; columns < 200; columns += 3) {
        for (unsigned rows = 1; rows < 60; rows++) {
            size_t size = 4096;
            out = malloc(size);
            check_table(out, size, columns, rows, &tally, &running, &pace);
            assert_fits(out, columns, rows);
            free(out);
        }
    }
    for (size_t size = 1; size < 600; size++) { /* too small: cut, never overrun */
        out = malloc(size);
        check_table(out, size, 79, 24, &tally, &running, &pace);
        assert_true(strlen(out) < size);
        check_table(out, size, 79, 1, &tally, &running, &pace);
        assert_true(strlen(out) < size);
        free(out);
    }
    char line[512];
    assert_int_equal(
        assert_fits(check_table(line, sizeof line, 79, 7, &tally, &running, &pace), 79, 1), 1);
    assert_string_equal(line, "123456/1000000 12%  dead 1  4.6k/s  ETA 3:11  20000 in flight  "
                              "17 to confirm");
    tally_deinit(&tally);
}

static void test_texts(void **state) {
    (void)state;
    char out[32];
    assert_string_equal(check_text_count(out, sizeof out, 0), "0");
    assert_string_equal(check_text_count(out, sizeof out, 999), "999");
    assert_string_equal(check_text_count(out, sizeof out, 1000), "1,000");
    assert_string_equal(check_text_count(out, sizeof out, UINT64_MAX),
                        "18,446,744,073,709,551,615");
    assert_string_equal(check_text_count(out, 4, 1000), "1,0");
    assert_string_equal(check_text_share(out, sizeof out, 0, 0), "");
    assert_string_equal(check_text_share(out, sizeof out, 0, 9), "0.0%");
    assert_string_equal(check_text_share(out, sizeof out, 9, 9), "100.0%");
    assert_string_equal(check_text_share(out, sizeof out, 1, 1000000), "<0.1%");
    assert_string_equal(check_text_share(out, sizeof out, 999999, 1000000), ">99.9%");
    assert_string_equal(check_text_ms(out, sizeof out, 0), "0.00 ms");
    assert_string_equal(check_text_ms(out, sizeof out, -1), "0.00 ms");
    assert_string_equal(check_text_ms(out, sizeof out, 99.94), "99.9 ms");
    assert_string_equal(check_text_ms(out, sizeof out, 999), "999 ms");
    assert_string_equal(check_text_ms(out, sizeof out, 1000), "1.00 s");
    assert_string_equal(check_text_ms(out, sizeof out, 125000), "2:05");
    assert_string_equal(check_text_host(out, sizeof out, 10, "short.org"), "short.org");
    assert_string_equal(check_text_host(out, sizeof out, 10, "0123456789"), "0123456789");
    assert_string_equal(check_text_host(out, sizeof out, 10, "0123456789a"), "012...789a");
    assert_string_equal(check_text_host(out, sizeof out, 30, "a\033[m\xc3\xbc"), "a\\x1b[m?");
}

/* ---- the thread --------------------------------------------------------------------------------- */

/* stderr in a pipe; what came until `mode`'s thread has shown something, and after its end. */
static const char *live(enum progress_mode mode, bool wait) {
    static char text[16384];
    struct tally tally;
    int pipes[2], saved = dup(2);
    size_t used = 0;
    ssize_t count;
    tally_init(&tally);
    assert_int_equal(pipe(pipes), 0);
    fflush(stderr);
    dup2(pipes[1], 2);
    close(pipes[1]);
    console_open();
    struct check_live *drawn = check_live_begin(NULL, &tally, mode);
    if (wait && (count = read(pipes[0], text, sizeof text - 1)) > 0) {
        used = (size_t)count;
    }
    check_live_end(drawn);
    dup2(saved, 2);
    close(saved);
    while ((count = read(pipes[0], text + used, sizeof text - 1 - used)) > 0) {
        used += (size_t)count;
    }
    close(pipes[0]);
    tally_deinit(&tally);
    text[used] = '\0';
    return text;
}

static void test_live(void **state) {
    (void)state;
    fake_reset();
    fake.progress = running;
    assert_string_equal(live(PROGRESS_NONE, false), "");
    assert_string_equal(live(PROGRESS_BAR, false), "");
    assert_memory_equal(live(PROGRESS_JSON, false), "{\"v\":1,\"seconds\":27.000,", 24);
    assert_memory_equal(live(PROGRESS_BAR, true), "123456/1000000 12%  ", 20); /* no terminal */
}

/* ---- the summary -------------------------------------------------------------------------------- */

static char *summary(const struct check_run *run, bool colour) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    check_summary(out, run, colour);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(text[size - 1], '\n');
    return text;
}

static unsigned count_lines(const char *text) {
    unsigned lines = 0;
    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void test_summary(void **state) {
    (void)state;
    struct tally tally;
    tally_init(&tally);
    for (unsigned i = 0; i < 497; i++) {
        add(&tally, "http://docs.example/", RF_VERDICT_OK, 200, 0);
    }
    struct rf_result result = {.n = 498,
                               .line = 12,
                               .column = 5,
                               .source = "README.md",
                               .url = "http://docs.example/gone",
                               .verdict = RF_VERDICT_DEAD,
                               .status = 404,
                               .error = {.stage = 1, .kind = HTTP_STATUS},
                               .change = "new"};
    tally_add(&tally, &result);
    result.line = 80;
    result.n++;
    tally_add(&tally, &result);
    result = (struct rf_result){.n = 500,
                                .line = 1,
                                .source = "docs/a.md",
                                .url = "https://old.example/\033]0;x\007",
                                .verdict = RF_VERDICT_FLAKY,
                                .status = 200,
                                .error = {.stage = 1, .kind = REFUSED},
                                .detail = "the connection\nwas refused"};
    tally_add(&tally, &result);
    result.url = "https://old.example/too";
    tally_add(&tally, &result);
    tally.total--, tally.bad--; /* for round figures */
    struct check_run run = {
        .tally = &tally, .seconds = 3.2, .exit = RF_SOME_FAILED, .compared = true};
    char *text = summary(&run, false);
    const char *head =
        "500 URLs checked in 3.20 s (156/s): 3 not well\n"
        "  dead 2, flaky 2, ok 497\n"
        "\n"
        "Not well, by host\n"
        "docs.example: 2 of 499\n"
        "  dead 404, new  http://docs.example/gone  (README.md:12:5 and 1 more)\n"
        "old.example: 2 of 2\n"
        "  flaky refused, then 200  https://old.example/\\x1b]0;x\\x07  (docs/a.md:1)\n"
        "      the connection\\x0awas refused\n"
        "  flaky refused, then 200  https://old.example/too  (docs/a.md:1)\n"
        "\n"
        "Not well, by file\n"
        "        2  README.md\n"
        "        2  docs/a.md\n"
        "\n"
        "Since the earlier run: 2 new, 0 fixed, 0 changed, 0 still not well\n"
        "\n"
        "Times         median       90%       99%       max\n";
    if (strncmp(text, head, strlen(head)) != 0) {
        print_error("%s", text);
    }
    assert_memory_equal(text, head, strlen(head));
    assert_non_null(strstr(text, "\n  total   "));
    assert_null(strstr(text, "\033"));
    assert_true(count_lines(text) <= 25);
    free(text);
    text = summary(&run, true);
    assert_non_null(strstr(text, "\033[31mdead\033[0m 404"));
    assert_null(strstr(text, "\033]"));
    free(text);
    tally_deinit(&tally);
}

static void test_summary_of_many(void **state) {
    (void)state;
    struct tally tally;
    char url[128];
    tally_init(&tally);
    for (unsigned i = 0; i < 30000; i++) {
        snprintf(url, sizeof url, "http://host%u.example/%u", i % 100, i);
        add(&tally, url, RF_VERDICT_DEAD, 500, HTTP_STATUS);
    }
    for (unsigned i = 0; i < 7; i++) {
        add(&tally, "http://host0.example/", RF_VERDICT_INCONCLUSIVE, 0, INTERRUPTED);
    }
    tally.cert_days[0] = 2;
    tally.cert_days[1] = 1;
    struct check_run run = {.tally = &tally, .seconds = 60, .exit = RF_INTERRUPTED};
    char *text = summary(&run, false);
    assert_true(count_lines(text) < 80);
    assert_non_null(
        strstr(text, ": 30,000 not well; interrupted before the end, with 7 in flight\n"));
    assert_non_null(strstr(text, "host0.example: 100 of 307\n"));
    assert_non_null(strstr(text, "\n  ... 92 more of this host\n"));
    assert_non_null(strstr(text, "\n... 29,507 more are in the records\n"));
    assert_null(strstr(text, "by file"));
    assert_null(strstr(text, "earlier run"));
    assert_non_null(strstr(text, "Certificates by days left: 2 expired, 1 < 7 d\n"));
    free(text);
    tally_deinit(&tally);
}

static void test_summary_well(void **state) {
    (void)state;
    struct tally tally;
    tally_init(&tally);
    struct check_run run = {.tally = &tally};
    char *text = summary(&run, false);
    assert_string_equal(text, "0 URLs checked in 0.00 s: nothing to check\n");
    free(text);
    struct rf_result result = {.n = 1,
                               .url = "http://a/",
                               .final_url = "http://b/",
                               .verdict = RF_VERDICT_OK,
                               .ok = true,
                               .status = 200,
                               .ms = {-1, -1, -1, -1, -1, -1, -1},
                               .change = "changed"};
    tally_add(&tally, &result);
    result.change = "fixed";
    result.final_url = "http://a/";
    result.skipped = result.cached = true;
    tally_add(&tally, &result);
    run.compared = true;
    text = summary(&run, false);
    assert_string_equal(text, "2 URLs checked in 0.00 s: all well\n"
                              "  ok 2 (1 from the cache)\n"
                              "\n"
                              "Since the earlier run: 0 new, 1 fixed, 1 changed, 0 still not well\n"
                              "  fixed  http://a/  (200)\n"
                              "  changed  http://a/ -> http://b/  (200)\n");
    free(text);
    tally_deinit(&tally);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_calm),
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_live),         cmocka_unit_test(test_summary),
        cmocka_unit_test(test_summary_well), cmocka_unit_test(test_summary_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
