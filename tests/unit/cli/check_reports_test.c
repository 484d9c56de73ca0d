/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_reports_test.c: how a report comes to its file, and what JUnit and GitHub's annotations
 * say, whole files for small runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../tools/ringfetch/check_reports.h"
#include "fake_engine.h"

static char folder[64], path[128], why[REPORT_WHY_BYTES];
static struct reports reports;
static struct tally tally;
static struct check_run run;

static int begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/check_reports_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/report", folder);
    tally_init(&tally);
    memset(&reports, 0, sizeof reports);
    run = (struct check_run){.tally = &tally, .seconds = 1.5};
    why[0] = '\0';
    return 0;
}

static int end(void **state) {
    (void)state;
    char command[128];
    tally_deinit(&tally);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static char *content_of(const char *name) {
    static char text[1 << 17];
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* How many files there are in the folder, temporary ones included. */
static unsigned files(void) {
    DIR *all = opendir(folder);
    unsigned count = 0;
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        count += strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0;
    }
    closedir(all);
    return count;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    fputs(text, file);
    fclose(file);
}

static struct rf_result result_of(const char *url, enum rf_verdict verdict) {
    static uint64_t n;
    return (struct rf_result){.n = ++n,
                              .url = url,
                              .final_url = url,
                              .verdict = verdict,
                              .error.kind = verdict == RF_VERDICT_OK ? 0 : 1,
                              .ms = {-1, -1, -1, -1, -1, -1, 1234.5678}};
}

static void add(const struct rf_result *result) {
    tally_add(&tally, result);
    reports_add(&reports, result);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_appears_when_whole(void **state) {
    (void)state;
    write_file(path, "old");
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    assert_string_equal(content_of(path), "old");
    assert_int_equal(files(), 2);
    assert_true(reports_close(&reports, &run, why, sizeof why));
    assert_non_null(strstr(content_of(path), "<testsuite "));
    assert_int_equal(files(), 1);
    struct stat now;
    assert_int_equal(stat(path, &now), 0);
    assert_int_equal(now.st_mode & 0777, 0640);
}

static void test_rights_of_a_new_file(void **state) {
    (void)state;
    struct stat now;
    mode_t mask = umask(027);
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    assert_true(reports_close(&reports, &run, why, sizeof why));
    umask(mask);
    assert_int_equal(stat(path, &now), 0);
    assert_int_equal(now.st_mode & 0777, 0640);
}

static void test_link_is_followed(void **state) {
    (void)state;
    char name[128];
    snprintf(name, sizeof name, "%s/link", folder);
    write_file(path, "old");
    assert_int_equal(symlink("report", name), 0);
    assert_true(reports_open(&reports, &report_junit, name, why, sizeof why));
    assert_true(reports_close(&reports, &run, why, sizeof why));
    assert_non_null(strstr(content_of(path), "<testsuite "));
    struct stat now;
    assert_int_equal(lstat(name, &now), 0);
    assert_true(S_ISLNK(now.st_mode));
}

static void test_refused_in_time(void **state) {
    (void)state;
    char name[128], expected[256];
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    snprintf(name, sizeof name, "%s/none/\033[2Jreport", folder);
    assert_false(reports_open(&reports, &report_sarif, name, why, sizeof why));
    snprintf(expected, sizeof expected, "%s/none/\\x1b[2Jreport: No such file or directory",
             folder);
    assert_string_equal(why, expected);
    assert_int_equal(reports.count, 0);
    assert_int_equal(files(), 0); /* the first one is gone too */
    assert_false(reports_open(&reports, &report_markdown, folder, why, sizeof why));
    assert_non_null(strstr(why, "Is a directory"));
}

static void test_discarded(void **state) {
    (void)state;
    static const struct report_ops *const all[] = {&report_junit, &report_sarif, &report_markdown,
                                                   &report_github};
    write_file(path, "old");
    for (unsigned i = 0; i < 4; i++) {
        assert_true(reports_open(&reports, all[i], path, why, sizeof why));
    }
    reports_discard(&reports);
    assert_int_equal(files(), 1);
    assert_string_equal(content_of(path), "old");
}

static void test_too_many(void **state) {
    (void)state;
    for (unsigned i = 0; i < REPORTS_MAX; i++) {
        assert_true(reports_open(&reports, &report_github, "", why, sizeof why));
    }
    assert_false(reports_open(&reports, &report_github, "", why, sizeof why));
    assert_string_equal(why, "--annotate: at most 8 reports");
}

/* A full disk: the file that was there stays, and the others are closed all the same. */
static void test_fault_is_said(void **state) {
    (void)state;
    assert_true(reports_open(&reports, &report_junit, "/dev/full", why, sizeof why));
    assert_true(reports_open(&reports, &report_sarif, path, why, sizeof why));
    assert_false(reports_close(&reports, &run, why, sizeof why));
    assert_string_equal(why, "/dev/full: No space left on device");
    assert_non_null(strstr(content_of(path), "\"runs\""));
    assert_int_equal(reports.count, 0);
}

static void test_pipe_gets_all_at_the_end(void **state) {
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    assert_true(reports_close(&reports, &run, why, sizeof why));
    char text[4096];
    ssize_t count = read(reader, text, sizeof text);
    assert_true(count > 100);
    assert_memory_equal(text, "<?xml", 5);
    assert_memory_equal(text + count - 14, "</testsuites>\n", 14);
    close(reader);
}

static void test_job_summary_is_added_to(void **state) {
    (void)state;
    FILE *earlier = fopen(path, "w");
    fputs("# of an earlier command\n", earlier);
    fclose(earlier);
    setenv("GITHUB_STEP_SUMMARY", path, 1);
    assert_true(reports_open(&reports, &report_markdown, path, why, sizeof why));
    assert_true(reports_close(&reports, &run, why, sizeof why));
    unsetenv("GITHUB_STEP_SUMMARY");
    const char *text = content_of(path);
    assert_memory_equal(text, "# of an earlier command\n## ", 27);
}

/* ---- JUnit ----------------------------------------------------------------------------------- */

static xmlNode *child(xmlNode *of, const char *name) {
    for (xmlNode *at = of->children; at; at = at->next) {
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0) {
            return at;
        }
    }
    return NULL;
}

static void assert_attribute(xmlNode *of, const char *name, const char *expected) {
    xmlChar *value = xmlGetProp(of, (const xmlChar *)name);
    assert_non_null(value);
    assert_string_equal((const char *)value, expected);
    xmlFree(value);
}

static void one_of_each(void) {
    struct rf_result result = result_of("http://a.test/ok", RF_VERDICT_OK);
    add(&result);
    result = result_of("http://a.test:8080/dead?a=1&b", RF_VERDICT_DEAD);
    result.source = "docs/a \"b\".md", result.line = 12, result.column = 3;
    result.status = 404, result.error.kind = 3, result.detail = "the server answered 404";
    result.final_url = "http://b.test/", result.ip = "127.0.0.1";
    result.redirects = &(struct rf_redirect){301, result.url}, result.redirect_count = 1;
    result.tag = "t", result.change = "new";
    add(&result);
    result = result_of("http://f.test/", RF_VERDICT_FLAKY);
    result.error.kind = 0, result.first_error.kind = 2, result.status = 200, result.line = 7;
    add(&result);
    result = result_of("http://b.test/", RF_VERDICT_BLOCKED);
    result.detail = "403";
    add(&result);
    result = result_of("http://i.test/", RF_VERDICT_INCONCLUSIVE);
    result.ms.total = -1;
    add(&result);
    result = result_of("mailto:a@b.test", RF_VERDICT_SKIPPED);
    result.final_url = NULL, result.error.kind = 0, result.ms.total = -1;
    add(&result);
}

static void test_junit_whole(void **state) {
    (void)state;
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    one_of_each();
    assert_true(reports_close(&reports, &run, why, sizeof why));
    const char *text = content_of(path);
    const char *cases = strstr(text, "<testcase");
    assert_non_null(cases);
    assert_string_equal(
        cases, "<testcase classname=\"a.test\" name=\"http://a.test/ok\" time=\"1.235\"/>\n"
               "<testcase classname=\"a.test:8080\" name=\"http://a.test:8080/dead?a=1&amp;b\" "
               "time=\"1.235\">"
               "<failure type=\"http-status\" message=\"dead: connect: the server answered 404\">"
               "http://a.test:8080/dead?a=1&amp;b\ndead: connect: the server answered 404\n"
               "final URL: http://b.test/\nstatus: 404\naddress: 127.0.0.1\ntag: t\n"
               "compared with the earlier run: new\nfound in: docs/a &quot;b&quot;.md:12:3\n"
               "</failure></testcase>\n"
               "<testcase classname=\"f.test\" name=\"http://f.test/\" time=\"1.235\">"
               "<system-out>flaky: at first connect: it went \\x1b[31mwrong (0); later 200"
               "</system-out></testcase>\n"
               "<testcase classname=\"b.test\" name=\"http://b.test/\" time=\"1.235\">"
               "<failure type=\"refused\" message=\"blocked: connect: 403\">"
               "http://b.test/\nblocked: connect: 403\n</failure></testcase>\n"
               "<testcase classname=\"i.test\" name=\"http://i.test/\" time=\"0.000\">"
               "<error type=\"refused\" "
               "message=\"inconclusive: connect: it went \\x1b[31mwrong (0)\">http://i.test/\n"
               "inconclusive: connect: it went \\x1b[31mwrong (0)\n</error></testcase>\n"
               "<testcase classname=\"(no host)\" name=\"mailto:a@b.test\" time=\"0.000\">"
               "<skipped message=\"skipped\"/></testcase>\n"
               "<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n");
}

static void test_junit_counts(void **state) {
    (void)state;
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    for (unsigned i = 0; i < 50; i++) {
        one_of_each();
    }
    run.seconds = 123456789;
    assert_true(reports_close(&reports, &run, why, sizeof why));
    xmlDoc *document = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
    assert_non_null(document);
    xmlNode *suite = child(xmlDocGetRootElement(document), "testsuite");
    assert_attribute(suite, "tests", "300");
    assert_attribute(suite, "failures", "100");
    assert_attribute(suite, "errors", "50");
    assert_attribute(suite, "skipped", "50");
    assert_attribute(suite, "time", "123456789.000");
    assert_attribute(suite, "name", "ringfetch check");
    assert_int_equal(xmlChildElementCount(suite), 303);
    xmlFreeDoc(document);
}

/* Every byte there is, alone and in UTF-8's worst company, in every text of a result. */
static void test_junit_hostile(void **state) {
    (void)state;
    assert_true(reports_open(&reports, &report_junit, path, why, sizeof why));
    char text[64];
    for (unsigned byte = 1; byte < 256; byte++) {
        snprintf(text, sizeof text, "http://x/%c]]>\"'<!--&#0;\xEF\xBF%c\xED\xA0%c", (char)byte,
                 (char)byte, (char)byte);
        struct rf_result result = result_of(text, RF_VERDICT_DEAD);
        result.detail = result.source = result.tag = result.ip = result.final_url = text;
        result.ms.total = byte % 2 ? 1e300 : -1e300;
        add(&result);
    }
    assert_true(reports_close(&reports, &run, why, sizeof why));
    xmlDoc *document = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
    assert_non_null(document);
    assert_int_equal(xmlChildElementCount(child(xmlDocGetRootElement(document), "testsuite")), 258);
    xmlFreeDoc(document);
}

/* ---- GitHub ---------------------------------------------------------------------------------- */

static int annotate(int argc, char **argv) {
    (void)argc, (void)argv;
    assert_true(reports_open(&reports, &report_github, "", why, sizeof why));
    assert_true(reports_close(&reports, &run, why, sizeof why));
    return 0;
}

static const char *annotations(void) {
    static const char *const words[] = {"check", NULL};
    return fake_run(annotate, words).out;
}

static void test_github_whole(void **state) {
    (void)state;
    one_of_each();
    assert_string_equal(
        annotations(),
        "::error file=docs/a \"b\".md,line=12,col=3,title=dead (http-status)::"
        "http://a.test:8080/dead?a=1&b - connect: the server answered 404\n"
        "::warning title=flaky (timed-out)::http://f.test/ - connect: it went \\x1b[31mwrong (0)\n"
        "::warning title=blocked (refused)::http://b.test/ - connect: 403\n"
        "::warning title=inconclusive (refused)::http://i.test/ - "
        "connect: it went \\x1b[31mwrong (0)\n");
}

static void test_github_injection(void **state) {
    (void)state;
    struct rf_result result = result_of("http://x/\r\n::set-env name=A::b\n%0A", RF_VERDICT_DEAD);
    result.source = "a,b:c%\n::stop-commands::x", result.line = 1;
    result.detail = "\n::add-mask::e\r::error::";
    add(&result);
    assert_string_equal(
        annotations(),
        "::error file=a%2Cb%3Ac%25\\x0a%3A%3Astop-commands%3A%3Ax,line=1,title=dead (refused)::"
        "http://x/\\x0d\\x0a::set-env name=A::b\\x0a%250A - connect: "
        "\\x0a::add-mask::e\\x0d::error::\n");
}

static void test_github_first_fifty(void **state) {
    (void)state;
    struct rf_result result = result_of("http://w.test/", RF_VERDICT_BLOCKED);
    for (unsigned i = 0; i < 60; i++) {
        result.n = 1000 - i;
        add(&result);
    }
    result = result_of("http://last.test/", RF_VERDICT_DEAD);
    add(&result);
    result = result_of("http://fine.test/", RF_VERDICT_OK);
    result.change = "fixed";
    add(&result);
    const char *out = annotations();
    assert_memory_equal(out, "::error title=dead (refused)::http://last.test/", 47);
    unsigned lines = 0;
    for (const char *at = out; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 51);
    assert_non_null(strstr(out,
                           "\n::warning title=ringfetch check::not annotated, because only the "
                           "first 50 are: 11 more that are not well\n"));
    assert_null(strstr(out, "fine.test"));
}

static void test_paths(void **state) {
    (void)state;
    char here[4096], inside[5000];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(inside, sizeof inside, "%s//docs/a.md", here);
    assert_string_equal(report_path(inside), "docs/a.md");
    snprintf(inside, sizeof inside, "%s-other/a.md", here);
    assert_ptr_equal(report_path(inside), inside);
    assert_string_equal(report_path(".//./a.md"), "a.md");
    assert_string_equal(report_path("../a.md"), "../a.md");
    assert_null(report_path("-"));
    assert_null(report_path(""));
    assert_null(report_path(NULL));
    assert_null(report_path("https://a.test/sitemap.xml"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_appears_when_whole),
        TEST(test_rights_of_a_new_file),
        TEST(test_link_is_followed),
        TEST(test_refused_in_time),
        TEST(test_discarded),
        TEST(test_too_many),
        TEST(test_fault_is_said),
        TEST(test_pipe_gets_all_at_the_end),
        TEST(test_job_summary_is_added_to),
        TEST(test_junit_whole),
        TEST(test_junit_counts),
        TEST(test_junit_hostile),
        TEST(test_github_whole),
        TEST(test_github_injection),
        TEST(test_github_first_fifty),
        TEST(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
