/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * report.c: see report.h.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "console.h"
#include "progress.h"
#include "text.h"

enum { URL_SHOWN_BYTES = 1024, LINE_BYTES_MAX = 4096, SUMMARY_KINDS = 12 };

static size_t add_failure(char *out, size_t size, size_t used, const struct rf_result *result) {
    char shown[1024];
    const char *detail = result->detail ? result->detail : "";
    return text_add(out, size, used, "%s: %s: %s", rf_error_stage(result->error),
                    rf_error_kind(result->error), text_escape(shown, sizeof shown, detail));
}

static size_t add_success(char *out, size_t size, size_t used, const struct rf_result *result) {
    char number[32], shown[URL_SHOWN_BYTES];
    if (result->skipped) {
        used = text_add(out, size, used, "skipped, it is there already");
    } else {
        used = text_add(out, size, used, "%u, %s in %.1f ms", result->status,
                        text_bytes(number, sizeof number, (double)result->body_bytes),
                        result->ms.total);
        if (result->ip) {
            used = text_add(out, size, used, ", %s port %u%s",
                            text_escape(shown, sizeof shown, result->ip), result->port,
                            result->reused ? ", reused" : "");
        }
        if (result->tls && result->tls->version) {
            used = text_add(out, size, used, ", TLS %s%s", result->tls->version,
                            result->tls->resumed ? " resumed" : "");
        }
        if (result->attempts > 1) {
            used = text_add(out, size, used, ", %u attempts", result->attempts);
        }
        if (result->redirect_count && result->final_url) {
            used = text_add(out, size, used, ", redirected to %s",
                            text_escape(shown, sizeof shown, result->final_url));
        }
    }
    if (result->path) {
        used = text_add(out, size, used, " -> %s", text_escape(shown, sizeof shown, result->path));
    }
    return used;
}

char *report_line(char *out, size_t size, const struct rf_result *result) {
    char shown[URL_SHOWN_BYTES];
    size_t used = 0;
    out[0] = '\0';
    if (result->line) {
        used = text_add(out, size, used, "line %llu: ", (unsigned long long)result->line);
    }
    used = text_add(out, size, used,
                    "%s: ", text_escape(shown, sizeof shown, result->url ? result->url : ""));
    if (result->ok) {
        add_success(out, size, used, result);
    } else {
        add_failure(out, size, used, result);
    }
    return out;
}

void report_request(void *context, const struct rf_result *result) {
    struct report *report = context;
    if (!report->verbose) {
        /* Who pressed ^C knows why what was in flight has ended, and that nobody reads standard output
         * any more is said once, when it is closed. */
        if (strcmp(rf_error_fault(result->error), "cancelled") == 0 ||
            strcmp(rf_error_kind(result->error), "pipe-closed") == 0) {
            return;
        }
        unsigned *lines = &report->lines[result->error.kind];
        if (*lines > REPORT_LINES_MAX) {
            return;
        }
        if ((*lines)++ == REPORT_LINES_MAX) {
            console_line("ringfetch: ... further \"%s\" errors are only counted",
                         rf_error_kind(result->error));
            return;
        }
    }
    char line[LINE_BYTES_MAX];
    console_line("ringfetch: %s", report_line(line, sizeof line, result));
}

char *report_summary(char *out, size_t size, const struct rf_progress *end, const char *noun,
                     enum rf_exit exit) {
    char number[32];
    double seconds = end->seconds > 0 ? end->seconds : 0;
    unsigned long long fetched = (unsigned long long)(end->ok - end->skipped);
    if (end->skipped >
        end->ok) { /* where the engine counts what was skipped apart from what was fetched */
        fetched = (unsigned long long)end->ok;
    }
    size_t used = text_add(out, size, 0, "%llu %s%s", fetched, noun, fetched == 1 ? "" : "s");
    used = text_add(out, size, used, ", %s",
                    text_bytes(number, sizeof number, (double)end->body_bytes));
    used = text_add(out, size, used, " in %s", text_seconds(number, sizeof number, seconds));
    if (seconds >= 0.001) {
        used = text_add(out, size, used, " (%s/s",
                        text_count(number, sizeof number, (double)end->done / seconds));
        used = text_add(out, size, used, ", %s/s)",
                        text_bytes(number, sizeof number, (double)end->body_bytes / seconds));
    }
    if (end->skipped) {
        used = text_add(out, size, used, "; %llu skipped", (unsigned long long)end->skipped);
    }
    if (end->retries) {
        used = text_add(out, size, used, "; %llu retries", (unsigned long long)end->retries);
    }
    if (end->failed) {
        used = text_add(out, size, used, "; %llu failed: ", (unsigned long long)end->failed);
        used = progress_kinds(out, size, used, end, SUMMARY_KINDS);
    }
    if (exit == RF_INTERRUPTED || exit == RF_TERMINATED) {
        text_add(out, size, used, "; interrupted");
    }
    return out;
}
