/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_test.c: the bench report's page as a file: well-formed, whole, bounded in size, and with nothing of a stranger's in it but text.
 * libxml2 reads it as a browser would. What it looks like, tests/e2e/bench_html_test.py sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/HTMLparser.h>
#include <libxml/xpath.h>
#include <math.h>

#include "bench_reports_run.h"

#define HOSTILE                                                                                    \
    "</p></script><script>document.title='pwned'</script><img src=x onerror=\"pwned()\">"

static const char *page;
static char *page_memory;
static size_t page_size;
static htmlDocPtr document;
static xmlXPathContextPtr xpath;

/* ---- reading it -------------------------------------------------------------------------------------- */

/* libxml2 knows HTML 4: that an element is new is no fault. */
static void on_error(void *context, xmlErrorPtr error) {
    (void)context;
    if (error->code != XML_HTML_UNKNOWN_TAG) {
        fail_msg("line %d: %s", error->line, error->message);
    }
}

static void close_page(void) {
    xmlXPathFreeContext(xpath);
    xmlFreeDoc(document);
    free(page_memory);
    xpath = NULL;
    document = NULL;
    page_memory = NULL;
}

static void write_page(void) {
    close_page();
    FILE *file = open_memstream(&page_memory, &page_size);
    assert_non_null(file);
    assert_true(bench_html_write(file, &sample.run));
    assert_int_equal(fclose(file), 0);
    page = page_memory;
    xmlSetStructuredErrorFunc(NULL, on_error);
    document = htmlReadMemory(page, (int)page_size, NULL, "utf-8", HTML_PARSE_NONET);
    xmlSetStructuredErrorFunc(NULL, NULL);
    assert_non_null(document);
    xpath = xmlXPathNewContext(document);
    assert_non_null(xpath);
}

static double number(const char *expression) {
    xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)expression, xpath);
    assert_non_null(found);
    double value = xmlXPathCastToNumber(found);
    xmlXPathFreeObject(found);
    return value;
}

static int count(const char *nodes) {
    char expression[400];
    snprintf(expression, sizeof expression, "count(%s)", nodes);
    return (int)number(expression);
}

/* Valid until the next call. */
static const char *text_of(const char *expression) {
    static char text[4096];
    xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)expression, xpath);
    assert_non_null(found);
    xmlChar *string = xmlXPathCastToString(found);
    snprintf(text, sizeof text, "%s", (const char *)string);
    xmlFree(string);
    xmlXPathFreeObject(found);
    return text;
}

static void assert_has(const char *text) {
    if (!strstr(page, text)) {
        fail_msg("the page lacks %s", text);
    }
}

static void assert_lacks(const char *text) {
    const char *found = strstr(page, text);
    if (found) {
        fail_msg("the page has %.200s", found);
    }
}

/* No number may be drawn or written that is none. */
static void assert_numbers(void) {
    static const char *const none[] = {"nan", "inf"};
    const char *end = strstr(page, "<script nonce");
    for (const char *at = strstr(page, "<body"); at < end; at++) {
        for (int i = 0; i < 2; i++) {
            bool inside = strncmp(at, none[i], 3) == 0 && strchr("\"M LHVhvz%-+>=(", at[-1]);
            assert_false(inside);
        }
    }
}

static int tear_down(void **state) {
    (void)state;
    close_page();
    sample_free();
    return 0;
}

/* ---- one server ---------------------------------------------------------------------------------------- */

static struct rf_load_second seconds[36000];

static void fill_seconds(size_t total, enum rf_side side) {
    for (size_t i = 0; i < total; i++) {
        seconds[i] = (struct rf_load_second){.start_s = (double)i,
                                             .length_s = 1,
                                             .requests = 1000,
                                             .p50_ns = 2000000,
                                             .p90_ns = 2500000,
                                             .p99_ns = 3000000,
                                             .max_ns = 9000000};
    }
    sample.side[side].second = seconds;
    sample.side[side].second_count = total;
}

static void figures_are_there(void **state) {
    (void)state;
    sample_one();
    fill_seconds(10, RF_SIDE_A);
    sample.side[RF_SIDE_A].status[503] = 7;
    sample.side[RF_SIDE_A].errors = 7;
    sample.side[RF_SIDE_A].errors_by_kind[1] = 7;
    sample.side[RF_SIDE_A].tls_version = "1.3";
    sample.side[RF_SIDE_A].tls_cipher = "TLS_AES_128_GCM_SHA256";
    write_page();
    assert_string_equal(text_of("string(//h1)"), "1,000 requests a second");
    assert_int_equal(count("//figure"), 4);
    assert_int_equal(count("//figure[.//table//tr[@data-x]]"), 4);
    assert_int_equal(
        count("//div[@class='plot']/svg[@role='img'][string-length(@aria-label) > 20]"), 4);
    /* p50, p90, p99, p99.9 and the largest of 1.00 to 2.99 ms; of the phases, too. */
    static const char *const all[] = {"1.99 ms",
                                      "2.79 ms",
                                      "2.98 ms",
                                      "2.99 ms",
                                      "1 ms",
                                      "500 µs",
                                      "10,000",
                                      "2.86 MiB",
                                      "879 KiB",
                                      "nginx/1.22.1",
                                      "127.0.0.1",
                                      "TLS_AES_128_GCM_SHA256",
                                      "Linux 6.1.0 x86_64",
                                      "A &lt;fast&gt; CPU",
                                      "connections=50 pipeline=1",
                                      "runner",
                                      "34.0%",
                                      "2023-11-14 22:13:20 UTC",
                                      "3 µs",
                                      "0.070%"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_has(all[i]);
    }
    assert_string_equal(text_of("string(//section[h2='Statuses']//tr[th='503']/td)"), "7 (0.070%)");
    assert_int_equal(count("//section[h2='Errors by kind']//tbody/tr"), 1);
    assert_string_equal(text_of("string(//section[h2='Times']//tr[th='Connect']/td[1])"), "200");
    assert_numbers();
}

static void nothing_succeeded(void **state) {
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        sample_nothing(empty);
        write_page();
        assert_string_equal(text_of("string(//h1/span[2])"), "No request succeeded");
        assert_has("12,345");
        assert_has("First error: connect: refused &lt;&amp;&gt; \\x1b[31m");
        assert_int_equal(count("//figure"), 0);
        assert_numbers();
    }
    sample.side[RF_SIDE_A].requests = sample.side[RF_SIDE_A].errors = 0;
    sample.run.interrupted = true;
    write_page();
    assert_string_equal(text_of("string(//h1/span[2])"), "Nothing was measured");
    assert_has("The run was interrupted");
}

static void one_request_and_all_alike(void **state) {
    (void)state;
    for (int many = 0; many < 2; many++) {
        struct rf_histogram *alike = rf_histogram_new(3600000000000);
        sample_one();
        fill_seconds(1, RF_SIDE_A);
        for (int i = 0; i < (many ? 5000 : 1); i++) {
            rf_histogram_record(alike, 900000);
        }
        sample.side[RF_SIDE_A].latency = alike;
        write_page();
        assert_int_equal(count("//figure"), 4);
        assert_string_equal(text_of("string(//dl[contains(@class,'tiles')]/div[dt='p99.9']//b)"),
                            "900 µs");
        /* One bar, and it has all. */
        assert_int_equal(count("//figure[.//h3='Histogram of latencies']//tbody/tr"), 1);
        assert_has(many ? "5,000 (100%)" : "1 (100%)");
        assert_numbers();
        rf_histogram_free(alike);
    }
}

static void long_runs_are_thinned_and_peaks_kept(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 600, 601, 36000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        sample_one();
        fill_seconds(lengths[i], RF_SIDE_A);
        seconds[lengths[i] / 2].max_ns = 7770000000;
        seconds[lengths[i] / 2].p99_ns = 5550000000;
        seconds[lengths[i] / 3].errors = 3;
        write_page();
        int rows = count("//figure[.//h3='Latency over time']//tbody/tr");
        assert_true(rows <= 600 && rows >= (int)(lengths[i] < 300 ? lengths[i] : 300));
        assert_int_equal(count("//figure[.//h3='Latency over time']//td[.='7.77 s']"), 1);
        assert_int_equal(count("//figure[.//h3='Latency over time']//td[.='5.55 s']"), 1);
        assert_int_equal(count("//figure[.//h3='Throughput over time']//td[.='3']"), 1);
        assert_true(page_size < 400000);
        assert_numbers();
    }
    assert_has("A point joins 60 s");
}

static void open_loop_has_both_curves(void **state) {
    (void)state;
    sample_one();
    sample_open_loop();
    write_page();
    assert_int_equal(count("//figure[.//h3='Latency by "
                           "percentile']//path[contains(@class,'line')][string-length(@d) > 50]"),
                     2);
    assert_int_equal(count("//section[h2='Times']//tr[th='Latency since it was sent']"), 1);
    assert_int_equal(count("//section[h2='Times']//tr[th='Late on schedule']"), 1);
    assert_string_equal(text_of("string(//section[h2='Totals']//tr[th='Scheduled a second']/td)"),
                        "1,000");
    assert_string_equal(
        text_of("string(//section[h2='Totals']//tr[th='Requests outstanding at most']/td)"), "312");
}

/* ---- two ------------------------------------------------------------------------------------------------ */

static void verdicts_have_words_and_bars(void **state) {
    (void)state;
    sample_two();
    write_page();
    assert_string_equal(text_of("string(//h1/span[2])"), "Regressed");
    assert_int_equal(count("//table[@class='compare']/tbody/tr"), RF_METRICS);
    assert_int_equal(count("//table[@class='compare']//tr[td//rect[@class='span']][td//circle]"),
                     RF_METRICS);
    assert_int_equal(count("//table[@class='compare']//rect[@class='zone']"), RF_METRICS);
    assert_string_equal(text_of("string(//table[@class='compare']/tbody/tr[2]/td[3])"),
                        "+10.0%+8.8% to +11.2%");
    /* An open end. */
    assert_string_equal(text_of("string(//table[@class='compare']/tbody/tr[6]/td[3])"),
                        "+0.12 pp? to +0.45 pp");
    static const char *const words[] = {
        "×regressed",   "×regressed", "✓improved", "=same", "×regresseddoes not decide",
        "?inconclusive"};
    for (int i = 0; i < RF_METRICS; i++) {
        char expression[100];
        snprintf(expression, sizeof expression,
                 "string(//table[@class='compare']/tbody/tr[%d]/td[5])", i + 1);
        assert_string_equal(text_of(expression), words[i]);
    }
    assert_int_equal(
        count("//figure[.//h3='Histogram of latencies']//path[contains(@class,'bar')]"), 2);
    assert_numbers();
}

static void metrics_that_are_not_known(void **state) {
    (void)state;
    sample_two();
    for (int i = 0; i < RF_METRICS; i++) {
        sample.comparison.metric[i].a = sample.comparison.metric[i].b = NAN;
        sample.comparison.metric[i].change = sample.comparison.metric[i].low = NAN;
        sample.comparison.metric[i].high = NAN;
        sample.comparison.metric[i].samples = (size_t)i % 2;
        sample.comparison.metric[i].verdict = RF_CHANGE_INCONCLUSIVE;
    }
    sample.comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    sample.comparison.reason = "there were too few blocks <b>";
    write_page();
    assert_string_equal(text_of("string(//p[@class='lead'])"), "there were too few blocks <b>.");
    assert_int_equal(count("//td[.='not known']"), RF_METRICS);
    assert_int_equal(count("//rect[@class='span']"), 0);
    assert_numbers();
    /* Of what nothing is known nothing is said. */
    sample.comparison.reason = NULL;
    sample.comparison.metric[RF_METRIC_RPS].change = 1;
    write_page();
    assert_has("not decided: requests a second, mean latency <b>");
}

static void sides_of_very_different_scales(void **state) {
    (void)state;
    sample_two();
    struct rf_histogram *slow = rf_histogram_new(3600000000000);
    rf_histogram_record(slow, 3599000000000);
    rf_histogram_record(slow, 0);
    sample.side[RF_SIDE_B].latency = slow;
    sample.comparison.metric[RF_METRIC_P50].change = 5000;
    sample.comparison.metric[RF_METRIC_P50].low = 0;
    sample.comparison.metric[RF_METRIC_P50].high = INFINITY;
    write_page();
    assert_has("◂");
    assert_has("▸");
    assert_numbers();
    rf_histogram_free(slow);
}

static void a_baseline_is_the_first_side(void **state) {
    (void)state;
    sample_two();
    sample.run.baseline = &sample.side[RF_SIDE_B];
    sample.run.side[RF_SIDE_B] = NULL;
    sample.run.baseline_path = "main.json";
    write_page();
    assert_string_equal(text_of("string(//h2[@id='compare-title'])"),
                        "This run against the baseline");
    assert_string_equal(text_of("string(//section[h2='Totals']//thead//th[2])"), "Baseline");
    assert_has("main.json");
    sample.run.comparison = NULL;
    sample.run.incomparable = "another kernel: <i>then</i>";
    sample.run.exit = 6;
    write_page();
    assert_string_equal(text_of("string(//h1/span[2])"), "Inconclusive");
    assert_has("another kernel: &lt;i&gt;then&lt;/i&gt;");
}

/* ---- what spoils it ---------------------------------------------------------------------------------------- */

static void a_limited_generator_spoils_verdicts(void **state) {
    (void)state;
    sample_two();
    sample.comparison.verdict = RF_CHANGE_IMPROVED;
    sample.run.machine.limits = RF_LIMIT_CPU;
    sample.run.exit = 6;
    write_page();
    assert_string_equal(text_of("string(//h1/span[2])"), "Inconclusive");
    assert_int_equal(count("//p[@class='notice'][contains(., 'the generator was the limit: a "
                           "worker used 34% of its core')]"),
                     1);
    /* A regression stays one, with the warning. */
    sample.comparison.verdict = RF_CHANGE_REGRESSED;
    write_page();
    assert_string_equal(text_of("string(//h1/span[2])"), "Regressed");
    assert_int_equal(count("//p[@class='notice'][contains(., 'the generator was the limit')]"), 1);
}

static void thresholds_are_told(void **state) {
    (void)state;
    sample_two();
    sample_thresholds();
    sample.comparison.verdict = RF_CHANGE_SAME;
    write_page();
    assert_string_equal(text_of("string(//h1/span[2])"), "1 of 3 thresholds failed");
    assert_string_equal(text_of("string(//p[contains(@class,'headline')]/span[2])"),
                        "No change that counts");
    assert_string_equal(text_of("string(//tr[th='p99>20ms']/td[1])"), "✓held");
    assert_string_equal(text_of("string(//tr[th='rps<2000']/td[1])"), "×failed");
    assert_string_equal(text_of("string(//tr[th='p50>+5%']/td[1])"), "?unknown");
    assert_string_equal(text_of("string(//tr[th='p50>+5%']/td[2])"),
                        "there is nothing to compare it with");
}

/* ---- strangers ------------------------------------------------------------------------------------------------ */

static void strangers_write_text_only(void **state) {
    (void)state;
    static char hostile[] = HOSTILE;
    sample_two();
    sample_entries();
    sample_thresholds();
    struct rf_load_figures *figures = &sample.side[RF_SIDE_A];
    ((struct rf_load_entry *)figures->entry)[0].name = hostile;
    figures->url = "http://me:secret@h/" HOSTILE "?key=secret";
    figures->ip = figures->server = figures->first_error = hostile;
    figures->tls_version = figures->tls_cipher = hostile;
    sample.comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    sample.comparison.reason = hostile;
    sample.threshold[0].text = hostile;
    snprintf(sample.threshold[1].shown, sizeof sample.threshold[1].shown, "%s", hostile);
    sample.run.fingerprint = (struct bench_fingerprint){.system = hostile,
                                                        .cpu = hostile,
                                                        .cores = 1,
                                                        .tls = hostile,
                                                        .version = hostile,
                                                        .options = hostile,
                                                        .url = hostile,
                                                        .host = hostile};
    write_page();
    assert_int_equal(count("//script"), 1);
    assert_int_equal(count("//script[@nonce]"), 1);
    assert_int_equal(count("//img | //iframe | //object | //form | //a"), 0);
    assert_int_equal(count("//@*[starts-with(name(), 'on') or name() = 'style' or name() = "
                           "'href'][not(. = 'data:,')]"),
                     0);
    assert_lacks("<script>document");
    assert_lacks("secret");
    assert_has("&lt;script&gt;document.title=&#39;pwned&#39;");
    assert_has("require-trusted-types-for");
    assert_lacks("\033");
}

static void invisible_characters_become_visible(void **state) {
    (void)state;
    sample_one();
    sample.side[RF_SIDE_A].server = "a\u202Eb\x80";
    write_page();
    assert_has("a\\u{202e}b\\x80");
}

static void many_entries_are_cut(void **state) {
    (void)state;
    enum { MANY = 3000 };
    static struct rf_load_entry entries[MANY];
    static char names[MANY][24];
    struct rf_histogram *fast = rf_histogram_new(1000000000), *slow = rf_histogram_new(1000000000);
    rf_histogram_record(fast, 1000000);
    rf_histogram_record(slow, 7000000);
    sample_one();
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "entry %d", i);
        entries[i] = (struct rf_load_entry){
            .name = names[i], .weight = 1, .requests = 2, .latency = i == 2500 ? slow : fast};
    }
    entries[2999].errors = 1;
    entries[2998].latency = NULL;
    sample.side[RF_SIDE_A].entry = entries;
    sample.side[RF_SIDE_A].entry_count = MANY;
    write_page();
    assert_int_equal(count("//section[@id='entries']//tbody/tr"), 1000);
    assert_int_equal(count("//tr[th='entry 2500'] | //tr[th='entry 2999'] | //tr[th='entry 0']"),
                     3);
    assert_int_equal(count("//tr[th='entry 2998']"), 0);
    assert_has("1,000 of 3,000");
    assert_true(page_size < 600000);
    sample.side[RF_SIDE_A].entry_count = 1000;
    write_page();
    assert_lacks("those with errors, then the slowest");
    assert_int_equal(count("//section[@id='entries']//tbody/tr"), 1000);
    rf_histogram_free(fast);
    rf_histogram_free(slow);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void a_full_disk_is_told(void **state) {
    (void)state;
    sample_one();
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(bench_html_write(full, &sample.run));
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(figures_are_there, tear_down),
        cmocka_unit_test_teardown(nothing_succeeded, tear_down),
        cmocka_unit_test_teardown(one_request_and_all_alike, tear_down),
        cmocka_unit_test_teardown(long_runs_are_thinned_and_peaks_kept, tear_down),
        cmocka_unit_test_teardown(open_loop_has_both_curves, tear_down),
        cmocka_unit_test_teardown(verdicts_have_words_and_bars, tear_down),
        cmocka_unit_test_teardown(metrics_that_are_not_known, tear_down),
        cmocka_unit_test_teardown(sides_of_very_different_scales, tear_down),
        cmocka_unit_test_teardown(a_baseline_is_the_first_side, tear_down),
        cmocka_unit_test_teardown(a_limited_generator_spoils_verdicts, tear_down),
        cmocka_unit_test_teardown(thresholds_are_told, tear_down),
        cmocka_unit_test_teardown(strangers_write_text_only, tear_down),
        cmocka_unit_test_teardown(invisible_characters_become_visible, tear_down),
        cmocka_unit_test_teardown(many_entries_are_cut, tear_down),
        cmocka_unit_test_teardown(a_full_disk_is_told, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    xmlCleanupParser();
    return failed;
}
