/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_markdown.c: --markdown: a summary in GitHub's Markdown, as $GITHUB_STEP_SUMMARY takes it. Main thread, after the run.
 * The verdict comes first, then what it rests on, then all other figures. Everything in one folded part was rejected: who opens
 * a job's summary after a failure wants to see it. It ends in an empty line, as others add to the same file.
 */
#include <ctype.h>
#include <string.h>

#include "bench_summary_facts.h"
#include "check_escape.h"

enum { TEXT_SHOWN_BYTES = 240, ENTRIES_SHOWN = 100 };

static void write_heading(FILE *out, const struct bench_run *run, const struct bench_sides *sides) {
    static const char *const signs[] = {[BENCH_PASSED] = "✅",
                                        [BENCH_FAILED] = "❌",
                                        [BENCH_INCONCLUSIVE] = "❔",
                                        [BENCH_HAD_ERRORS] = "❌",
                                        [BENCH_INTERRUPTED] = "❔"};
    char text[BENCH_HEADLINE_BYTES];
    fprintf(out, "## %s ", signs[bench_outcome(run)]);
    escape_markdown(out, bench_headline(run, text, sizeof text), sizeof text);
    fputs("\n\n", out);
    for (unsigned i = 0; i < sides->count; i++) {
        bench_url(sides->figures[i]->url, text, sizeof text);
        fprintf(out, "%s%s%s", i ? " · " : "", sides->name[i], *sides->name[i] ? ": " : "");
        escape_markdown(out, text, TEXT_SHOWN_BYTES);
    }
    fputs("\n\n", out);
}

static void write_warnings(FILE *out, const struct bench_run *run) {
    char headline[BENCH_HEADLINE_BYTES], text[BENCH_HEADLINE_BYTES / 2];
    bench_headline(run, headline, sizeof headline);
    /* Nothing is said twice. */
    if (*bench_limits(&run->machine, text, sizeof text) && !strstr(headline, text)) {
        fputs("**Warning:** ", out);
        escape_markdown(out, text, sizeof text);
        fputs("\n\n", out);
    }
    if (run->incomparable && !strstr(headline, run->incomparable)) {
        fputs("**Not compared:** ", out);
        escape_markdown(out, run->incomparable, TEXT_SHOWN_BYTES);
        fputs("\n\n", out);
    }
}

/* ---- what decides ----------------------------------------------------------------------------------- */

static void write_metric(FILE *out, const struct rf_comparison *all, enum rf_metric metric) {
    char a[BENCH_FIGURE_BYTES], b[BENCH_FIGURE_BYTES], change[BENCH_FIGURE_BYTES],
        interval[BENCH_FIGURE_BYTES];
    bool judged = all->metric[metric].judged;
    enum rf_change verdict = all->metric[metric].verdict;
    bool loud = judged && (verdict == RF_CHANGE_REGRESSED || verdict == RF_CHANGE_IMPROVED);
    fprintf(out, "| %s | %s | %s | %s | %s | %s%s%s%s |\n", rf_metric_name(metric),
            bench_value(metric, all->metric[metric].a, a),
            bench_value(metric, all->metric[metric].b, b),
            bench_change(metric, all->metric[metric].change, change),
            bench_interval(metric, all->metric[metric].low, all->metric[metric].high, interval),
            loud ? "**" : "", rf_change_name(verdict), loud ? "**" : "",
            judged ? "" : ", not judged");
}

static void write_comparison(FILE *out, const struct bench_run *run,
                             const struct bench_sides *sides) {
    char confidence[BENCH_FIGURE_BYTES], effect[BENCH_FIGURE_BYTES];
    bool two = sides->count > 1;
    if (!run->comparison || run->incomparable) {
        return;
    }
    fprintf(out,
            "| | %s | %s | change | %s interval | verdict |\n"
            "|---|---:|---:|---:|:---:|---|\n",
            two ? sides->name[0] : "then", two ? sides->name[1] : "now",
            bench_parts(run->confidence, confidence));
    for (enum rf_metric metric = 0; metric < RF_METRICS; metric++) {
        write_metric(out, run->comparison, metric);
    }
    fprintf(out, "\nChanges of less than %s don't count.\n\n",
            bench_parts(run->min_effect, effect));
}

static void write_thresholds(FILE *out, const struct bench_run *run) {
    if (!run->threshold_count) {
        return;
    }
    fputs("| threshold | | |\n|---|---|---|\n", out);
    for (size_t i = 0; i < run->threshold_count; i++) {
        const struct bench_threshold *threshold = &run->threshold[i];
        fputs("| ", out);
        escape_markdown(out, threshold->text, TEXT_SHOWN_BYTES);
        fprintf(out, " | %s | ",
                !threshold->known   ? "can't be told"
                : threshold->failed ? "**failed**"
                                    : "held");
        escape_markdown(out, bench_threshold_words(threshold), TEXT_SHOWN_BYTES);
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

/* ---- figures ---------------------------------------------------------------------------------------- */

static void write_times(FILE *out, const struct bench_sides *sides) {
    struct bench_times times[BENCH_TIMES_MAX];
    size_t count = bench_times(sides, times);
    fputs("| |", out);
    for (unsigned i = 0; i < BENCH_QUANTILES; i++) {
        fprintf(out, " %s |", bench_quantile_names[i]);
    }
    fputs("\n|---|---:|---:|---:|---:|---:|---:|---:|\n", out);
    for (size_t row = 0; row < count; row++) {
        const char *strong = times[row].latency ? "**" : "";
        fprintf(out, "| %s%s%s |", strong, times[row].label, strong);
        for (unsigned i = 0; i < BENCH_QUANTILES; i++) {
            fprintf(out, " %s |", times[row].text[i]);
        }
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void write_facts(FILE *out, const struct bench_run *run, const struct bench_sides *sides) {
    struct bench_fact facts[BENCH_FACTS_MAX];
    size_t count = bench_facts(sides, facts);
    fprintf(out, "| | %s |%s%s%s\n|---|---|%s\n", sides->name[0], sides->count > 1 ? " " : "",
            sides->count > 1 ? sides->name[1] : "", sides->count > 1 ? " |" : "",
            sides->count > 1 ? "---|" : "");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "| %s | %s |", facts[i].label, facts[i].text[0]);
        if (sides->count > 1) {
            fprintf(out, " %s |", facts[i].text[1]);
        }
        fputc('\n', out);
    }
    bench_machine(&run->machine, facts);
    fprintf(out, "\nMachine: %s %s; %s: %s.\n\n", facts[0].label, facts[0].text[0], facts[1].label,
            facts[1].text[0]);
}

static void write_errors(FILE *out, const struct bench_sides *sides) {
    for (unsigned i = 0; i < sides->count; i++) {
        if (sides->figures[i]->first_error) {
            const char *name = bench_error_name(sides->figures[i]);
            fprintf(out, "%c%s%s%s: ", toupper(name[0]), name + 1, *sides->name[i] ? " of " : "",
                    sides->name[i]);
            escape_markdown(out, sides->figures[i]->first_error, TEXT_SHOWN_BYTES);
            fputs("\n\n", out);
        }
    }
}

static void write_entry(FILE *out, const struct rf_load_entry *entry, const char *side) {
    char name[BENCH_NAME_BYTES], count[32], text[BENCH_QUANTILES][24];
    bench_quantiles(entry->latency, text);
    fprintf(out, "| %s%s", side, *side ? ": " : "");
    escape_markdown(out, bench_entry_name(entry, name, sizeof name), TEXT_SHOWN_BYTES);
    fprintf(out, " | %s |", bench_count(entry->requests, count));
    fprintf(out, " %s | %s | %s | %s |\n", bench_count(entry->errors, count), text[0], text[1],
            text[4]);
}

static void write_entries(FILE *out, const struct bench_sides *sides) {
    for (unsigned i = 0; i < sides->count; i++) {
        const struct rf_load_figures *figures = sides->figures[i];
        if (figures->entry_count < 2) {
            continue;
        }
        fputs(
            "| request | requests | errors | mean | p50 | p99 |\n|---|---:|---:|---:|---:|---:|\n",
            out);
        for (size_t k = 0; k < figures->entry_count && k < ENTRIES_SHOWN; k++) {
            write_entry(out, &figures->entry[k], sides->name[i]);
        }
        fputc('\n', out);
        if (figures->entry_count > ENTRIES_SHOWN) {
            fprintf(out, "… and %zu more.\n\n", figures->entry_count - ENTRIES_SHOWN);
        }
    }
}

static void write_end(FILE *out, const struct bench_run *run) {
    const struct bench_fingerprint *where = &run->fingerprint;
    const char *const texts[] = {where->version && *where->version ? where->version : RF_VERSION,
                                 where->system, where->cpu, where->tls, where->options};
    fputs("<sub>ringfetch ", out);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] && *texts[i]) {
            fputs(i ? " · " : "", out);
            escape_markdown(out, texts[i], TEXT_SHOWN_BYTES);
        }
    }
    if (where->cores) {
        fprintf(out, " · %u core%s", where->cores, where->cores == 1 ? "" : "s");
    }
    if (run->runs > 1) {
        fprintf(out, " · joined from %u runs", run->runs);
    }
    fputs("</sub>\n\n", out);
}

bool bench_markdown_write(FILE *file, const struct bench_run *run) {
    struct bench_sides sides = bench_sides_shown(run);
    write_heading(file, run, &sides);
    write_warnings(file, run);
    write_comparison(file, run, &sides);
    write_thresholds(file, run);
    if (sides.count) {
        write_times(file, &sides);
        write_facts(file, run, &sides);
        write_errors(file, &sides);
        write_entries(file, &sides);
    }
    write_end(file, run);
    return fflush(file) == 0 && !ferror(file);
}
