/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_text.c: figures and names as the page shows them. See bench_html.h. Pure; any thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

#include "text.h"

enum { ESCAPED_MAX = 2048 };

static const char unknown[] = "–";

void html_text(FILE *out, const char *text, size_t max) {
    char safe[ESCAPED_MAX];
    text_escape(safe, max + 1 < sizeof safe ? max + 1 : sizeof safe, text ? text : "");
    for (const char *at = safe; *at; at++) {
        switch (*at) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*at, out);
        }
    }
}

char *html_duration(double ns, char text[HTML_TEXT]) {
    if (!(ns >= 0) || !isfinite(ns)) {
        return strcpy(text, unknown);
    }
    bench_duration(ns, text);
    /* A page has the letter that a terminal may lack. */
    size_t length = strlen(text);
    if (length > 3 && strcmp(text + length - 3, " us") == 0) {
        strcpy(text + length - 2, "µs");
    }
    return text;
}

char *html_seconds(double seconds, char text[HTML_TEXT]) {
    if (!(seconds >= 0) || seconds > 1e9) {
        return strcpy(text, unknown);
    }
    unsigned whole = (unsigned)(seconds + 0.5);
    if (whole < 120) {
        snprintf(text, HTML_TEXT, "%.3g s", seconds);
    } else if (whole < 7200) {
        int used = snprintf(text, HTML_TEXT, "%u min", whole / 60);
        if (whole % 60) {
            snprintf(text + used, HTML_TEXT - (size_t)used, " %u s", whole % 60);
        }
    } else {
        int used = snprintf(text, HTML_TEXT, "%u h", whole / 3600);
        if (whole / 60 % 60) {
            snprintf(text + used, HTML_TEXT - (size_t)used, " %u min", whole / 60 % 60);
        }
    }
    return text;
}

char *html_count(uint64_t count, char text[HTML_TEXT]) {
    return bench_count(count, text);
}

char *html_rate(double rate, char text[HTML_TEXT]) {
    if (!(rate >= 0) || rate > 1e18) {
        return strcpy(text, unknown);
    }
    if (rate >= 99.95) {
        return bench_count((uint64_t)(rate + 0.5), text);
    }
    snprintf(text, HTML_TEXT, "%.3g", rate);
    return text;
}

char *html_share(double share, char text[HTML_TEXT]) {
    double percent = share * 100;
    if (!isfinite(percent)) {
        return strcpy(text, unknown);
    }
    if (percent > 0 && percent < 0.001) {
        return strcpy(text, "<\u00a00.001%");
    }
    if (percent < 100 && percent >= 99.95) {
        return strcpy(text, ">\u00a099.9%");
    }
    snprintf(text, HTML_TEXT, percent >= 99.95 || percent == 0 ? "%.0f%%" : "%.2g%%", percent);
    if (percent >= 9.95 && percent < 99.95) {
        snprintf(text, HTML_TEXT, "%.1f%%", percent);
    }
    return text;
}

char *html_change(double change, char text[HTML_TEXT]) {
    double percent = change * 100;
    if (!isfinite(percent)) {
        return strcpy(text, unknown);
    }
    if (change >= 9) {
        snprintf(text, HTML_TEXT, "×%.3g", change + 1);
        return text;
    }
    double size = fabs(percent);
    const char *sign = size < 0.005 ? "" : percent > 0 ? "+" : "−";
    snprintf(text, HTML_TEXT, size < 9.995 ? "%s%.2f%%" : "%s%.1f%%", sign, size);
    return text;
}

char *html_metric_change(enum rf_metric metric, double change, char text[HTML_TEXT]) {
    if (metric != RF_METRIC_ERRORS) {
        return html_change(change - 1, text);
    }
    if (!isfinite(change)) {
        return strcpy(text, unknown);
    }
    double points = fabs(change) * 100;
    snprintf(text, HTML_TEXT, "%s%.*f",
             points < 0.0005 ? ""
             : change > 0    ? "+"
                             : "−",
             points < 0.1     ? 3
             : points < 9.995 ? 2
                              : 1,
             points);
    return text;
}

double html_percentile(const struct rf_histogram *histogram, double percent) {
    if (!histogram || rf_histogram_total(histogram) == 0) {
        return NAN;
    }
    return (double)rf_histogram_percentile(histogram, percent);
}

double html_mean(const struct rf_histogram *histogram) {
    return histogram && rf_histogram_total(histogram) ? rf_histogram_mean(histogram) : NAN;
}

double html_cpu_ns(const struct rf_load_figures *figures) {
    double cpu_s = figures->cpu_user_s + figures->cpu_system_s;
    return figures->requests ? cpu_s * 1e9 / (double)figures->requests : NAN;
}

double html_error_share(const struct rf_load_figures *figures) {
    return figures->requests ? (double)figures->errors / (double)figures->requests : NAN;
}
