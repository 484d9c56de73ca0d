/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_plot.c: the frame of a chart, its lines, legend and table. Across, everything is in percent of the drawing's width, but
 * for paths, which know no percents: they lie in a drawing of their own that is stretched, its strokes not. See bench_html.h.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

static const char *seen_class(const struct html_tick *tick) {
    return tick->seen == HTML_WIDE ? " wide" : "";
}

static void put_axes(FILE *out, const struct html_plot *plot) {
    for (unsigned i = 0; i < plot->y.count; i++) {
        const struct html_tick *tick = &plot->y.tick[i];
        double y = (1 - tick->at) * HTML_PLOT_HEIGHT;
        fprintf(out, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", y, y);
        if (tick->seen != HTML_NEVER) {
            fprintf(
                out,
                "<text class=\"muted end\" x=\"0\" dx=\"-8\" y=\"%.1f\" dy=\".35em\">%s</text>\n",
                y, tick->label);
        }
    }
    for (unsigned i = 0; i < plot->x.count; i++) {
        const struct html_tick *tick = &plot->x.tick[i];
        double x = tick->at * 100;
        fprintf(out, "<line class=\"grid\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"%d\"/>", x, x,
                HTML_PLOT_HEIGHT + 5);
        if (tick->seen != HTML_NEVER) {
            fprintf(out, "<text class=\"muted middle%s\" x=\"%.3f%%\" y=\"%d\">%s</text>\n",
                    seen_class(tick), x, HTML_PLOT_HEIGHT + 20, tick->label);
        }
    }
}

void html_plot_begin(FILE *out, const struct html_plot *plot) {
    fprintf(out, "<figure class=\"chart\">\n<figcaption><h3>%s</h3><p>%s</p></figcaption>\n",
            plot->title, plot->note);
    fputs("<div class=\"plot\"><svg class=\"area\" role=\"img\" aria-label=\"", out);
    html_text(out, plot->label, 1000);
    fprintf(out, "\" width=\"100%%\" height=\"%d\">\n", HTML_PLOT_HEIGHT);
    put_axes(out, plot);
    fprintf(
        out,
        "<svg class=\"lines\" x=\"0\" y=\"0\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "preserveAspectRatio=\"none\">\n",
        HTML_PLOT_HEIGHT, HTML_PLOT_WIDTH, HTML_PLOT_HEIGHT);
}

void html_plot_end(FILE *out) {
    fputs("</svg></svg></div>\n", out);
}

void html_plot_close(FILE *out) {
    fputs("</figure>\n", out);
}

/* ---- lines -------------------------------------------------------------------------------------------- */

void html_line_begin(struct html_pen *pen, FILE *out, const struct html_plot *plot,
                     const char *css) {
    *pen = (struct html_pen){.out = out, .plot = plot};
    fprintf(out, "<path class=\"line %s\" d=\"", css);
}

void html_line_to(struct html_pen *pen, double x, double y) {
    if (isnan(x) || isnan(y)) {
        /* A point alone would not be seen: it becomes a dash. */
        fputs(pen->dot ? "m-12 0h24" : "", pen->out);
        pen->down = pen->dot = false;
        return;
    }
    fprintf(pen->out, "%c%.1f %.1f", pen->down ? 'L' : 'M',
            html_axis_at(&pen->plot->x, x) * HTML_PLOT_WIDTH,
            (1 - html_axis_at(&pen->plot->y, y)) * HTML_PLOT_HEIGHT);
    pen->dot = !pen->down;
    pen->down = true;
}

void html_line_end(struct html_pen *pen) {
    html_line_to(pen, NAN, NAN);
    fputs("\"/>\n", pen->out);
}

void html_legend(FILE *out, const struct html_key *key, size_t count) {
    fputs("<div class=\"keys\" aria-hidden=\"true\">", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out,
                "<span><svg class=\"key\" width=\"28\" height=\"12\"><path class=\"line %s\" "
                "d=\"M2 6H26\"/></svg>",
                key[i].css);
        html_text(out, key[i].text, sizeof key[i].text);
        fputs("</span>", out);
    }
    fputs("</div>\n", out);
}

/* ---- tables ------------------------------------------------------------------------------------------- */

void html_table_begin(FILE *out, const char *caption, bool folded) {
    fputs(folded ? "<details><summary>As a table</summary>" : "", out);
    fprintf(out,
            "<div class=\"table-box\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
            "<table class=\"plot-table\">\n<caption class=\"visually-hidden\">%s</caption>\n",
            caption, caption);
}

void html_table_head(FILE *out, const char *const *column, size_t count) {
    fputs("<thead><tr>", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<th scope=\"col\">%s</th>", column[i]);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

void html_table_end(FILE *out, bool folded) {
    fprintf(out, "</tbody></table></div>%s\n", folded ? "</details>" : "");
}

void html_row_begin(FILE *out, double at, const char *name) {
    fputs("<tr", out);
    if (!isnan(at)) {
        fprintf(out, " data-x=\"%.4f\"", at);
    }
    fprintf(out, "><th scope=\"row\">%s</th>", name);
}

void html_cell(FILE *out, const char *text) {
    fputs("<td>", out);
    html_text(out, text, 200);
    fputs("</td>", out);
}
