/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_text.c: figures and names as the page shows them. See bench_html.h. Pure; any thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

#include "bench_text.h"
#include "text.h"

enum { ESCAPED_MAX = 2048 };

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

/* The letters that a page has and a terminal may lack: a dash, a minus sign, a micro. */
static char *pretty(char text[HTML_TEXT]) {
    static const struct {
        const char *plain, *better;
    } letters[] = {{" .. ", " to "}, {" us", " µs"}, {"-", "−"}};
    char plain[HTML_TEXT];
    size_t used = 0;
    memcpy(plain, text, HTML_TEXT);
    if (strcmp(plain, "-") == 0) {
        return strcpy(text, "–");
    }
    for (const char *at = plain; *at;) {
        size_t i = 0;
        while (i < 3 && strncmp(at, letters[i].plain, strlen(letters[i].plain)) != 0) {
            i++;
        }
        if (i < 3) {
            used = text_add(text, HTML_TEXT, used, "%s", letters[i].better);
            at += strlen(letters[i].plain);
        } else {
            used = text_add(text, HTML_TEXT, used, "%c", *at++);
        }
    }
    return text;
}

char *html_duration(double ns, char text[HTML_TEXT]) {
    bench_duration(ns, text);
    return pretty(text);
}

char *html_seconds(double seconds, char text[HTML_TEXT]) {
    if (!(seconds >= 0) || seconds > 1e9) {
        return strcpy(text, "–");
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
    bench_rate(rate, text);
    text[strcspn(text, "/")] = '\0';
    return pretty(text);
}

char *html_bytes(double bytes, char text[HTML_TEXT]) {
    return pretty(bench_bytes(bytes, text));
}

char *html_share(double share, char text[HTML_TEXT]) {
    return pretty(bench_share(share, text));
}

char *html_change(enum rf_metric metric, double change, char text[HTML_TEXT]) {
    return pretty(bench_change(metric, change, text));
}

char *html_interval(enum rf_metric metric, double low, double high, char text[HTML_TEXT]) {
    return pretty(bench_interval(metric, low, high, text));
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
