/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_markdown.c: --markdown: a summary in GitHub's Markdown, as $GITHUB_STEP_SUMMARY takes it.
 * Made at the end from the tally, on the main thread. GitHub shows nothing at all of a summary of
 * more than 1 MiB, so what is short and most telling comes first, and tables end, and say so, when
 * only a little is left. A file of several parts was rejected: a step has one summary.
 */
#include <stdlib.h>
#include <string.h>

#include "check_escape.h"
#include "check_reports.h"
#include "text.h"

enum {
    SUMMARY_BYTES_MAX =
        1024 * 1024 -
        96 * 1024, /* where tables end; the rest is room for the row begun and the last lines */
    URL_SHOWN_BYTES = 240,
    TEXT_SHOWN_BYTES = 240,
    MESSAGE_BYTES = 512,
    HOSTS_SHOWN = 50,
    CHANGES_SHOWN = 200
};

struct markdown {
    struct report_file file;
};

/* Rows that a full summary has no room for are counted. */
static bool is_full(FILE *out) {
    return ftell(out) > SUMMARY_BYTES_MAX;
}

static void write_more(FILE *out, uint64_t more) {
    if (more) {
        fprintf(out, "\n… and %llu more.\n", (unsigned long long)more);
    }
}

/* ---- the run as a whole ---------------------------------------------------------------------- */

static void write_heading(FILE *out, const struct check_run *run) {
    const struct tally *tally = run->tally;
    char clock[32];
    if (tally->bad) {
        fprintf(out, "## ❌ %llu of %llu URL%s not well\n\n", (unsigned long long)tally->bad,
                (unsigned long long)tally->total, tally->total == 1 ? "" : "s");
    } else {
        fprintf(out, "## ✅ No broken links among %llu URL%s\n\n", (unsigned long long)tally->total,
                tally->total == 1 ? "" : "s");
    }
    if (run->exit == RF_INTERRUPTED || run->exit == RF_TERMINATED) {
        fputs("**The run was interrupted: not everything was checked.**\n\n", out);
    }
    fputs("ringfetch " RF_VERSION, out);
    for (const char *const *source = run->sources; source && *source; source++) {
        fputs(source == run->sources ? ", " : " · ", out);
        escape_markdown(out, *source, TEXT_SHOWN_BYTES);
        if (source - run->sources >= 20) {
            fputs(" …", out);
            break;
        }
    }
    fprintf(out, ", %s\n\n", text_seconds(clock, sizeof clock, run->seconds));
}

static void write_verdicts(FILE *out, const struct tally *tally) {
    static const char *const meanings[RF_VERDICTS] = {
        "",
        "",
        "the target's fault, every time it was asked",
        "answered well once and badly once",
        "there, but not for us",
        "this machine's fault, or a limit of the run",
        "nothing that can be asked",
    };
    fputs("| verdict | URLs | share | |\n|---|---:|---:|---|\n", out);
    for (unsigned i = RF_VERDICT_OK; i < RF_VERDICTS; i++) {
        uint64_t count = tally->by_verdict[i];
        if (count || i == RF_VERDICT_OK) {
            fprintf(out, "| %s | %llu | %.1f %% | %s |\n", rf_verdict_name((enum rf_verdict)i),
                    (unsigned long long)count,
                    100.0 * (double)count / (double)(tally->total ? tally->total : 1), meanings[i]);
        }
    }
    if (tally->cached) {
        fprintf(out, "\nWell in an earlier run and not asked again: %llu.\n",
                (unsigned long long)tally->cached);
    }
}

static void write_kinds(FILE *out, const struct tally *tally) {
    bool any = false;
    for (unsigned i = 0; i < RF_KINDS_MAX; i++) {
        const char *name = tally->by_kind[i] ? rf_kind_name(i) : NULL;
        if (name) {
            fprintf(out, "%s%s %llu", any ? ", " : "\nErrors: ", name,
                    (unsigned long long)tally->by_kind[i]);
            any = true;
        }
    }
    fputs(any ? "\n" : "", out);
}

static void write_hosts(FILE *out, const struct tally *tally) {
    size_t index[HOSTS_SHOWN], count = tally_worst_hosts(tally, index, HOSTS_SHOWN);
    if (!count) {
        return;
    }
    fputs("\n### By host\n\n| host | not well | results | mean |\n|---|---:|---:|---:|\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct tally_host *host = &tally->hosts[index[i]];
        fputs("| ", out);
        escape_markdown(out, host->name, TEXT_SHOWN_BYTES);
        fprintf(out, " | %llu | %s%llu | ", (unsigned long long)host->bad,
                host->approximate ? "≤ " : "", (unsigned long long)host->count);
        if (host->timed) {
            fprintf(out, "%.0f ms", host->ms_sum / (double)host->timed);
        }
        fputs(" |\n", out);
    }
    if (count == HOSTS_SHOWN) {
        fprintf(out, "\nThe worst %d of them.\n", HOSTS_SHOWN);
    }
}

/* ---- failures -------------------------------------------------------------------------------- */

static bool is_bad(const struct tally_failure *failure) {
    return failure->verdict != RF_VERDICT_OK && failure->verdict != RF_VERDICT_SKIPPED;
}

/* By file, and in it from top to bottom. What stands in no file comes first. */
static int compare(const void *left, const void *right) {
    const struct tally_failure *a = *(const struct tally_failure *const *)left;
    const struct tally_failure *b = *(const struct tally_failure *const *)right;
    int sources = strcmp(a->source ? a->source : "", b->source ? b->source : "");
    if (sources) {
        return sources;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return (a->n > b->n) - (a->n < b->n);
}

static void write_why(FILE *out, const struct tally_failure *failure) {
    char message[MESSAGE_BYTES];
    struct rf_result result = report_result(failure);
    fprintf(out, " | %s | ", rf_verdict_name(failure->verdict));
    if (is_bad(failure)) {
        escape_markdown(out, report_message(message, sizeof message, &result), TEXT_SHOWN_BYTES);
    } else if (failure->status) {
        fprintf(out, "%u", failure->status);
    }
}

static void write_line(FILE *out, const struct tally_failure *failure) {
    if (failure->line) {
        fprintf(out, "%llu", (unsigned long long)failure->line);
        if (failure->column) {
            fprintf(out, ":%u", failure->column);
        }
    }
}

static void write_source(FILE *out, const char *source) {
    fputs("\n#### ", out);
    if (source) {
        escape_markdown(out, source, TEXT_SHOWN_BYTES);
    } else {
        fputs("Not from a file", out);
    }
    fputs("\n\n| line | URL | verdict | why |\n|---:|---|---|---|\n", out);
}

static bool is_other_source(const struct tally_failure *a, const struct tally_failure *b) {
    return strcmp(a->source ? a->source : "", b->source ? b->source : "") != 0;
}

static void write_files(FILE *out, const struct tally *tally,
                        const struct tally_failure *const *failure, size_t count) {
    const struct tally_failure *last = NULL;
    uint64_t shown = 0;
    fputs(count ? "\n### By file\n" : "", out);
    for (size_t i = 0; i < count && !is_full(out); i++) {
        if (!is_bad(failure[i])) {
            continue;
        }
        if (!last || is_other_source(last, failure[i])) {
            write_source(out, failure[i]->source);
        }
        last = failure[i];
        fputs("| ", out);
        write_line(out, last);
        fputs(" | ", out);
        escape_markdown_url(out, last->url, URL_SHOWN_BYTES);
        write_why(out, last);
        fputs(" |\n", out);
        shown++;
    }
    write_more(out, tally->bad > shown ? tally->bad - shown : 0);
}

static void write_change(FILE *out, const struct tally *tally, enum tally_change change,
                         const char *title, const struct tally_failure *const *failure,
                         size_t count) {
    uint64_t shown = 0;
    if (!tally->by_change[change]) {
        return;
    }
    fprintf(out, "\n### %s: %llu\n\n| URL | found in | verdict | why |\n|---|---|---|---|\n", title,
            (unsigned long long)tally->by_change[change]);
    for (size_t i = 0; i < count && shown < CHANGES_SHOWN && !is_full(out); i++) {
        if (failure[i]->change != change) {
            continue;
        }
        fputs("| ", out);
        escape_markdown_url(out, failure[i]->url, URL_SHOWN_BYTES);
        fputs(" | ", out);
        escape_markdown(out, failure[i]->source, TEXT_SHOWN_BYTES);
        fputs(failure[i]->source && failure[i]->line ? ":" : "", out);
        write_line(out, failure[i]);
        write_why(out, failure[i]);
        fputs(" |\n", out);
        shown++;
    }
    write_more(out, tally->by_change[change] - shown);
}

/* ---- the report ------------------------------------------------------------------------------ */

static bool write_all(FILE *out, const struct check_run *run) {
    const struct tally *tally = run->tally;
    size_t count = tally->failure_count;
    const struct tally_failure **sorted = calloc(count + 1, sizeof *sorted);
    if (!sorted) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &tally->failures[i];
    }
    qsort(sorted, count, sizeof *sorted, compare);
    write_heading(out, run);
    write_verdicts(out, tally);
    write_kinds(out, tally);
    if (run->compared) {
        write_change(out, tally, CHANGE_NEW, "New", sorted, count);
        write_change(out, tally, CHANGE_FIXED, "Fixed", sorted, count);
        write_change(out, tally, CHANGE_CHANGED, "Changed", sorted, count);
    }
    if (tally->bad) {
        write_hosts(out, tally);
        write_files(out, tally, sorted, count);
    }
    free(sorted);
    return true;
}

static bool markdown_open(void **report, const char *path, char *why, size_t why_size) {
    struct markdown *markdown = calloc(1, sizeof *markdown);
    if (!markdown) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    if (!report_file_open(&markdown->file, path, why, why_size)) {
        free(markdown);
        return false;
    }
    *report = markdown;
    return true;
}

static void markdown_discard(void *report) {
    struct markdown *markdown = report;
    report_file_discard(&markdown->file);
    free(markdown);
}

static bool markdown_close(void *report, const struct check_run *run, char *why, size_t why_size) {
    struct markdown *markdown = report;
    if (!write_all(markdown->file.out, run)) {
        snprintf(why, why_size, "--markdown: out of memory");
        markdown_discard(markdown);
        return false;
    }
    bool whole = report_file_close(&markdown->file, why, why_size);
    free(markdown);
    return whole;
}

const struct report_ops report_markdown = {.option = "markdown",
                                           .open = markdown_open,
                                           .close = markdown_close,
                                           .discard = markdown_discard};
