/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_junit.c: --junit: one test suite, one test case a URL, as Jenkins, GitLab and the schemas
 * in use take it. Test cases are written as their results come, so memory does not grow with the
 * run; the head has room for the counts, which are written over it at the end.
 *
 * Dead and blocked links are failures: they were tested and found wanting. Flaky ones pass, with a word about it. Inconclusive ones
 * are errors, JUnit's word for a test that could not be carried out: a run that learnt nothing must
 * not look green. What can't be asked (mailto:) is skipped. What an earlier run found well and was
 * not asked again passes; to call it skipped would hide links that are known to be fine.
 *
 * No attribute beyond the schemas' is used (`file` is GitLab's alone, and Jenkins' schema refuses
 * it): where a link was found stands in the failure's text.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check_escape.h"
#include "check_reports.h"

enum { COUNTS_BYTES = 160, HOST_BYTES = 320, MESSAGE_BYTES = 1024, MACHINE_BYTES = 256 };

struct junit {
    struct report_file file;
    long counts_at; /* where in the file the counts go */
    uint64_t tests, failures, errors, skipped;
};

/* As attributes, filled up with the spaces that XML allows between them, so that it is as long at
 * the end as at the beginning. */
static void write_counts(const struct junit *junit, double seconds) {
    char text[COUNTS_BYTES + 1];
    int used = snprintf(text, sizeof text,
                        "tests=\"%llu\" failures=\"%llu\" errors=\"%llu\" skipped=\"%llu\" "
                        "time=\"%.3f\"",
                        (unsigned long long)junit->tests, (unsigned long long)junit->failures,
                        (unsigned long long)junit->errors, (unsigned long long)junit->skipped,
                        seconds >= 0 && seconds < 1e12 ? seconds : 0);
    fprintf(junit->file.out, "%s%*s", text, COUNTS_BYTES - used, "");
}

/* xs:dateTime; the schemas that restrict it want no time zone. */
static void write_head(struct junit *junit) {
    char machine[MACHINE_BYTES] = "localhost", stamp[32];
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    gethostname(machine, sizeof machine - 1);
    FILE *out = junit->file.out;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
          "<testsuite name=\"ringfetch check\" package=\"ringfetch\" id=\"0\" hostname=\"",
          out);
    escape_xml(out, machine);
    fprintf(out, "\" timestamp=\"%s\" ", stamp);
    junit->counts_at = ftell(out);
    write_counts(junit, 0);
    fprintf(out,
            ">\n<properties><property name=\"ringfetch.version\" value=\"%s\"/></properties>\n",
            RF_VERSION);
}

static bool junit_open(void **report, const char *path, char *why, size_t why_size) {
    struct junit *junit = calloc(1, sizeof *junit);
    if (!junit) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    if (!report_file_open(&junit->file, path, why, why_size)) {
        free(junit);
        return false;
    }
    write_head(junit);
    *report = junit;
    return true;
}

/* A line of the failure's text: only what there is. */
static void write_fact(FILE *out, const char *name, const char *text) {
    if (text && *text) {
        fprintf(out, "\n%s: ", name);
        escape_xml(out, text);
    }
}

static void write_place(FILE *out, const struct rf_result *result) {
    if (result->source) {
        fputs("\nfound in: ", out);
        escape_xml(out, result->source);
    } else if (result->line) {
        fputs("\nfound in: line ", out);
    }
    if (result->line) {
        fprintf(out, "%s%llu", result->source ? ":" : "", (unsigned long long)result->line);
        if (result->column) {
            fprintf(out, ":%u", result->column);
        }
    }
}

static void write_outcome(FILE *out, const char *element, const struct rf_result *result,
                          const char *message) {
    fprintf(out, "<%s type=\"", element);
    escape_xml(out, report_kind(result));
    fprintf(out, "\" message=\"%s: ", rf_verdict_name(result->verdict));
    escape_xml(out, message);
    fputs("\">", out);
    escape_xml(out, result->url);
    fprintf(out, "\n%s: ", rf_verdict_name(result->verdict));
    escape_xml(out, message);
    if (result->final_url && result->url && strcmp(result->final_url, result->url) != 0) {
        write_fact(out, "final URL", result->final_url);
    }
    if (result->status) {
        fprintf(out, "\nstatus: %u", result->status);
    }
    write_fact(out, "address", result->ip);
    write_fact(out, "tag", result->tag);
    write_fact(out, "compared with the earlier run", result->change);
    write_place(out, result);
    fprintf(out, "\n</%s>", element);
}

/* The element that says how a case ended; NULL: it passed. Counts it. */
static const char *outcome_of(struct junit *junit, enum rf_verdict verdict) {
    switch (verdict) {
    case RF_VERDICT_DEAD:
    case RF_VERDICT_BLOCKED:
        junit->failures++;
        return "failure";
    case RF_VERDICT_INCONCLUSIVE:
        junit->errors++;
        return "error";
    case RF_VERDICT_SKIPPED:
        junit->skipped++;
        return "skipped";
    case RF_VERDICT_NONE:
    case RF_VERDICT_OK:
    case RF_VERDICT_FLAKY:
    case RF_VERDICTS:
        break;
    }
    return NULL;
}

static void junit_add(void *report, const struct rf_result *result) {
    struct junit *junit = report;
    FILE *out = junit->file.out;
    char host[HOST_BYTES], message[MESSAGE_BYTES];
    double ms = result->ms.total >= 0 && result->ms.total < 1e12 ? result->ms.total : 0;
    tally_result_host(host, sizeof host, result);
    fputs("<testcase classname=\"", out);
    escape_xml(out, *host ? host : "(no host)");
    fputs("\" name=\"", out);
    escape_xml(out, result->url);
    fprintf(out, "\" time=\"%.3f\"", ms / 1000);
    junit->tests++;
    const char *element = outcome_of(junit, result->verdict);
    if (result->verdict == RF_VERDICT_FLAKY) {
        fputs("><system-out>flaky: ", out);
        escape_xml(out, report_message(message, sizeof message, result));
        fputs("</system-out></testcase>\n", out);
        return;
    }
    if (!element) {
        fputs("/>\n", out);
        return;
    }
    fputs(">", out);
    report_message(message, sizeof message, result);
    if (result->verdict == RF_VERDICT_SKIPPED) {
        fputs("<skipped message=\"", out);
        escape_xml(out, message);
        fputs("\"/>", out);
    } else {
        write_outcome(out, element, result, message);
    }
    fputs("</testcase>\n", out);
}

static bool junit_close(void *report, const struct check_run *run, char *why, size_t why_size) {
    struct junit *junit = report;
    /* Empty, but one of the schemas asks for both. */
    fputs("<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n", junit->file.out);
    fseek(junit->file.out, junit->counts_at, SEEK_SET);
    write_counts(junit, run->seconds);
    bool whole = report_file_close(&junit->file, why, why_size);
    free(junit);
    return whole;
}

static void junit_discard(void *report) {
    struct junit *junit = report;
    report_file_discard(&junit->file);
    free(junit);
}

const struct report_ops report_junit = {.option = "junit",
                                        .open = junit_open,
                                        .add = junit_add,
                                        .close = junit_close,
                                        .discard = junit_discard};
