/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_summary.c: the end of a bench run for people. What was asked, how it went, how long it took, and last the verdict, as
 * the last line is what a terminal and a CI log show without scrolling. Main thread, after the run. Every text of a stranger's
 * passes text_escape; where there is no terminal it becomes ASCII too, as nobody knows what a log viewer does with the rest.
 * Drawing on the alternate screen was rejected: who measures wants to copy.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench_summary_bars.h"
#include "bench_summary_facts.h"
#include "check_text.h"
#include "text.h"

enum {
    WIDTH_PLAIN = 80, /* where it is no terminal */
    WIDTH_LEAST = 60,
    LABEL_COLUMNS = 16,
    TIME_COLUMNS = 9,
    COUNT_COLUMNS = 12,
    COMPARISON_COLUMNS = 78, /* with both sides' values */
    THRESHOLD_COLUMNS = 30,
    ENTRIES_SHOWN = 20,
    SHOWN_BYTES = 1024
};

struct summary {
    FILE *out;
    const struct bench_run *run;
    unsigned width;
    bool colour, unicode;
};

static void print_in(const struct summary *summary, const char *colour, const char *text) {
    if (summary->colour) {
        fprintf(summary->out, "\033[%sm%s\033[0m", colour, text);
    } else {
        fputs(text, summary->out);
    }
}

/* A stranger's text: harmless, and in ASCII where characters may be as wide as somebody pleases. */
static const char *harmless(const struct summary *summary, char shown[SHOWN_BYTES],
                            const char *text) {
    if (summary->unicode) {
        return text_escape(shown, SHOWN_BYTES, text);
    }
    return check_text_host(shown, SHOWN_BYTES, SHOWN_BYTES - 1, text);
}

/* How many bytes of it fit into so many columns; a terminal shows UTF-8 as characters. */
static size_t bytes_in(const char *text, unsigned columns) {
    size_t bytes = 0;
    for (; text[bytes]; bytes++) {
        bool begins = ((unsigned char)text[bytes] & 0xC0) != 0x80;
        if (begins && columns-- == 0) {
            break;
        }
    }
    return bytes;
}

/* A sentence from `column` on, in as many lines as it takes; each but the first begins at `indent`. */
static void print_wrapped(const struct summary *summary, unsigned column, unsigned indent,
                          const char *text) {
    size_t fits;
    while (text[fits = bytes_in(text, summary->width - column)]) {
        size_t end = fits;
        while (end > 0 && text[end] != ' ') {
            end--;
        }
        end = end ? end : fits;
        fprintf(summary->out, "%.*s\n%*s", (int)end, text, (int)indent, "");
        text += end + strspn(text + end, " ");
        column = indent;
    }
    fputs(text, summary->out);
}

/* ---- who was asked ---------------------------------------------------------------------------------- */

/* Where a part does not fit beside those before it, it begins a line. */
static unsigned print_part(const struct summary *summary, unsigned column, const char *text) {
    unsigned length = (unsigned)strlen(text);
    if (column + 2 + length > summary->width) {
        fputc('\n', summary->out);
        column = 0;
    }
    fprintf(summary->out, "  %s", text);
    return column + 2 + length;
}

static void print_side(const struct summary *summary, const struct rf_load_figures *figures,
                       const char *name, unsigned name_columns) {
    char url[SHOWN_BYTES], shown[SHOWN_BYTES], tls[64], cipher[64];
    unsigned column = *name ? name_columns + 2 : 0;
    if (*name) {
        fprintf(summary->out, "%-*s  ", (int)name_columns, name);
    }
    bench_url(figures->url, url, sizeof url);
    check_text_host(shown, sizeof shown, summary->width - column, url);
    print_in(summary, "1", shown);
    column += (unsigned)strlen(shown);
    if (figures->server && *figures->server) {
        column =
            print_part(summary, column, check_text_host(shown, sizeof shown, 30, figures->server));
    }
    if (figures->tls_version) {
        check_text_host(tls, sizeof tls, 12, figures->tls_version);
        check_text_host(cipher, sizeof cipher, 40, figures->tls_cipher ? figures->tls_cipher : "");
        snprintf(shown, sizeof shown, "TLS %s %s", tls, cipher);
        print_part(summary, column, shown);
    }
    fputc('\n', summary->out);
}

static void print_sides(const struct summary *summary, const struct bench_sides *sides) {
    unsigned columns = 0;
    char shown[SHOWN_BYTES];
    for (unsigned i = 0; i < sides->count; i++) {
        unsigned length = (unsigned)strlen(sides->name[i]);
        columns = length > columns ? length : columns;
    }
    for (unsigned i = 0; i < sides->count; i++) {
        print_side(summary, sides->figures[i], sides->name[i], columns);
    }
    if (summary->run->baseline_path) {
        static const char before[] = "The baseline (then) is ";
        fprintf(summary->out, "%s%s.\n", before,
                check_text_host(shown, sizeof shown, summary->width - (unsigned)sizeof before,
                                summary->run->baseline_path));
    }
    if (summary->run->runs > 1) {
        fprintf(summary->out, "Joined from %u runs.\n", summary->run->runs);
    }
}

/* ---- figures ---------------------------------------------------------------------------------------- */

/* Beside each other, or, where that is too wide, one below the other. */
static void print_two_facts(const struct summary *summary, const struct bench_sides *sides,
                            const struct bench_fact *fact, size_t count) {
    unsigned columns[RF_SIDES] = {0};
    for (size_t i = 0; i < RF_SIDES * count; i++) {
        unsigned length = (unsigned)strlen(fact[i / RF_SIDES].text[i % RF_SIDES]);
        columns[i % RF_SIDES] = length > columns[i % RF_SIDES] ? length : columns[i % RF_SIDES];
    }
    bool beside = LABEL_COLUMNS + columns[0] + 2 + columns[1] <= summary->width;
    if (beside) {
        fprintf(summary->out, "\n%-*s%-*s  %s", LABEL_COLUMNS, "", (int)columns[0], sides->name[0],
                sides->name[1]);
    }
    fputc('\n', summary->out);
    for (size_t i = 0; i < count; i++) {
        fprintf(summary->out, "%-*s", LABEL_COLUMNS, fact[i].label);
        if (beside) {
            fprintf(summary->out, "%-*s  %s\n", (int)columns[0], fact[i].text[0], fact[i].text[1]);
        } else {
            fprintf(summary->out, "%-6s%s\n%*s%-6s%s\n", sides->name[0], fact[i].text[0],
                    LABEL_COLUMNS, "", sides->name[1], fact[i].text[1]);
        }
    }
}

static void print_facts(const struct summary *summary, const struct bench_sides *sides) {
    struct bench_fact facts[BENCH_FACTS_MAX];
    size_t count = bench_facts(sides, facts);
    if (sides->count > 1) {
        print_two_facts(summary, sides, facts, count);
    } else {
        fputc('\n', summary->out);
        for (size_t i = 0; i < count; i++) {
            fprintf(summary->out, "%-*s%s\n", LABEL_COLUMNS, facts[i].label, facts[i].text[0]);
        }
    }
    bench_machine(&summary->run->machine, facts);
    for (size_t i = 0; i < 2; i++) {
        fprintf(summary->out, "%-*s%s\n", LABEL_COLUMNS, facts[i].label, facts[i].text[0]);
    }
}

static void print_errors(const struct summary *summary, const struct bench_sides *sides) {
    char shown[SHOWN_BYTES];
    for (unsigned i = 0; i < sides->count; i++) {
        if (sides->figures[i]->first_error) {
            char label[32];
            snprintf(label, sizeof label, "%s %.16s", bench_error_name(sides->figures[i]),
                     sides->name[i]);
            int column = fprintf(summary->out, "%-*s ", LABEL_COLUMNS - 1, label);
            print_wrapped(summary, (unsigned)column, LABEL_COLUMNS,
                          harmless(summary, shown, sides->figures[i]->first_error));
            fputc('\n', summary->out);
        }
    }
}

/* What can be missed goes first where there is no room for all of them. */
static bool is_shown(const struct summary *summary, unsigned quantile) {
    /* mean, p50, p75, p90, p99, p99.9, max: with how many columns each is there. */
    static const unsigned needs[BENCH_QUANTILES] = {1, 2, 7, 5, 3, 6, 4};
    return needs[quantile] <= (summary->width - LABEL_COLUMNS) / TIME_COLUMNS;
}

static void print_times(const struct summary *summary, const struct bench_sides *sides) {
    struct bench_times times[BENCH_TIMES_MAX];
    size_t count = bench_times(sides, times);
    bool scheduled = false;
    fprintf(summary->out, "\n%-*s", LABEL_COLUMNS, "");
    for (unsigned i = 0; i < BENCH_QUANTILES; i++) {
        if (is_shown(summary, i)) {
            fprintf(summary->out, "%*s", TIME_COLUMNS, bench_quantile_names[i]);
        }
    }
    fputc('\n', summary->out);
    for (size_t row = 0; row < count; row++) {
        char label[64];
        snprintf(label, sizeof label, "%-*.31s", LABEL_COLUMNS, times[row].label);
        print_in(summary, times[row].latency ? "1" : "0", label);
        for (unsigned i = 0; i < BENCH_QUANTILES; i++) {
            if (is_shown(summary, i)) {
                fprintf(summary->out, "%*s", TIME_COLUMNS, times[row].text[i]);
            }
        }
        fputc('\n', summary->out);
        scheduled |= strncmp(times[row].label, "raw", 3) == 0;
    }
    if (scheduled) {
        print_wrapped(summary, 0, 0,
                      "latency counts from when a request was due, raw from when it left");
        fputc('\n', summary->out);
    }
}

static void print_distribution(const struct summary *summary, const struct bench_sides *sides) {
    for (unsigned i = 0; i < sides->count; i++) {
        if (bench_total(sides->figures[i]->latency)) {
            fputc('\n', summary->out);
            print_in(summary, "1", "latency distribution");
            fputc('\n', summary->out);
            bench_bars_write(summary->out, sides, summary->width, summary->unicode);
            return;
        }
    }
}

/* Of an entry's durations p99 is what people look for, and the mean what they miss least. */
struct entry_table {
    unsigned name_columns;
    unsigned first; /* of entry_quantiles that is shown */
};
static const unsigned entry_quantiles[] = {0, 1, 4}; /* mean, p50, p99 */
enum { ENTRY_QUANTILES = sizeof entry_quantiles / sizeof *entry_quantiles };

static struct entry_table plan_entries(const struct summary *summary) {
    unsigned first = summary->width >= 78 ? 0 : summary->width >= 68 ? 1 : 2;
    unsigned figures = 2 * COUNT_COLUMNS + (ENTRY_QUANTILES - first) * TIME_COLUMNS;
    return (struct entry_table){.name_columns = summary->width - figures, .first = first};
}

static void print_entry(const struct summary *summary, const struct entry_table *table,
                        const struct rf_load_entry *entry) {
    char name[SHOWN_BYTES], shown[SHOWN_BYTES], count[32], text[BENCH_QUANTILES][24];
    unsigned columns = table->name_columns - 2;
    bench_entry_name(entry, name, sizeof name);
    bench_quantiles(entry->latency, text);
    fprintf(summary->out, "  %-*s", (int)columns,
            check_text_host(shown, sizeof shown, columns - 1, name));
    fprintf(summary->out, "%*s", COUNT_COLUMNS, bench_count(entry->requests, count));
    fprintf(summary->out, "%*s", COUNT_COLUMNS, bench_count(entry->errors, count));
    for (unsigned i = table->first; i < ENTRY_QUANTILES; i++) {
        fprintf(summary->out, "%*s", TIME_COLUMNS, text[entry_quantiles[i]]);
    }
    fputc('\n', summary->out);
}

static void print_entries(const struct summary *summary, const struct bench_sides *sides) {
    struct entry_table table = plan_entries(summary);
    for (unsigned i = 0; i < sides->count; i++) {
        const struct rf_load_figures *figures = sides->figures[i];
        if (figures->entry_count < 2) {
            continue;
        }
        fprintf(summary->out, "\n%-*s%*s%*s", (int)table.name_columns,
                *sides->name[i] ? sides->name[i] : "by request", COUNT_COLUMNS, "requests",
                COUNT_COLUMNS, "errors");
        for (unsigned k = table.first; k < ENTRY_QUANTILES; k++) {
            fprintf(summary->out, "%*s", TIME_COLUMNS, bench_quantile_names[entry_quantiles[k]]);
        }
        fputc('\n', summary->out);
        for (size_t k = 0; k < figures->entry_count && k < ENTRIES_SHOWN; k++) {
            print_entry(summary, &table, &figures->entry[k]);
        }
        if (figures->entry_count > ENTRIES_SHOWN) {
            char count[32];
            fprintf(summary->out, "  ... %s more\n",
                    bench_count(figures->entry_count - ENTRIES_SHOWN, count));
        }
    }
}

/* ---- two beside each other --------------------------------------------------------------------------- */

static const char *colour_of(enum rf_change verdict) {
    static const char *const colours[] = {[RF_CHANGE_REGRESSED] = "31",
                                          [RF_CHANGE_IMPROVED] = "32",
                                          [RF_CHANGE_SAME] = "0",
                                          [RF_CHANGE_INCONCLUSIVE] = "33"};
    return colours[verdict];
}

static void print_metric(const struct summary *summary, enum rf_metric metric) {
    const struct rf_comparison *all = summary->run->comparison;
    char a[BENCH_FIGURE_BYTES], b[BENCH_FIGURE_BYTES], change[BENCH_FIGURE_BYTES],
        interval[BENCH_FIGURE_BYTES], verdict[32];
    bool judged = all->metric[metric].judged;
    enum rf_change said = all->metric[metric].verdict;
    bench_value(metric, all->metric[metric].a, a);
    bench_value(metric, all->metric[metric].b, b);
    bench_change(metric, all->metric[metric].change, change);
    bench_interval(metric, all->metric[metric].low, all->metric[metric].high, interval);
    fprintf(summary->out, "%-7s", rf_metric_name(metric));
    if (summary->width >= COMPARISON_COLUMNS) {
        fprintf(summary->out, "%11s%11s", a, b);
    }
    fprintf(summary->out, "%10s%23s  ", change, interval);
    snprintf(verdict, sizeof verdict, judged ? "%s" : "(%s)", rf_change_name(said));
    print_in(summary, judged ? colour_of(said) : "2", verdict);
    fputc('\n', summary->out);
}

static void print_comparison(const struct summary *summary, const struct bench_sides *sides) {
    char heading[64], confidence[BENCH_FIGURE_BYTES];
    bool all_judged = true;
    if (!summary->run->comparison || summary->run->incomparable) {
        return;
    }
    bool two = sides->count > 1;
    snprintf(heading, sizeof heading, "%s interval",
             bench_parts(summary->run->confidence, confidence));
    fprintf(summary->out, "\n%-7s", "");
    if (summary->width >= COMPARISON_COLUMNS) {
        fprintf(summary->out, "%11s%11s", two ? sides->name[0] : "then",
                two ? sides->name[1] : "now");
    }
    fprintf(summary->out, "%10s%23s  verdict\n", "change", heading);
    for (enum rf_metric metric = 0; metric < RF_METRICS; metric++) {
        print_metric(summary, metric);
        all_judged &= summary->run->comparison->metric[metric].judged;
    }
    if (!all_judged) {
        fputs("What stands in parentheses does not count.\n", summary->out);
    }
}

/* ---- what it came to --------------------------------------------------------------------------------- */

static void print_thresholds(const struct summary *summary) {
    char shown[SHOWN_BYTES];
    for (size_t i = 0; i < summary->run->threshold_count; i++) {
        const struct bench_threshold *threshold = &summary->run->threshold[i];
        const char *word = !threshold->known ? "unknown" : threshold->failed ? "failed" : "held";
        const char *colour = !threshold->known ? "33" : threshold->failed ? "31" : "32";
        fputs(i == 0 ? "\n" : "", summary->out);
        int column =
            fprintf(summary->out, "%-*s ", LABEL_COLUMNS,
                    check_text_host(shown, sizeof shown, THRESHOLD_COLUMNS, threshold->text));
        print_in(summary, colour, word);
        column += fprintf(summary->out, ": ") + (int)strlen(word);
        print_wrapped(summary, (unsigned)column, LABEL_COLUMNS + 1,
                      harmless(summary, shown, bench_threshold_words(threshold)));
        fputc('\n', summary->out);
    }
}

/* "warning: " and what it is about. */
static void print_note(const struct summary *summary, const char *word, const char *text) {
    char shown[SHOWN_BYTES];
    print_in(summary, "33", word);
    print_wrapped(summary, (unsigned)strlen(word), 2, harmless(summary, shown, text));
    fputc('\n', summary->out);
}

static void print_end(const struct summary *summary) {
    static const char *const colours[] = {[BENCH_PASSED] = "1;32",
                                          [BENCH_FAILED] = "1;31",
                                          [BENCH_INCONCLUSIVE] = "1;33",
                                          [BENCH_HAD_ERRORS] = "1;31",
                                          [BENCH_INTERRUPTED] = "1;33"};
    char headline[BENCH_HEADLINE_BYTES], text[BENCH_HEADLINE_BYTES / 2], shown[SHOWN_BYTES];
    enum bench_outcome outcome = bench_outcome(summary->run);
    bench_headline(summary->run, headline, sizeof headline);
    fputc('\n', summary->out);
    /* Nothing is said twice. */
    if (*bench_limits(&summary->run->machine, text, sizeof text) && !strstr(headline, text)) {
        print_note(summary, "warning: ", text);
    }
    if (summary->run->incomparable && !strstr(headline, summary->run->incomparable)) {
        print_note(summary, "not compared: ", summary->run->incomparable);
    }
    if (summary->colour) {
        fprintf(summary->out, "\033[%sm", colours[outcome]);
    }
    print_wrapped(summary, 0, 2, harmless(summary, shown, headline));
    fputs(summary->colour ? "\033[0m\n" : "\n", summary->out);
}

/* By the environment, as no setlocale is called: decimal points stay points. */
static bool is_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
        }
    }
    return false;
}

void bench_summary_write(FILE *file, const struct bench_run *run, unsigned width, bool colour) {
    struct summary summary = {.out = file,
                              .run = run,
                              .width = width == 0            ? WIDTH_PLAIN
                                       : width < WIDTH_LEAST ? WIDTH_LEAST
                                                             : width,
                              .colour = colour && width > 0,
                              .unicode = width > 0 && is_utf8()};
    struct bench_sides shown = bench_sides_shown(run);
    if (shown.count == 0) {
        return;
    }
    print_sides(&summary, &shown);
    print_facts(&summary, &shown);
    print_errors(&summary, &shown);
    print_times(&summary, &shown);
    print_distribution(&summary, &shown);
    print_entries(&summary, &shown);
    print_comparison(&summary, &shown);
    print_thresholds(&summary);
    print_end(&summary);
}
