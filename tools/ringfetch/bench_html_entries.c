/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_entries.c: what each of several requests came to. Of more than a page should hold those with errors are kept, then the
 * slowest. The page's script makes the table sortable: a cell that isn't text has its value in data-value. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 1000, NAME_BYTES = 200 };

struct entry {
    const struct rf_load_entry *entry;
    const struct html_side *side;
    double p99;
    size_t serial; /* in the order they were given */
};

/* ---- which ---------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b) {
    const struct entry *one = a, *other = b;
    if ((one->entry->errors > 0) != (other->entry->errors > 0)) {
        return one->entry->errors > 0 ? -1 : 1;
    }
    double first = isnan(one->p99) ? -1 : one->p99, second = isnan(other->p99) ? -1 : other->p99;
    if (first != second) {
        return first > second ? -1 : 1;
    }
    return one->serial < other->serial ? -1 : 1;
}

static int by_serial(const void *a, const void *b) {
    const struct entry *one = a, *other = b;
    return one->serial < other->serial ? -1 : one->serial > other->serial;
}

static size_t count_entries(const struct bench_html *html) {
    size_t count = 0;
    for (unsigned i = 0; i < html->sides; i++) {
        count += html->side[i].figures->entry_count;
    }
    return count;
}

static void collect(const struct bench_html *html, struct entry *entries, size_t count) {
    size_t at = 0;
    for (unsigned i = 0; i < html->sides; i++) {
        const struct html_side *side = &html->side[i];
        for (size_t k = 0; k < side->figures->entry_count; k++) {
            const struct rf_load_entry *entry = &side->figures->entry[k];
            /* A's and B's of one line stand together. */
            entries[at++] =
                (struct entry){entry, side, html_percentile(entry->latency, 99), k * RF_SIDES + i};
        }
    }
    if (count > ENTRIES_MAX) {
        qsort(entries, count, sizeof *entries, by_weight);
    }
    qsort(entries, count < ENTRIES_MAX ? count : ENTRIES_MAX, sizeof *entries, by_serial);
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

static void put_number(FILE *out, double value, const char *text) {
    fprintf(out, "<td data-value=\"%.9g\">", isnan(value) ? -1 : value);
    html_text(out, text, HTML_TEXT);
    fputs("</td>", out);
}

static void put_entry(const struct bench_html *html, const struct entry *row) {
    const struct rf_load_entry *entry = row->entry;
    static const double percents[] = {50, 90, 99, 100};
    char text[HTML_TEXT], name[NAME_BYTES];
    double share = entry->requests ? (double)entry->errors / (double)entry->requests : 0;
    fputs("<tr><th scope=\"row\">", html->out);
    html_text(html->out, bench_entry_name(entry, name, sizeof name), sizeof name);
    fputs("</th>", html->out);
    if (html->sides > 1) {
        fprintf(html->out, "<td><span class=\"tag %s\">%s</span></td>", row->side->mark,
                row->side->name);
    }
    snprintf(text, sizeof text, "%.4g", entry->weight);
    put_number(html->out, entry->weight, text);
    put_number(html->out, (double)entry->requests, html_count(entry->requests, text));
    put_number(html->out, (double)entry->errors, html_count(entry->errors, text));
    put_number(html->out, share, html_share(share, text));
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        double value = html_percentile(entry->latency, percents[i]);
        put_number(html->out, value, html_duration(value, text));
    }
    fputs("</tr>\n", html->out);
}

static void put_table(const struct bench_html *html, const struct entry *entries, size_t count) {
    static const char *const column[] = {"Request",     "Side", "Weight", "Requests", "Errors",
                                         "Error share", "p50",  "p90",    "p99",      "Max"};
    enum { COLUMNS = sizeof column / sizeof *column };
    const char *shown[COLUMNS];
    size_t columns = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i != 1 || html->sides > 1) {
            shown[columns++] = column[i];
        }
    }
    html_table_begin(html->out, "Requests", false);
    html_table_head(html->out, shown, columns);
    for (size_t i = 0; i < count; i++) {
        put_entry(html, &entries[i]);
    }
    html_table_end(html->out, false);
}

bool bench_html_entries(const struct bench_html *html) {
    size_t count = count_entries(html), written = count < ENTRIES_MAX ? count : ENTRIES_MAX;
    if (count <= html->sides) {
        return true;
    }
    struct entry *entries = calloc(count, sizeof *entries);
    if (!entries) {
        return false;
    }
    collect(html, entries, count);
    fputs("<section class=\"card entries\" id=\"entries\">\n<h2>Requests</h2>\n", html->out);
    if (written < count) {
        char all[HTML_TEXT], some[HTML_TEXT];
        fprintf(html->out, "<p class=\"note\">%s of %s: those with errors, then the slowest.</p>\n",
                html_count(written, some), html_count(count, all));
    }
    put_table(html, entries, written);
    fputs("</section>\n", html->out);
    free(entries);
    return true;
}
