/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_html_tables.c: the rest of the figures, as tables: durations by phase, totals, statuses, errors by kind, the machine and the
 * options. See bench_html.h. Main thread.
 */
#include "bench_html.h"

#include <math.h>
#include <string.h>

static void open_card(const struct bench_html *html, const char *title, bool wide) {
    fprintf(html->out, "<section class=\"card%s\">\n<h2>%s</h2>\n", wide ? " across" : "", title);
    html_table_begin(html->out, title, false);
}

static void close_card(const struct bench_html *html) {
    html_table_end(html->out, false);
    fputs("</section>\n", html->out);
}

/* The first column, and one a side. */
static void put_head(const struct bench_html *html, const char *first, const char *only) {
    const char *column[1 + RF_SIDES] = {first};
    for (unsigned i = 0; i < html->sides; i++) {
        column[1 + i] = html->sides > 1 ? html->side[i].name : only;
    }
    html_table_head(html->out, column, 1 + html->sides);
}

/* ---- durations ------------------------------------------------------------------------------------------- */

enum { PHASES = 6 };

static const struct rf_histogram *phase_of(const struct rf_load_figures *figures, int phase) {
    const struct rf_histogram *const all[PHASES] = {figures->latency, figures->raw,
                                                    figures->slip,    figures->first_byte,
                                                    figures->connect, figures->tls};
    return all[phase];
}

static void put_phase(const struct bench_html *html, const struct html_side *side, const char *name,
                      const struct rf_histogram *histogram) {
    static const double percents[] = {50, 75, 90, 95, 99, 99.9, 99.99, 100};
    char title[120], text[HTML_TEXT];
    snprintf(title, sizeof title, "%s%s%s", html->sides > 1 ? side->name : "",
             html->sides > 1 ? ": " : "", name);
    html_row_begin(html->out, NAN, title);
    html_cell(html->out, html_count(rf_histogram_total(histogram), text));
    html_cell(html->out, html_duration((double)rf_histogram_min(histogram), text));
    html_cell(html->out, html_duration(html_mean(histogram), text));
    html_cell(html->out, html_duration(rf_histogram_deviation(histogram), text));
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        html_cell(html->out, html_duration(html_percentile(histogram, percents[i]), text));
    }
    fputs("</tr>\n", html->out);
}

static void put_durations(const struct bench_html *html) {
    static const char *const column[] = {"Time", "Count", "Min", "Mean",  "Deviation", "p50", "p75",
                                         "p90",  "p95",   "p99", "p99.9", "p99.99",    "Max"};
    static const char *const name[PHASES] = {"Latency",          "Latency since it was sent",
                                             "Late on schedule", "First byte",
                                             "Connect",          "TLS handshake"};
    open_card(html, "Times", true);
    html_table_head(html->out, column, sizeof column / sizeof *column);
    for (int phase = 0; phase < PHASES; phase++) {
        for (unsigned i = 0; i < html->sides; i++) {
            const struct html_side *side = &html->side[i];
            const struct rf_histogram *histogram = phase_of(side->figures, phase);
            if (histogram && rf_histogram_total(histogram)) {
                bool corrected = phase == 0 && side->figures->raw;
                put_phase(html, side, corrected ? "Latency since it was due" : name[phase],
                          histogram);
            }
        }
    }
    close_card(html);
}

/* ---- totals ---------------------------------------------------------------------------------------------- */

typedef char *total_fn(const struct rf_load_figures *figures, char text[HTML_TEXT]);

static char *bytes_of(uint64_t bytes, char text[HTML_TEXT]) {
    return html_bytes((double)bytes, text);
}
static char *requests(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_count(figures->requests, text);
}
static char *errors(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_count(figures->errors, text);
}
static char *seconds(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_seconds(figures->seconds, text);
}
static char *rps(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_rate(figures->rps, text);
}
static char *rps_scheduled(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return figures->rps_scheduled > 0 ? html_rate(figures->rps_scheduled, text) : NULL;
}
static char *received(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return bytes_of(figures->received_bytes, text);
}
static char *received_rate(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    if (!(figures->seconds > 0)) {
        return NULL;
    }
    html_bytes((double)figures->received_bytes / figures->seconds, text);
    return strcat(text, "/s");
}
static char *bodies(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return bytes_of(figures->body_bytes, text);
}
static char *sent(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return bytes_of(figures->sent_bytes, text);
}
static char *connections(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_count(figures->connections, text);
}
static char *connections_max(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_count(figures->connections_max, text);
}
static char *connects(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_count(figures->connects, text);
}
static char *resumed(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return figures->tls_version ? html_count(figures->tls_resumed, text) : NULL;
}
static char *outstanding(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_count(figures->outstanding_max, text);
}
static char *cpu(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    char user[HTML_TEXT], kernel[HTML_TEXT];
    snprintf(text, HTML_TEXT, "%.16s + %.16s", html_duration(figures->cpu_user_s * 1e9, user),
             html_duration(figures->cpu_system_s * 1e9, kernel));
    return text;
}
static char *cpu_a_request(const struct rf_load_figures *figures, char text[HTML_TEXT]) {
    return html_duration(bench_cpu_us(figures) * 1000, text);
}

static void put_total(const struct bench_html *html, const char *name, total_fn *total) {
    char text[RF_SIDES][HTML_TEXT];
    const char *shown[RF_SIDES] = {0};
    bool any = false;
    for (unsigned i = 0; i < html->sides; i++) {
        shown[i] = total(html->side[i].figures, text[i]);
        any = any || shown[i];
    }
    if (!any) {
        return;
    }
    html_row_begin(html->out, NAN, name);
    for (unsigned i = 0; i < html->sides; i++) {
        html_cell(html->out, shown[i] ? shown[i] : "");
    }
    fputs("</tr>\n", html->out);
}

static void put_texts(const struct bench_html *html, const char *name,
                      const char *(*text_of)(const struct rf_load_figures *figures)) {
    const char *text[RF_SIDES] = {0};
    for (unsigned i = 0; i < html->sides; i++) {
        text[i] = text_of(html->side[i].figures);
    }
    if (!text[0] && !text[1]) {
        return;
    }
    html_row_begin(html->out, NAN, name);
    for (unsigned i = 0; i < html->sides; i++) {
        html_cell(html->out, text[i]);
    }
    fputs("</tr>\n", html->out);
}

static const char *ip_of(const struct rf_load_figures *figures) {
    return figures->ip;
}
static const char *server_of(const struct rf_load_figures *figures) {
    return figures->server;
}
static const char *tls_of(const struct rf_load_figures *figures) {
    return figures->tls_version;
}
static const char *cipher_of(const struct rf_load_figures *figures) {
    return figures->tls_cipher;
}

static void put_totals(const struct bench_html *html) {
    static const struct {
        const char *name;
        total_fn *total;
    } totals[] = {{"Requests", requests},
                  {"Errors", errors},
                  {"Measured", seconds},
                  {"Requests a second", rps},
                  {"Scheduled a second", rps_scheduled},
                  {"Received", received},
                  {"Received a second", received_rate},
                  {"of it bodies", bodies},
                  {"Sent", sent},
                  {"Connections at the end", connections},
                  {"Connections at most", connections_max},
                  {"Connections opened in all", connects},
                  {"of them TLS sessions resumed", resumed},
                  {"Requests outstanding at most", outstanding},
                  {"CPU, user + kernel", cpu},
                  {"CPU a request", cpu_a_request}};
    open_card(html, "Totals", false);
    put_head(html, "Figure", "Value");
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        put_total(html, totals[i].name, totals[i].total);
    }
    put_texts(html, "Address", ip_of);
    put_texts(html, "Server", server_of);
    put_texts(html, "TLS", tls_of);
    put_texts(html, "Cipher suite", cipher_of);
    close_card(html);
}

/* ---- statuses and errors ----------------------------------------------------------------------------------- */

static void put_counts(const struct bench_html *html,
                       uint64_t (*count_of)(const struct rf_load_figures *, unsigned),
                       unsigned at) {
    for (unsigned i = 0; i < html->sides; i++) {
        const struct rf_load_figures *figures = html->side[i].figures;
        uint64_t count = count_of(figures, at);
        char number[HTML_TEXT], share[HTML_TEXT], text[2 * HTML_TEXT + 8];
        snprintf(
            text, sizeof text, "%s (%s)", html_count(count, number),
            html_share(figures->requests ? (double)count / (double)figures->requests : 0, share));
        html_cell(html->out, text);
    }
}

static bool any_of(const struct bench_html *html,
                   uint64_t (*count_of)(const struct rf_load_figures *, unsigned), unsigned at) {
    return count_of(html->side[0].figures, at) ||
           (html->sides > 1 && count_of(html->side[1].figures, at));
}

static uint64_t status_of(const struct rf_load_figures *figures, unsigned at) {
    return figures->status[at];
}
static uint64_t kind_of(const struct rf_load_figures *figures, unsigned at) {
    return figures->errors_by_kind[at];
}

static void put_statuses(const struct bench_html *html) {
    bool any = false;
    for (unsigned i = 0; i < RF_STATUS_MAX; i++) {
        if (!any_of(html, status_of, i)) {
            continue;
        }
        if (!any) {
            open_card(html, "Statuses", false);
            put_head(html, "Status", "Responses");
            any = true;
        }
        char name[24];
        snprintf(name, sizeof name, i ? "%u" : "none", i);
        html_row_begin(html->out, NAN, name);
        put_counts(html, status_of, i);
        fputs("</tr>\n", html->out);
    }
    if (any) {
        close_card(html);
    }
}

static void put_kind(const struct bench_html *html, unsigned kind) {
    struct rf_error_row row = {"other", "", "", false};
    if (kind) {
        rf_error_row(kind - 1, &row);
    }
    fputs("<tr><th scope=\"row\" class=\"words\"><b>", html->out);
    html_text(html->out, row.kind, 100);
    fputs("</b><small>", html->out);
    html_text(html->out, row.meaning, 300);
    fputs(*row.fault ? "; fault: " : "", html->out);
    html_text(html->out, row.fault, 100);
    fputs("</small></th>", html->out);
    put_counts(html, kind_of, kind);
    fputs("</tr>\n", html->out);
}

static void put_errors(const struct bench_html *html) {
    bool any = false;
    for (unsigned i = 0; i < RF_KINDS_MAX; i++) {
        if (!any_of(html, kind_of, i)) {
            continue;
        }
        if (!any) {
            open_card(html, "Errors by kind", false);
            put_head(html, "Kind", "Requests");
            any = true;
        }
        put_kind(html, i);
    }
    if (any) {
        close_card(html);
    }
}

/* ---- the machine --------------------------------------------------------------------------------------------- */

static void put_text_row(FILE *out, const char *name, const char *text) {
    if (text && *text) {
        html_row_begin(out, NAN, name);
        fputs("<td class=\"words\">", out);
        html_text(out, text, 2000);
        fputs("</td></tr>\n", out);
    }
}

static void put_share_row(FILE *out, const char *name, double share) {
    char text[HTML_TEXT];
    html_share(share, text);
    put_text_row(out, name, text);
}

static void put_machine(const struct bench_html *html) {
    static const char *const column[] = {"What", "Value"};
    const struct bench_run *run = html->run;
    const struct rf_load_machine *machine = &run->machine;
    const struct bench_fingerprint *where = &run->fingerprint;
    char text[600] = "";
    open_card(html, "Machine and options", false);
    html_table_head(html->out, column, 2);
    put_share_row(html->out, "Busiest worker, of its core", machine->worker_cpu);
    put_share_row(html->out, "This process, of all cores", machine->process_cpu);
    if (machine->machine_cpu >= 0) {
        put_share_row(html->out, "Everybody, of all cores", machine->machine_cpu);
    }
    put_text_row(html->out, "Worker threads", html_count(machine->threads, text));
    if (machine->limits) {
        text[0] = '\0';
        put_text_row(html->out, "Limits", bench_limits(machine, text, sizeof text));
    }
    put_text_row(html->out, "Host", where->host);
    put_text_row(html->out, "System", where->system);
    put_text_row(html->out, "CPU", where->cpu);
    put_text_row(html->out, "Cores", where->cores ? html_count(where->cores, text) : "");
    put_text_row(html->out, "TLS", where->tls);
    put_text_row(html->out, "ringfetch", where->version);
    put_text_row(html->out, "Options", where->options);
    close_card(html);
}

void bench_html_tables(const struct bench_html *html) {
    put_durations(html);
    fputs("<div class=\"cards\">\n", html->out);
    put_totals(html);
    put_statuses(html);
    put_errors(html);
    put_machine(html);
    fputs("</div>\n", html->out);
}
