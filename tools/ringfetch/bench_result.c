/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_result.c: see bench_result.h.
 */
#include "bench_result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_text.h"
#include "console.h"
#include "text.h"

enum { EXIT_INCONCLUSIVE = 6 };

/* ---- where and what ----------------------------------------------------------------------------- */

/* The URL without what may be secret (user information) or means nothing to others (query). */
static char *clean_url(const char *url) {
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority), *rest = at ? at + 1 : host;
    char *clean = NULL;
    return asprintf(&clean, "%.*s%.*s", (int)(host - url), url, (int)strcspn(rest, "?#"), rest) < 0
               ? NULL
               : clean;
}

static char *tls_text(const struct rf_load_figures *figures) {
    char *text = NULL;
    if (!figures->tls_version) {
        return strdup("");
    }
    const char *cipher = figures->tls_cipher ? figures->tls_cipher : "";
    return asprintf(&text, "%s%s%s", figures->tls_version, *cipher ? " " : "", cipher) < 0 ? NULL
                                                                                           : text;
}

static bool replace(char **text, char *by) {
    free(*text);
    *text = by;
    return by;
}

static bool take_fingerprint(struct bench_run *run, const struct bench_options *options) {
    struct bench_fingerprint *fingerprint = &run->fingerprint;
    const struct rf_load_figures *a = run->side[RF_SIDE_A];
    return bench_fingerprint_read(fingerprint) && replace(&fingerprint->tls, tls_text(a)) &&
           replace(&fingerprint->options, bench_options_text(options)) &&
           replace(&fingerprint->url, clean_url(a->url ? a->url : ""));
}

/* ---- comparing ------------------------------------------------------------------------------------- */

/* A comparison that says nothing but that nothing can be said. */
static void compare_nothing(struct rf_comparison *comparison) {
    *comparison = (struct rf_comparison){.verdict = RF_CHANGE_INCONCLUSIVE,
                                         .reason = "the baseline can't be compared"};
    for (unsigned i = 0; i < RF_METRICS; i++) {
        comparison->metric[i].a = comparison->metric[i].b = (double)NAN;
        comparison->metric[i].change = (double)NAN;
        comparison->metric[i].low = comparison->metric[i].high = (double)NAN;
        comparison->metric[i].verdict = RF_CHANGE_INCONCLUSIVE;
    }
}

/* Not run.incomparable itself where everything is alike. */
static const char *find_difference(struct bench_result *result, const struct bench_options *options,
                                   const struct bench_run *baseline) {
    if (options->force_compare) {
        return NULL;
    }
    return bench_fingerprint_differs(&baseline->fingerprint, &result->run.fingerprint,
                                     result->differs, sizeof result->differs);
}

static void compare(struct bench_result *result, const struct bench_options *options,
                    const struct rf_load *load, const struct bench_run *baseline) {
    struct bench_run *run = &result->run;
    if (run->side[RF_SIDE_B]) {
        result->comparison = rf_load_comparison(load);
        run->comparison = &result->comparison;
        return;
    }
    if (!baseline) {
        return;
    }
    const struct rf_load_figures *then = baseline->side[RF_SIDE_A], *now = run->side[RF_SIDE_A];
    run->baseline = then;
    run->baseline_path = options->baseline;
    run->comparison = &result->comparison;
    run->incomparable = find_difference(result, options, baseline);
    if (!run->incomparable &&
        !rf_compare_blocks(then->block, then->block_count, now->block, now->block_count,
                           &options->load, &result->comparison)) {
        run->incomparable = "out of memory";
    }
    if (run->incomparable) {
        compare_nothing(&result->comparison);
    }
}

/* ---- judging ----------------------------------------------------------------------------------------- */

static bool take_thresholds(struct bench_run *run, const struct option_list *texts) {
    run->threshold = calloc(texts->count + 1, sizeof *run->threshold);
    for (size_t i = 0; i < texts->count && run->threshold; i++) {
        run->threshold[run->threshold_count++].text = texts->items[i];
    }
    return run->threshold;
}

static bool has_success(const struct rf_load_figures *figures) {
    return !figures || figures->requests > figures->errors;
}

/* A server that never answered as it should is a failed run, whatever thresholds allow and however busy the generator was with it; unless
 * it was this machine that left it without connections. */
static int judge(struct bench_run *run, enum rf_exit rf_exit) {
    const unsigned starved = RF_LIMIT_PORTS | RF_LIMIT_DESCRIPTORS | RF_LIMIT_MEMORY;
    bench_judge(run);
    int exit = bench_exit(run, (int)rf_exit);
    bool all = has_success(run->side[RF_SIDE_A]) && has_success(run->side[RF_SIDE_B]);
    bool undecided = exit == EXIT_INCONCLUSIVE && !(run->machine.limits & starved);
    return !all && (exit == RF_OK || undecided) ? RF_SOME_FAILED : exit;
}

bool bench_result_init(struct bench_result *result, const struct bench_options *options,
                       const struct rf_load *load, const struct bench_run *baseline,
                       int64_t started_us, enum rf_exit rf_exit) {
    struct bench_run *run = &result->run;
    *result = (struct bench_result){0};
    run->side[RF_SIDE_A] = rf_load_figures(load, RF_SIDE_A);
    run->side[RF_SIDE_B] = rf_load_figures(load, RF_SIDE_B);
    run->machine = rf_load_machine(load);
    run->confidence = options->load.confidence;
    run->min_effect = options->load.min_effect;
    run->runs = 1;
    run->interrupted = rf_exit != RF_OK;
    run->started_us = started_us;
    if (!run->side[RF_SIDE_A] || !take_fingerprint(run, options) ||
        !take_thresholds(run, &options->thresholds)) {
        return false;
    }
    compare(result, options, load, baseline);
    run->exit = judge(run, rf_exit);
    return true;
}

void bench_result_deinit(struct bench_result *result) {
    bench_fingerprint_deinit(&result->run.fingerprint);
    free(result->run.threshold);
    result->run.threshold = NULL;
}

/* ---- what people are told --------------------------------------------------------------------------- */

bool bench_result_say_failed(const struct bench_result *result) {
    char url[256], error[512];
    bool failed = false;
    for (unsigned side = 0; side < RF_SIDES; side++) {
        const struct rf_load_figures *figures = result->run.side[side];
        if (has_success(figures)) {
            continue;
        }
        const char *why = figures->first_error ? figures->first_error
                          : figures->requests  ? "no answer was as it should be"
                                               : "no request ended in the measured time";
        console_line("ringfetch bench: %s: %s",
                     text_escape(url, sizeof url, figures->url ? figures->url : "?"),
                     text_escape(error, sizeof error, why));
        failed = true;
    }
    return failed;
}

static void say_side(const struct bench_run *run, enum rf_side side) {
    const struct rf_load_figures *figures = run->side[side];
    const char *name = !run->side[RF_SIDE_B] ? "" : side == RF_SIDE_A ? "A: " : "B: ";
    char url[256], shown[128], number[32], error[512];
    console_line("ringfetch: %s%s at %s%s%s", name,
                 text_escape(url, sizeof url, figures->url ? figures->url : "?"),
                 figures->ip ? figures->ip : "no address", figures->server ? ", " : "",
                 text_escape(shown, sizeof shown, figures->server ? figures->server : ""));
    console_line("ringfetch: %s%s connections opened, %u at most at once", name,
                 bench_count(figures->connects, number), figures->connections_max);
    if (figures->tls_version) {
        console_line("ringfetch: %sTLS %s %s, %s handshakes resumed", name, figures->tls_version,
                     figures->tls_cipher ? figures->tls_cipher : "",
                     bench_count(figures->tls_resumed, number));
    }
    if (figures->first_error) {
        console_line("ringfetch: %sthe %s: %s", name, bench_error_name(figures),
                     text_escape(error, sizeof error, figures->first_error));
    }
}

void bench_result_say_more(const struct bench_result *result) {
    for (unsigned side = 0; side < RF_SIDES; side++) {
        if (result->run.side[side]) {
            say_side(&result->run, (enum rf_side)side);
        }
    }
}
