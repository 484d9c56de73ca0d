/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_junit.c: --junit: one test suite, in the dialect of check_junit.c, which Jenkins, GitLab and the schemas in use agree
 * about. Main thread, after the run.
 *
 * The cases are what can decide: the answers of each server, whether the generator kept up, each judged metric of a comparison,
 * each threshold. What regressed, a threshold that failed and errors (where no threshold speaks of them) are failures. What
 * could not be told is an error, JUnit's word for a test that could not be carried out: nothing has been found wanting, but a run
 * that learnt nothing must not look green, and its exit status is 6. `skipped` was rejected for it, as all systems count that as
 * well. A metric that is not judged has no case.
 */
#include <time.h>

#include "bench_text.h"
#include "check_escape.h"

/* How a case ended: NULL: it passed. */
struct outcome {
    const char *element; /* "failure", "error" */
    const char *type;    /* "regressed", "threshold" ... */
};

struct junit {
    FILE *out; /* NULL: only counts, as the suite's head needs them */
    const struct bench_run *run;
    unsigned tests, failures, errors;
};

static void write_case(struct junit *junit, const char *group, const char *name, double seconds,
                       struct outcome outcome, const char *message) {
    junit->tests++;
    if (outcome.element) {
        *(*outcome.element == 'f' ? &junit->failures : &junit->errors) += 1;
    }
    if (!junit->out) {
        return;
    }
    fprintf(junit->out, "<testcase classname=\"ringfetch.bench.%s\" name=\"", group);
    escape_xml(junit->out, name);
    fprintf(junit->out, "\" time=\"%.3f\"", seconds);
    if (!outcome.element) {
        fputs("/>\n", junit->out);
        return;
    }
    fprintf(junit->out, "><%s type=\"%s\" message=\"", outcome.element, outcome.type);
    escape_xml(junit->out, message);
    fputs("\">", junit->out);
    escape_xml(junit->out, message);
    fprintf(junit->out, "</%s></testcase>\n", outcome.element);
}

/* ---- the cases -------------------------------------------------------------------------------------- */

static void write_answers(struct junit *junit, const struct rf_load_figures *figures,
                          const char *side) {
    char name[32], message[BENCH_HEADLINE_BYTES], errors[32], requests[32];
    struct outcome outcome = {0};
    snprintf(name, sizeof name, "answers%s%s", *side ? " of " : "", side);
    snprintf(message, sizeof message, "%s of %s requests failed%s%s",
             bench_count(figures->errors, errors), bench_count(figures->requests, requests),
             figures->first_error ? "; the first: " : "",
             figures->first_error ? figures->first_error : "");
    if (figures->requests == 0) {
        outcome = (struct outcome){"error", "no-requests"};
        snprintf(message, sizeof message, "no request was made");
    } else if (figures->errors &&
               (!bench_errors_judged(junit->run) || figures->errors == figures->requests)) {
        /* Without any success the run has failed, whatever a threshold allows. */
        outcome = (struct outcome){"failure", "errors"};
    }
    double seconds = figures->seconds >= 0 && figures->seconds < 1e12 ? figures->seconds : 0;
    write_case(junit, "answers", name, seconds, outcome, message);
}

static void write_generator(struct junit *junit) {
    char limits[BENCH_HEADLINE_BYTES];
    struct outcome outcome = {0};
    if (*bench_limits(&junit->run->machine, limits, sizeof limits)) {
        outcome = (struct outcome){"error", "generator"};
    }
    write_case(junit, "generator", "generator", 0, outcome, limits);
}

static void write_metric(struct junit *junit, enum rf_metric metric) {
    const struct rf_comparison *all = junit->run->comparison;
    char change[BENCH_FIGURE_BYTES], interval[BENCH_FIGURE_BYTES], message[512];
    enum rf_change verdict = all->metric[metric].verdict;
    const char *reason = verdict == RF_CHANGE_INCONCLUSIVE ? all->reason : NULL;
    struct outcome outcome = {0};
    if (verdict == RF_CHANGE_REGRESSED) {
        outcome = (struct outcome){"failure", "regressed"};
    } else if (verdict == RF_CHANGE_INCONCLUSIVE) {
        outcome = (struct outcome){"error", "inconclusive"};
    }
    snprintf(message, sizeof message, "%s: %s %s (%s)%s%s", rf_change_name(verdict),
             rf_metric_name(metric), bench_change(metric, all->metric[metric].change, change),
             bench_interval(metric, all->metric[metric].low, all->metric[metric].high, interval),
             reason ? ": " : "", reason ? reason : "");
    write_case(junit, "comparison", rf_metric_name(metric), 0, outcome, message);
}

static void write_comparison(struct junit *junit) {
    const struct bench_run *run = junit->run;
    if (run->incomparable) {
        write_case(junit, "comparison", "baseline", 0, (struct outcome){"error", "incomparable"},
                   run->incomparable);
        return;
    }
    for (enum rf_metric metric = 0; run->comparison && metric < RF_METRICS; metric++) {
        if (run->comparison->metric[metric].judged) {
            write_metric(junit, metric);
        }
    }
}

static void write_thresholds(struct junit *junit) {
    for (size_t i = 0; i < junit->run->threshold_count; i++) {
        const struct bench_threshold *threshold = &junit->run->threshold[i];
        struct outcome outcome = {0};
        if (!threshold->known) {
            outcome = (struct outcome){"error", "unknown"};
        } else if (threshold->failed) {
            outcome = (struct outcome){"failure", "threshold"};
        }
        write_case(junit, "threshold", threshold->text, 0, outcome,
                   bench_threshold_words(threshold));
    }
}

static void write_cases(struct junit *junit) {
    struct bench_sides sides = bench_sides_measured(junit->run);
    for (unsigned i = 0; i < sides.count; i++) {
        write_answers(junit, sides.figures[i], sides.name[i]);
    }
    write_generator(junit);
    write_comparison(junit);
    write_thresholds(junit);
}

/* ---- the suite -------------------------------------------------------------------------------------- */

static void write_property(FILE *out, const char *name, const char *value) {
    if (value && *value) {
        fprintf(out, "<property name=\"%s\" value=\"", name);
        escape_xml(out, value);
        fputs("\"/>\n", out);
    }
}

static void write_properties(FILE *out, const struct bench_run *run) {
    const struct bench_fingerprint *fingerprint = &run->fingerprint;
    char number[BENCH_FIGURE_BYTES], headline[BENCH_HEADLINE_BYTES];
    fputs("<properties>\n", out);
    write_property(out, "verdict", bench_headline(run, headline, sizeof headline));
    write_property(out, "url", fingerprint->url);
    write_property(out, "system", fingerprint->system);
    write_property(out, "cpu", fingerprint->cpu);
    snprintf(number, sizeof number, "%u", fingerprint->cores);
    write_property(out, "cores", number);
    write_property(out, "tls", fingerprint->tls);
    write_property(out, "ringfetch.version", fingerprint->version);
    write_property(out, "options", fingerprint->options);
    if (run->comparison) {
        write_property(out, "baseline", run->baseline_path);
        write_property(out, "confidence", bench_parts(run->confidence, number));
        write_property(out, "min-effect", bench_parts(run->min_effect, number));
    }
    fputs("</properties>\n", out);
}

/* xs:dateTime; the schemas that restrict it want no time zone. */
static void write_head(const struct junit *counted) {
    FILE *out = counted->out;
    const char *host = counted->run->fingerprint.host;
    char stamp[32] = "1970-01-01T00:00:00";
    time_t started = (time_t)(counted->run->started_us / 1000000);
    struct tm parts;
    if (gmtime_r(&started, &parts)) {
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
          "<testsuite name=\"ringfetch bench\" package=\"ringfetch\" id=\"0\" hostname=\"",
          out);
    escape_xml(out, host && *host ? host : "localhost");
    fprintf(out,
            "\" timestamp=\"%s\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"0\" "
            "time=\"%.3f\">\n",
            stamp, counted->tests, counted->failures, counted->errors, bench_seconds(counted->run));
}

bool bench_junit_write(FILE *file, const struct bench_run *run) {
    struct junit counted = {.run = run}, written = {.out = file, .run = run};
    write_cases(&counted);
    counted.out = file;
    write_head(&counted);
    write_properties(file, run);
    write_cases(&written);
    /* Empty, but one of the schemas asks for both. */
    fputs("<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n", file);
    return fflush(file) == 0 && !ferror(file);
}
