/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_table.c: the live table as text; see check_table.h. How many lines there are depends on the terminal alone, and every
 * figure has its column, so that nothing jumps while the run goes on. Pure but for the tally's lock; the progress
 * thread. Rejected: a list of the latest failures, which nobody can read at a thousand a second; the summary has them.
 */
#include "check_table.h"

#include <stdio.h>
#include <string.h>

#include "check_text.h"
#include "text.h"

enum {
    ROWS_MIN = 8,      /* fewer: one line */
    COLUMNS_MAX = 120, /* wider is harder to read */
    LINE_BYTES = 512,
    FIGURE_BYTES = 32,
    HOSTS_MAX = 10,
    KINDS_SHOWN = 6, /* beside as many verdicts */
    GAP = 3,
    HALF_MIN = 36, /* what a half of the table needs */
    DAY_S = 86400
};

static const enum rf_verdict verdicts[] = {RF_VERDICT_OK,      RF_VERDICT_DEAD,
                                           RF_VERDICT_FLAKY,   RF_VERDICT_BLOCKED,
                                           RF_VERDICT_SKIPPED, RF_VERDICT_INCONCLUSIVE};
enum { VERDICT_ROWS = sizeof verdicts / sizeof *verdicts };

/* The table as it grows, and what it is of. */
struct table {
    char *out;
    size_t size, used;
    unsigned columns, half, rows; /* rows still free */
    bool is_begun;
    const struct tally *tally;
    const struct rf_progress *now;
    const struct progress_pace *pace;
};

static void add_row(struct table *table, const char *left, const char *right) {
    char line[2 * LINE_BYTES];
    if (table->rows == 0) {
        return;
    }
    table->rows--;
    if (right) {
        snprintf(line, sizeof line, "%-*s%*s%s", (int)table->half, left, GAP, "", right);
    } else {
        snprintf(line, sizeof line, "%s", left);
    }
    size_t length = strlen(line);
    length = length < table->columns ? length : table->columns;
    while (length > 0 && line[length - 1] == ' ') {
        length--;
    }
    table->used = text_add(table->out, table->size, table->used, "%s%.*s",
                           table->is_begun ? "\n" : "", (int)length, line);
    table->is_begun = true;
}

/* ---- how far, how fast -------------------------------------------------------------------------- */

/* Seconds until the end at today's speed; negative where nobody knows. */
static double seconds_left(const struct table *table) {
    const struct rf_progress *now = table->now;
    if (!now->input_ended || table->pace->done_per_s <= 0 || now->queued < now->done) {
        return -1;
    }
    double left = (double)(now->queued - now->done) / table->pace->done_per_s;
    return left < 100.0 * DAY_S ? left : -1;
}

static char *clock_or_none(char *out, size_t size, double seconds) {
    if (seconds < 0) {
        snprintf(out, size, "--:--");
        return out;
    }
    return text_clock(out, size, seconds);
}

static void add_headline(struct table *table) {
    char line[LINE_BYTES], done[FIGURE_BYTES], of[FIGURE_BYTES], share[FIGURE_BYTES],
        rate[FIGURE_BYTES], flying[FIGURE_BYTES];
    const struct rf_progress *now = table->now;
    check_text_count(of, sizeof of, now->queued);
    check_text_share(share, sizeof share, now->done, now->queued);
    size_t used =
        text_add(line, sizeof line, 0, "%11s of %s%s checked",
                 check_text_count(done, sizeof done, now->done), of, now->input_ended ? "" : "+");
    used = text_add(line, sizeof line, used, "%*s%6s", used < 35 ? 35 - (int)used : 1, "",
                    now->input_ended ? share : "");
    used = text_add(line, sizeof line, used, "  %8s/s",
                    text_count(rate, sizeof rate, table->pace->done_per_s));
    text_add(line, sizeof line, used, "  %10s in flight",
             check_text_count(flying, sizeof flying, now->in_flight));
    add_row(table, line, NULL);
}

/* All that is left has failed once and is asked again, or is on its way. */
static bool is_confirming(const struct rf_progress *now) {
    return now->input_ended && now->unconfirmed &&
           now->done + now->unconfirmed + now->in_flight >= now->queued;
}

static void add_times(struct table *table) {
    char line[LINE_BYTES], number[FIGURE_BYTES];
    const struct rf_progress *now = table->now;
    size_t used = text_add(line, sizeof line, 0, "%11s elapsed",
                           text_clock(number, sizeof number, now->seconds));
    used = text_add(line, sizeof line, used, "%9s left",
                    clock_or_none(number, sizeof number, seconds_left(table)));
    if (table->tally->cached) {
        used = text_add(line, sizeof line, used, "%11s cached",
                        check_text_count(number, sizeof number, table->tally->cached));
    }
    if (now->unconfirmed) {
        text_add(line, sizeof line, used, "%11s %s",
                 check_text_count(number, sizeof number, now->unconfirmed),
                 is_confirming(now) ? "left to confirm" : "to confirm at the end");
    }
    add_row(table, line, NULL);
}

/* ---- verdicts and kinds of errors --------------------------------------------------------------- */

/* What is still to be confirmed has failed all the same, and people want to know how. */
static uint64_t kind_count(const struct table *table, unsigned kind) {
    return table->tally->by_kind[kind] + table->now->unconfirmed_by_kind[kind];
}

/* The kind that comes after (`count`, `kind`) in the order "more first, then by number"; 0: none. */
static unsigned next_kind(const struct table *table, uint64_t count, unsigned kind) {
    unsigned best = 0;
    for (unsigned k = 1; k < RF_KINDS_MAX; k++) {
        uint64_t here = kind_count(table, k);
        bool after = here < count || (here == count && k > kind);
        if (here && after && (!best || here > kind_count(table, best))) {
            best = k;
        }
    }
    return best;
}

/* "dead            2,345    1.9%" in a half of the table. */
static void figure_row(const struct table *table, char *out, size_t size, const char *name,
                       uint64_t count, uint64_t of) {
    char number[FIGURE_BYTES], share[FIGURE_BYTES];
    int width = (int)table->half - 20;
    snprintf(out, size, "%-*.*s%12s%8s", width, width, name,
             check_text_count(number, sizeof number, count),
             check_text_share(share, sizeof share, count, of));
}

static void kind_rows(const struct table *table, char out[KINDS_SHOWN][LINE_BYTES]) {
    uint64_t count = UINT64_MAX, rest = 0, of = table->tally->total + table->now->unconfirmed;
    unsigned kind = 0;
    for (unsigned i = 0; i < KINDS_SHOWN; i++) {
        out[i][0] = '\0';
        kind = next_kind(table, count, kind);
        count = kind ? kind_count(table, kind) : 0;
        if (kind) {
            const char *name = rf_kind_name(kind);
            figure_row(table, out[i], LINE_BYTES, name ? name : "unknown", count, of);
        } else {
            count = 0;
            kind = RF_KINDS_MAX;
        }
    }
    unsigned next = next_kind(table, count, kind);
    if (next) { /* the last row is then of all others */
        rest = kind_count(table, kind);
        for (; next; next = next_kind(table, kind_count(table, next), next)) {
            rest += kind_count(table, next);
        }
        figure_row(table, out[KINDS_SHOWN - 1], LINE_BYTES, "(others)", rest, of);
    }
}

static void add_verdicts(struct table *table, bool both) {
    char left[LINE_BYTES], right[LINE_BYTES], kinds[KINDS_SHOWN][LINE_BYTES];
    int width = (int)table->half - 20;
    snprintf(left, sizeof left, "%-*s%12s%8s", width, "VERDICT", "COUNT", "SHARE");
    snprintf(right, sizeof right, "%-*s%12s%8s", width, "ERROR", "COUNT", "SHARE");
    add_row(table, left, both ? right : NULL);
    kind_rows(table, kinds);
    for (unsigned i = 0; i < VERDICT_ROWS; i++) {
        figure_row(table, left, sizeof left, rf_verdict_name(verdicts[i]),
                   table->tally->by_verdict[verdicts[i]], table->tally->total);
        add_row(table, left, both ? kinds[i] : NULL);
    }
}

/* ---- hosts -------------------------------------------------------------------------------------- */

static void worst_row(const struct table *table, char *out, size_t size,
                      const struct tally_host *host) {
    char name[LINE_BYTES], bad[FIGURE_BYTES], of[FIGURE_BYTES];
    unsigned width = table->half - 18;
    snprintf(
        out, size, "%-*s%9s%9s", (int)width, check_text_host(name, sizeof name, width, host->name),
        check_text_count(bad, sizeof bad, host->bad), check_text_count(of, sizeof of, host->count));
}

static void slowest_row(const struct table *table, char *out, size_t size,
                        const struct tally_host *host) {
    char name[LINE_BYTES], mean[FIGURE_BYTES], max[FIGURE_BYTES];
    unsigned width = table->half - 18;
    snprintf(out, size, "%-*s%9s%9s", (int)width,
             check_text_host(name, sizeof name, width, host->name),
             check_text_ms(mean, sizeof mean, host->ms_sum / (double)host->timed),
             check_text_ms(max, sizeof max, host->ms_max));
}

static void add_hosts(struct table *table, bool both) {
    char left[LINE_BYTES], right[LINE_BYTES];
    size_t worst[HOSTS_MAX], slowest[HOSTS_MAX];
    const struct tally *tally = table->tally;
    size_t worst_count = tally_worst_hosts(tally, worst, HOSTS_MAX);
    size_t slowest_count = tally_slowest_hosts(tally, slowest, HOSTS_MAX);
    int width = (int)table->half - 18;
    add_row(table, "", NULL);
    snprintf(left, sizeof left, "%-*s%9s%9s", width, "WORST HOSTS", "NOT WELL", "OF");
    snprintf(right, sizeof right, "%-*s%9s%9s", width, "SLOWEST HOSTS", "MEAN", "MAX");
    add_row(table, left, both ? right : NULL);
    for (size_t i = 0; i < HOSTS_MAX; i++) {
        left[0] = right[0] = '\0';
        if (i < worst_count) {
            worst_row(table, left, sizeof left, &tally->hosts[worst[i]]);
        }
        if (i < slowest_count && tally->hosts[slowest[i]].timed) {
            slowest_row(table, right, sizeof right, &tally->hosts[slowest[i]]);
        }
        add_row(table, left, both ? right : NULL);
    }
}

/* ---- one line ----------------------------------------------------------------------------------- */

/* Adds a part if all of it fits. */
static void add_part(struct table *table, const char *part) {
    size_t gap = table->used ? 2 : 0, length = strlen(part);
    if (table->used + gap + length <= table->columns) {
        table->used = text_add(table->out, table->size, table->used, "%*s%s", (int)gap, "", part);
    }
}

static void add_line(struct table *table) {
    char part[LINE_BYTES], number[FIGURE_BYTES];
    const struct rf_progress *now = table->now;
    size_t used = text_add(part, sizeof part, 0, "%llu", (unsigned long long)now->done);
    if (now->input_ended) {
        text_add(part, sizeof part, used, "/%llu %u%%", (unsigned long long)now->queued,
                 (unsigned)(now->queued ? 100.0 * (double)now->done / (double)now->queued : 100));
    } else {
        text_add(part, sizeof part, used, " checked");
    }
    add_part(table, part);
    for (unsigned i = 0; i < VERDICT_ROWS; i++) {
        uint64_t count = table->tally->by_verdict[verdicts[i]];
        if (count && verdicts[i] != RF_VERDICT_OK) {
            snprintf(part, sizeof part, "%s %llu", rf_verdict_name(verdicts[i]),
                     (unsigned long long)count);
            add_part(table, part);
        }
    }
    snprintf(part, sizeof part, "%s/s", text_count(number, sizeof number, table->pace->done_per_s));
    add_part(table, part);
    double left = seconds_left(table);
    if (left >= 0) {
        snprintf(part, sizeof part, "ETA %s", text_clock(number, sizeof number, left));
        add_part(table, part);
    }
    snprintf(part, sizeof part, "%llu in flight", (unsigned long long)now->in_flight);
    add_part(table, part);
    if (now->unconfirmed) {
        snprintf(part, sizeof part, "%llu to confirm", (unsigned long long)now->unconfirmed);
        add_part(table, part);
    }
}

/* Rows are spent in the order of their worth: verdicts, times, hosts, and air between them. */
static void add_block(struct table *table) {
    bool both = table->columns >= 2 * HALF_MIN + GAP;
    table->half = both ? (table->columns - GAP) / 2 : table->columns;
    unsigned fixed = 2 + VERDICT_ROWS;
    bool with_times = table->rows > fixed, with_hosts = table->rows >= fixed + 4;
    bool with_air = table->rows >= fixed + 6;
    add_headline(table);
    if (with_times) {
        add_times(table);
    }
    if (with_air) {
        add_row(table, "", NULL);
    }
    add_verdicts(table, both);
    if (with_hosts) {
        add_hosts(table, both);
    }
}

char *check_table(char *out, size_t size, unsigned columns, unsigned rows, struct tally *tally,
                  const struct rf_progress *now, const struct progress_pace *pace) {
    struct table table = {.out = out,
                          .size = size,
                          .columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX,
                          .rows = rows,
                          .tally = tally,
                          .now = now,
                          .pace = pace};
    out[0] = '\0';
    pthread_mutex_lock(&tally->lock);
    if (rows < ROWS_MIN || columns < HALF_MIN) {
        table.columns = columns;
        add_line(&table);
    } else {
        add_block(&table);
    }
    pthread_mutex_unlock(&tally->lock);
    return out;
}
