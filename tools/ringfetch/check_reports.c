/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_reports.c: see check_reports.h. Opened and closed on the main thread, filled on workers'
 * threads one at a time.
 */
#include "check_reports.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

/* ---- all of them ----------------------------------------------------------------------------- */

void reports_discard(struct reports *reports) {
    for (unsigned i = 0; i < reports->count; i++) {
        if (reports->report[i].ops->discard) {
            reports->report[i].ops->discard(reports->report[i].self);
        }
    }
    reports->count = 0;
}

bool reports_open(struct reports *reports, const struct report_ops *ops, const char *path,
                  char *why, size_t why_size) {
    if (reports->count == REPORTS_MAX) {
        snprintf(why, why_size, "--%s: at most %d reports", ops->option, REPORTS_MAX);
        reports_discard(reports);
        return false;
    }
    void *self = NULL;
    if (!ops->open(&self, path, why, why_size)) {
        reports_discard(reports);
        return false;
    }
    reports->report[reports->count].ops = ops;
    reports->report[reports->count++].self = self;
    return true;
}

void reports_add(struct reports *reports, const struct rf_result *result) {
    for (unsigned i = 0; i < reports->count; i++) {
        if (reports->report[i].ops->add) {
            reports->report[i].ops->add(reports->report[i].self, result);
        }
    }
}

bool reports_close(struct reports *reports, const struct check_run *run, char *why,
                   size_t why_size) {
    bool whole = true;
    char later[REPORT_WHY_BYTES];
    for (unsigned i = 0; i < reports->count; i++) {
        bool closed = reports->report[i].ops->close(
            reports->report[i].self, run, whole ? why : later, whole ? why_size : sizeof later);
        whole = whole && closed;
    }
    reports->count = 0;
    return whole;
}

/* ---- what reports say of a result ------------------------------------------------------------ */

struct rf_error report_error(const struct rf_result *result) {
    return result->error.kind ? result->error : result->first_error;
}

const char *report_kind(const struct rf_result *result) {
    struct rf_error error = report_error(result);
    return error.kind ? rf_error_kind(error) : rf_verdict_name(result->verdict);
}

char *report_message(char *out, size_t size, const struct rf_result *result) {
    struct rf_error error = report_error(result);
    char text[512];
    out[0] = '\0';
    if (!error.kind) {
        text_add(out, size, 0, "%s",
                 result->detail ? result->detail : rf_verdict_name(result->verdict));
        return out;
    }
    bool settled = result->error.kind; /* or the last pass was well */
    const char *why =
        settled && result->detail ? result->detail : rf_error_text(error, text, sizeof text);
    size_t used =
        text_add(out, size, 0, "%s%s: %s", settled ? "" : "at first ", rf_error_stage(error), why);
    if (!settled && result->status) {
        text_add(out, size, used, "; later %u", result->status);
    }
    return out;
}

struct rf_result report_result(const struct tally_failure *failure) {
    return (struct rf_result){.n = failure->n,
                              .line = failure->line,
                              .column = failure->column,
                              .status = failure->status,
                              .verdict = failure->verdict,
                              .error = failure->error,
                              .url = failure->url,
                              .final_url = failure->final_url,
                              .source = failure->source,
                              .tag = failure->tag,
                              .detail = failure->detail,
                              .ip = failure->ip};
}

const char *report_path(const char *source) {
    if (!source || !*source || strcmp(source, "-") == 0 || strstr(source, "://")) {
        return NULL;
    }
    char here[PATH_MAX];
    size_t count = getcwd(here, sizeof here) ? strlen(here) : 0;
    if (count > 1 && strncmp(source, here, count) == 0 && source[count] == '/') {
        source += count;
        source += strspn(source, "/");
    }
    while (strncmp(source, "./", 2) == 0) {
        source += 2;
        source += strspn(source, "/");
    }
    return *source ? source : NULL;
}
