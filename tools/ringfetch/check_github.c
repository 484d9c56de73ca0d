/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_github.c: --annotate github: workflow commands on standard output, which GitHub shows at
 * the line of the file that a link stands in. Taken from the tally at the end: printed as results
 * come they would mix with records, and GitHub shows the first ten of each level and step, which
 * then were the quickest ones instead of the dead ones.
 *
 * The runner reads every line of a step's output for commands. Strangers' text has no line breaks
 * left after escaping, so it can't begin a line, and each line begins with our own command, which
 * is the one that the runner then takes.
 */
#include <stdlib.h>

#include "check_escape.h"
#include "check_reports.h"

enum { SHOWN_MAX = 50, MESSAGE_BYTES = 1024 };

static bool github_open(void **report, const char *path, char *why, size_t why_size) {
    (void)path, (void)why, (void)why_size;
    *report = NULL; /* all it needs is in the tally */
    return true;
}

/* What was dead in the earlier run already is nobody's new fault. */
static bool is_error(const struct tally_failure *failure) {
    return failure->verdict == RF_VERDICT_DEAD && failure->change != CHANGE_STILL;
}

static bool is_shown(const struct tally_failure *failure) {
    return failure->verdict == RF_VERDICT_DEAD || failure->verdict == RF_VERDICT_FLAKY ||
           failure->verdict == RF_VERDICT_BLOCKED || failure->verdict == RF_VERDICT_INCONCLUSIVE;
}

/* Errors first, and then as they stand in the input, which is the same for every run. */
static int compare(const void *left, const void *right) {
    const struct tally_failure *a = *(const struct tally_failure *const *)left;
    const struct tally_failure *b = *(const struct tally_failure *const *)right;
    if (is_error(a) != is_error(b)) {
        return is_error(a) ? -1 : 1;
    }
    return (a->n > b->n) - (a->n < b->n);
}

static void write_place(FILE *out, const struct tally_failure *failure) {
    const char *path = report_path(failure->source);
    if (!path) {
        return;
    }
    fputs("file=", out);
    escape_command_property(out, path);
    fputs(",", out);
    if (failure->line) {
        fprintf(out, "line=%llu,", (unsigned long long)failure->line);
        if (failure->column) {
            fprintf(out, "col=%u,", failure->column);
        }
    }
}

static void write_annotation(FILE *out, const struct tally_failure *failure) {
    char message[MESSAGE_BYTES];
    struct rf_result result = report_result(failure);
    fputs(is_error(failure) ? "::error " : "::warning ", out);
    write_place(out, failure);
    fprintf(out, "title=%s (", rf_verdict_name(failure->verdict));
    escape_command_property(out, report_kind(&result));
    fputs(")::", out);
    escape_command(out, failure->url);
    fputs(" - ", out);
    escape_command(out, report_message(message, sizeof message, &result));
    fputs("\n", out);
}

/* All that are not shown, of which the tally may not even have kept the texts. */
static void write_rest(FILE *out, uint64_t rest) {
    if (rest) {
        fprintf(out,
                "::warning title=ringfetch check::not annotated, because only the first %d are: "
                "%llu more that are not well\n",
                SHOWN_MAX, (unsigned long long)rest);
    }
}

static bool write_all(FILE *out, const struct tally *tally) {
    const struct tally_failure **sorted = calloc(tally->failure_count + 1, sizeof *sorted);
    if (!sorted) {
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < tally->failure_count; i++) {
        if (is_shown(&tally->failures[i])) {
            sorted[count++] = &tally->failures[i];
        }
    }
    qsort(sorted, count, sizeof *sorted, compare);
    size_t shown = count < SHOWN_MAX ? count : SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        write_annotation(out, sorted[i]);
    }
    free(sorted);
    write_rest(out, tally->bad > shown ? tally->bad - shown : 0);
    return true;
}

static bool github_close(void *report, const struct check_run *run, char *why, size_t why_size) {
    struct report_file file;
    (void)report;
    if (!report_file_open(&file, "-", why, why_size)) {
        return false;
    }
    if (!write_all(file.out, run->tally)) {
        snprintf(why, why_size, "annotations: out of memory");
        report_file_discard(&file);
        return false;
    }
    return report_file_close(&file, why, why_size);
}

const struct report_ops report_github = {
    .option = "annotate", .open = github_open, .close = github_close};
