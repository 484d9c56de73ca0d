/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html.c: --html: one page that holds all it needs. Rows stream into the file as results come (check_html_rows.c), between the
 * parts of the page (check_html_page.c); the totals stand at its end (check_html_run.c). Opened and closed on the main
 * thread; results come on workers' threads, one at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_html_page.h"
#include "check_html_rows.h"
#include "check_html_run.h"
#include "check_reports.h"

struct html {
    struct report_file file;
    struct page page;
    struct html_rows rows;
};

static void html_discard(void *report) {
    struct html *html = report;
    report_file_discard(&html->file);
    html_rows_deinit(&html->rows);
    free(html);
}

static bool refuse(struct html *html, const char *path, char *why, size_t why_size) {
    snprintf(why, why_size, "%s: %s", path, strerror(errno));
    html_discard(html);
    return false;
}

static bool html_open(void **report, const char *path, char *why, size_t why_size) {
    struct html *html = calloc(1, sizeof *html);
    *report = NULL;
    if (!html || !report_file_open(&html->file, path, why, why_size)) {
        if (!html) {
            snprintf(why, why_size, "%s: %s", path, strerror(ENOMEM));
        }
        free(html);
        return false;
    }
    if (!html_rows_init(&html->rows, html->file.out)) {
        return refuse(html, path, why, why_size);
    }
    page_begin(&html->page);
    page_copy(&html->page, html->file.out);
    /* A full disk shows now rather than after hours. */
    if (fflush(html->file.out) != 0) {
        return refuse(html, path, why, why_size);
    }
    *report = html;
    return true;
}

static void html_add(void *report, const struct rf_result *result) {
    struct html *html = report;
    html_rows_add(&html->rows, result);
}

static bool html_close(void *report, const struct check_run *run, char *why, size_t why_size) {
    struct html *html = report;
    FILE *out = html->file.out;
    html_rows_finish(&html->rows);
    page_copy(&html->page, out);
    errno = ENOMEM;
    if (!html_run(out, run, &html->rows.count)) {
        return refuse(html, html->file.path, why, why_size);
    }
    page_copy(&html->page, out);
    bool whole = report_file_close(&html->file, why, why_size);
    html_rows_deinit(&html->rows);
    free(html);
    return whole;
}

const struct report_ops report_html = {.option = "html",
                                       .open = html_open,
                                       .add = html_add,
                                       .close = html_close,
                                       .discard = html_discard};
