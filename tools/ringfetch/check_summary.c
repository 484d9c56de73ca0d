/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_summary.c: the end of a check run for people; see check_table.h. What matters first: how many are broken, then which, by
 * host and by file, then what changed, how long it took, and certificates. A screen or two at most; how much more there is, is said.
 * Main thread, after the run. Every text of a stranger's passes text_escape.
 */
#include "check_table.h"

#include <stdlib.h>
#include <string.h>

#include "check_text.h"
#include "text.h"

enum {
    LINKS_MAX = 40,      /* broken links in all */
    GROUP_LINKS_MAX = 8, /* of one host */
    FILES_MAX = 10,
    CHANGES_MAX = 8,
    FIGURE_BYTES = 32,
    SHOWN_BYTES = 1024,
    CERTS_SOON = 4 /* buckets: expired, below 7, 14 and 30 days */
};

struct summary {
    FILE *out;
    bool colour;
    const struct check_run *run;
    const struct tally *tally;
};

static const char *colour_of(enum rf_verdict verdict) {
    static const char *const colours[RF_VERDICTS] = {
        [RF_VERDICT_OK] = "32",      [RF_VERDICT_DEAD] = "31",         [RF_VERDICT_FLAKY] = "33",
        [RF_VERDICT_BLOCKED] = "35", [RF_VERDICT_INCONCLUSIVE] = "36", [RF_VERDICT_SKIPPED] = "2"};
    return colours[verdict] ? colours[verdict] : "0";
}

static void print_in(const struct summary *summary, const char *colour, const char *text) {
    if (summary->colour) {
        fprintf(summary->out, "\033[%sm%s\033[0m", colour, text);
    } else {
        fputs(text, summary->out);
    }
}

static void print_escaped(const struct summary *summary, const char *text) {
    char shown[SHOWN_BYTES];
    fputs(text_escape(shown, sizeof shown, text), summary->out);
}

static void print_count(const struct summary *summary, uint64_t count) {
    char number[FIGURE_BYTES];
    fputs(check_text_count(number, sizeof number, count), summary->out);
}

/* ---- groups of failures ------------------------------------------------------------------------- */

typedef const char *key_fn(const struct tally_failure *failure);

static const char *host_key(const struct tally_failure *failure) {
    return failure->host ? failure->host : "";
}
static const char *source_key(const struct tally_failure *failure) {
    return failure->source ? failure->source : "";
}

/* What an early end of the run has cut off: nothing to list, who pressed ^C knows. */
static bool is_cancelled(struct rf_error error) {
    return strcmp(rf_error_fault(error), "cancelled") == 0;
}

static uint64_t cancelled(const struct tally *tally) {
    uint64_t count = 0;
    for (unsigned kind = 1; kind < RF_KINDS_MAX; kind++) {
        struct rf_error error = {.kind = (uint8_t)kind};
        count += tally->by_kind[kind] && is_cancelled(error) ? tally->by_kind[kind] : 0;
    }
    return count < tally->bad ? count : tally->bad;
}

static bool is_bad(const struct tally_failure *failure) {
    if (is_cancelled(failure->error)) {
        return false;
    }
    return failure->verdict == RF_VERDICT_DEAD || failure->verdict == RF_VERDICT_FLAKY ||
           failure->verdict == RF_VERDICT_BLOCKED || failure->verdict == RF_VERDICT_INCONCLUSIVE;
}

struct group {
    const char *name;
    size_t first, count; /* in the sorted list */
};

/* Failures of equal key side by side, and the groups they make, the largest first. */
struct grouping {
    const struct tally_failure **list;
    struct group *groups;
    size_t count, group_count;
};

static int compare_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_failures(const void *a, const void *b, void *context) {
    key_fn *key = *(key_fn **)context;
    const struct tally_failure *one = *(const struct tally_failure *const *)a;
    const struct tally_failure *other = *(const struct tally_failure *const *)b;
    int order = strcmp(key(one), key(other));
    /* What is new comes first, then the same links side by side. */
    int new_one = one->change == CHANGE_NEW, new_other = other->change == CHANGE_NEW;
    order = order ? order : new_other - new_one;
    order = order ? order : compare_text(one->url, other->url);
    order = order ? order : (int)one->verdict - (int)other->verdict;
    order = order ? order : one->error.kind - other->error.kind;
    return order ? order : (one->n > other->n) - (one->n < other->n);
}

static int compare_groups(const void *a, const void *b) {
    const struct group *one = a, *other = b;
    int order = (one->count < other->count) - (one->count > other->count);
    return order ? order : strcmp(one->name, other->name);
}

/* False: memory is out, or there is nothing. Free it in any case. */
static bool group_by(struct grouping *grouping, const struct tally *tally, key_fn *key) {
    *grouping = (struct grouping){0};
    size_t room = tally->failure_count ? tally->failure_count : 1;
    grouping->list = calloc(room, sizeof *grouping->list);
    grouping->groups = calloc(room, sizeof *grouping->groups);
    if (!grouping->list || !grouping->groups) {
        return false;
    }
    for (size_t i = 0; i < tally->failure_count; i++) {
        if (is_bad(&tally->failures[i])) {
            grouping->list[grouping->count++] = &tally->failures[i];
        }
    }
    qsort_r(grouping->list, grouping->count, sizeof *grouping->list, compare_failures, &key);
    for (size_t i = 0; i < grouping->count; i++) {
        const char *name = key(grouping->list[i]);
        struct group *last = &grouping->groups[grouping->group_count];
        if (i > 0 && strcmp(last[-1].name, name) == 0) {
            last[-1].count++;
        } else {
            *last = (struct group){.name = name, .first = i, .count = 1};
            grouping->group_count++;
        }
    }
    qsort(grouping->groups, grouping->group_count, sizeof *grouping->groups, compare_groups);
    return grouping->count > 0;
}

static void group_free(struct grouping *grouping) {
    free(grouping->list);
    free(grouping->groups);
}

/* ---- broken links ------------------------------------------------------------------------------- */

/* How many from `first` on are of the same URL and end alike: one link, found in several places. */
static size_t same_link(const struct grouping *grouping, size_t first, size_t end) {
    const struct tally_failure *one = grouping->list[first];
    size_t i = first + 1;
    while (i < end && compare_text(grouping->list[i]->url, one->url) == 0 &&
           grouping->list[i]->verdict == one->verdict &&
           grouping->list[i]->error.kind == one->error.kind) {
        i++;
    }
    return i - first;
}

static void print_place(const struct summary *summary, const struct tally_failure *failure,
                        size_t places) {
    if (failure->source) {
        fputs("  (", summary->out);
        print_escaped(summary, failure->source);
        if (failure->line) {
            fprintf(summary->out, ":%llu", (unsigned long long)failure->line);
        }
        if (failure->line && failure->column) {
            fprintf(summary->out, ":%u", failure->column);
        }
        if (places > 1) {
            fprintf(summary->out, " and %zu more", places - 1);
        }
        fputc(')', summary->out);
    } else if (places > 1) {
        fprintf(summary->out, "  (%zu times)", places);
    }
}

/* `before` is the link above or NULL: what was said of that one is not said again. */
static void print_link(const struct summary *summary, const struct tally_failure *failure,
                       const struct tally_failure *before, size_t places) {
    char reason[FIGURE_BYTES];
    const char *kind = rf_error_kind(failure->error);
    bool is_status = strcmp(kind, "http-status") == 0 && failure->status;
    if (failure->verdict == RF_VERDICT_FLAKY && is_status) {
        snprintf(reason, sizeof reason, "%d, then %u", failure->error.detail, failure->status);
    } else if (failure->verdict == RF_VERDICT_FLAKY) {
        snprintf(reason, sizeof reason, "%s, then %u", kind, failure->status);
    } else if (is_status) {
        snprintf(reason, sizeof reason, "%u", failure->status);
    } else {
        snprintf(reason, sizeof reason, "%s", kind);
    }
    fputs("  ", summary->out);
    print_in(summary, colour_of(failure->verdict), rf_verdict_name(failure->verdict));
    fprintf(summary->out, " %s%s  ", reason, failure->change == CHANGE_NEW ? ", new" : "");
    print_escaped(summary, failure->url ? failure->url : "");
    print_place(summary, failure, places);
    fputc('\n', summary->out);
    bool is_said = before && compare_text(before->detail, failure->detail) == 0;
    if (failure->detail && !is_status && !is_said) {
        fputs("      ", summary->out);
        print_escaped(summary, failure->detail);
        fputc('\n', summary->out);
    }
}

/* How many results of the host there were; 0 where the tally does not know. */
static const struct tally_host *find_host(const struct tally *tally, const char *name) {
    for (size_t i = 0; i < tally->host_count; i++) {
        if (strcmp(tally->hosts[i].name, name) == 0) {
            return &tally->hosts[i];
        }
    }
    return NULL;
}

static void print_host_name(const struct summary *summary, const struct group *group) {
    const struct tally_host *host = find_host(summary->tally, group->name);
    print_escaped(summary, *group->name ? group->name : "(no host)");
    fputs(": ", summary->out);
    print_count(summary, group->count);
    if (host && !host->approximate && host->count >= group->count) {
        fputs(" of ", summary->out);
        print_count(summary, host->count);
    }
    fputc('\n', summary->out);
}

/* Returns how many failures were shown, several places of one link included. */
static size_t print_host(const struct summary *summary, const struct grouping *grouping,
                         const struct group *group, unsigned *lines_left) {
    size_t at = group->first, end = group->first + group->count;
    const struct tally_failure *before = NULL;
    print_host_name(summary, group);
    for (unsigned i = 0; at < end && i<GROUP_LINKS_MAX && * lines_left> 0; i++, --*lines_left) {
        size_t places = same_link(grouping, at, end);
        print_link(summary, grouping->list[at], before, places);
        before = grouping->list[at];
        at += places;
    }
    if (at < end) {
        fputs("  ... ", summary->out);
        print_count(summary, end - at);
        fputs(" more of this host\n", summary->out);
    }
    return at - group->first;
}

static void print_broken(const struct summary *summary) {
    struct grouping grouping;
    if (group_by(&grouping, summary->tally, host_key)) {
        unsigned lines_left = LINKS_MAX;
        size_t told = 0, i = 0;
        fputc('\n', summary->out);
        print_in(summary, "1", "Not well, by host");
        fputc('\n', summary->out);
        for (; i < grouping.group_count && lines_left > 0; i++) {
            print_host(summary, &grouping, &grouping.groups[i], &lines_left);
            told += grouping.groups[i].count;
        }
        uint64_t more = grouping.count - told + summary->tally->failures_dropped;
        if (more) {
            fputs("... ", summary->out);
            print_count(summary, more);
            fputs(" more are in the records\n", summary->out);
        }
    }
    group_free(&grouping);
}

static void print_files(const struct summary *summary) {
    struct grouping grouping;
    if (group_by(&grouping, summary->tally, source_key) && grouping.group_count > 1) {
        fputc('\n', summary->out);
        print_in(summary, "1", "Not well, by file");
        fputc('\n', summary->out);
        for (size_t i = 0; i < grouping.group_count && i < FILES_MAX; i++) {
            char number[FIGURE_BYTES];
            const struct group *group = &grouping.groups[i];
            fprintf(summary->out, "%9s  ", check_text_count(number, sizeof number, group->count));
            print_escaped(summary, *group->name ? group->name : "(no file)");
            fputc('\n', summary->out);
        }
        if (grouping.group_count > FILES_MAX) {
            fprintf(summary->out, "      ... %zu more files\n", grouping.group_count - FILES_MAX);
        }
    }
    group_free(&grouping);
}

/* ---- what changed ------------------------------------------------------------------------------- */

static void print_changes_of(const struct summary *summary, enum tally_change change) {
    unsigned told = 0;
    for (size_t i = 0; i < summary->tally->failure_count && told < CHANGES_MAX; i++) {
        const struct tally_failure *one = &summary->tally->failures[i];
        if (one->change != change) {
            continue;
        }
        told++;
        fprintf(summary->out, "  %s  ", tally_change_name(change));
        print_escaped(summary, one->url ? one->url : "");
        if (one->final_url && compare_text(one->final_url, one->url) != 0) {
            fputs(" -> ", summary->out);
            print_escaped(summary, one->final_url);
        }
        fprintf(summary->out, "  (%u)\n", one->status);
    }
    if (summary->tally->by_change[change] > told) {
        fputs("  ... ", summary->out);
        print_count(summary, summary->tally->by_change[change] - told);
        fprintf(summary->out, " more %s\n", tally_change_name(change));
    }
}

static void print_changes(const struct summary *summary) {
    const uint64_t *by = summary->tally->by_change;
    if (!summary->run->compared) {
        return;
    }
    fputc('\n', summary->out);
    print_in(summary, "1", "Since the earlier run");
    fprintf(summary->out, ": %llu new, %llu fixed, %llu changed, %llu still not well\n",
            (unsigned long long)by[CHANGE_NEW], (unsigned long long)by[CHANGE_FIXED],
            (unsigned long long)by[CHANGE_CHANGED], (unsigned long long)by[CHANGE_STILL]);
    print_changes_of(summary, CHANGE_FIXED);
    print_changes_of(summary, CHANGE_CHANGED);
}

/* ---- times and certificates --------------------------------------------------------------------- */

static void print_times(const struct summary *summary) {
    static const double percents[] = {50, 90, 99, 100};
    const struct tally *tally = summary->tally;
    if (rf_histogram_total(tally->phase[PHASE_TOTAL]) == 0) {
        return;
    }
    fputc('\n', summary->out);
    print_in(summary, "1", "Times         median       90%       99%       max");
    fputc('\n', summary->out);
    for (unsigned phase = 0; phase < PHASES; phase++) {
        if (rf_histogram_total(tally->phase[phase]) == 0) {
            continue;
        }
        fprintf(summary->out, "  %-8s", tally_phase_name(phase));
        for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
            char text[FIGURE_BYTES];
            uint64_t us = rf_histogram_percentile(tally->phase[phase], percents[i]);
            fprintf(summary->out, "%10s", check_text_ms(text, sizeof text, (double)us / 1000));
        }
        fputc('\n', summary->out);
    }
}

static void print_certificates(const struct summary *summary) {
    bool any = false;
    for (unsigned i = 0; i < CERTS_SOON; i++) {
        if (summary->tally->cert_days[i] == 0) {
            continue;
        }
        if (!any) {
            fputc('\n', summary->out);
            print_in(summary, "1", "Certificates by days left");
            fputc(':', summary->out);
        }
        fputs(any ? ", " : " ", summary->out);
        any = true;
        print_count(summary, summary->tally->cert_days[i]);
        fprintf(summary->out, " %s", tally_cert_bucket_name(i));
    }
    if (any) {
        fputc('\n', summary->out);
    }
}

/* ---- the head ----------------------------------------------------------------------------------- */

static void print_head(const struct summary *summary) {
    const struct tally *tally = summary->tally;
    char number[FIGURE_BYTES], text[64];
    double seconds = summary->run->seconds;
    print_count(summary, tally->total);
    fprintf(summary->out, " URL%s checked in %s", tally->total == 1 ? "" : "s",
            text_seconds(number, sizeof number, seconds > 0 ? seconds : 0));
    if (seconds >= 0.001) {
        fprintf(summary->out, " (%s/s)",
                text_count(number, sizeof number, (double)tally->total / seconds));
    }
    fputs(": ", summary->out);
    uint64_t cut_off = cancelled(tally), bad = tally->bad - cut_off;
    snprintf(text, sizeof text, "%s not well", check_text_count(number, sizeof number, bad));
    const char *well = tally->total ? "all well" : "nothing to check";
    print_in(summary, bad || cut_off ? "1;31" : "1;32", bad || cut_off ? text : well);
    if (summary->run->exit == RF_INTERRUPTED || summary->run->exit == RF_TERMINATED) {
        fputs("; interrupted before the end", summary->out);
    }
    if (cut_off) {
        fprintf(summary->out, ", with %s in flight",
                check_text_count(number, sizeof number, cut_off));
    }
    fputc('\n', summary->out);
}

static void print_verdicts(const struct summary *summary) {
    static const enum rf_verdict order[] = {RF_VERDICT_DEAD,    RF_VERDICT_FLAKY,
                                            RF_VERDICT_BLOCKED, RF_VERDICT_INCONCLUSIVE,
                                            RF_VERDICT_OK,      RF_VERDICT_SKIPPED};
    const struct tally *tally = summary->tally;
    const char *gap = "  ";
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint64_t count = tally->by_verdict[order[i]];
        if (count) {
            fputs(gap, summary->out);
            print_in(summary, colour_of(order[i]), rf_verdict_name(order[i]));
            fputc(' ', summary->out);
            print_count(summary, count);
            gap = ", ";
        }
    }
    if (tally->cached) {
        fputs(" (", summary->out);
        print_count(summary, tally->cached);
        fputs(" from the cache)", summary->out);
    }
    if (tally->total) {
        fputc('\n', summary->out);
    }
}

void check_summary(FILE *out, const struct check_run *run, bool colour) {
    struct summary summary = {.out = out, .colour = colour, .run = run, .tally = run->tally};
    print_head(&summary);
    print_verdicts(&summary);
    print_broken(&summary);
    print_files(&summary);
    print_changes(&summary);
    print_times(&summary);
    print_certificates(&summary);
}
