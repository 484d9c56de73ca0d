/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html.c: --html: one page that holds all it needs, may load nothing and run nothing but its own script, and says everything without
 * it. Its frame is page/bench.html, its look the check report's and page/bench.css. Main thread.
 */
#include "bench_html.h"

#include <errno.h>
#include <string.h>

#include "check_html_page.h"

static void set_sides(struct bench_html *html, const struct bench_run *run) {
    if (run->side[RF_SIDE_B]) {
        html->side[0] = (struct html_side){"A", "A", "a", run->side[RF_SIDE_A]};
        html->side[1] = (struct html_side){"B", "B", "b", run->side[RF_SIDE_B]};
        html->sides = 2;
    } else if (run->baseline) {
        html->side[0] = (struct html_side){"Baseline", "Base", "old", run->baseline};
        html->side[1] = (struct html_side){"This run", "Now", "a", run->side[RF_SIDE_A]};
        html->sides = 2;
    } else {
        html->side[0] = (struct html_side){"This run", "Now", "a", run->side[RF_SIDE_A]};
        html->sides = 1;
    }
}

static void put_title(const struct bench_html *html) {
    char headline[200], url[200];
    bench_html_headline(html, headline, sizeof headline);
    fprintf(html->out, "%s – ", headline);
    html_text(html->out, bench_url(html->run->side[RF_SIDE_A]->url, url, sizeof url), sizeof url);
    fputs(" – ringfetch bench", html->out);
}

static bool put_body(const struct bench_html *html) {
    bench_html_head(html);
    bench_html_compare(html);
    bench_html_thresholds(html);
    fputs("<section aria-labelledby=\"charts-title\">\n<h2 id=\"charts-title\" "
          "class=\"visually-hidden\">Charts</h2>\n"
          "<div class=\"graphs\">\n",
          html->out);
    bench_html_percentiles(html);
    bench_html_histogram(html);
    bool whole = bench_html_times(html);
    fputs("</div></section>\n", html->out);
    whole = bench_html_entries(html) && whole;
    bench_html_tables(html);
    fputs("</main>\n<footer>Written by ringfetch ", html->out);
    html_text(html->out, html->run->fingerprint.version, 100);
    fputs(".</footer>\n", html->out);
    return whole;
}

bool bench_html_write(FILE *file, const struct bench_run *run) {
    struct bench_html html = {.out = file, .run = run};
    struct page page;
    set_sides(&html, run);
    page_begin(&page);
    page.at = bench_page_html;
    /* The template's gaps that this report fills in, in their order. */
    page_copy(&page, file);
    put_title(&html);
    page_copy(&page, file);
    fputs(bench_page_css, file);
    page_copy(&page, file);
    bool whole = put_body(&html);
    page_copy(&page, file);
    fputs(bench_page_js, file);
    page_copy(&page, file);
    if (!whole) {
        errno = ENOMEM;
        return false;
    }
    return fflush(file) == 0 && !ferror(file);
}
