/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check.c: `ringfetch check`: builds an engine that checks, runs it, and tells people and machines what came of it. The
 * main thread waits in rf_run; workers call on_result, one at a time; a thread of check_table.c draws.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringfetch/output.h>
#include <ringfetch/ringfetch.h>

#include "check_cache.h"
#include "check_diff.h"
#include "check_options.h"
#include "check_reports.h"
#include "check_table.h"
#include "commands.h"
#include "console.h"
#include "report.h"
#include "signals.h"
#include "text.h"

enum { WHY_BYTES = 1024, EXIT_INCONCLUSIVE = 6 };

struct check {
    const struct check_options *options;
    struct rf_engine *engine;
    struct tally tally;
    struct reports reports;
    struct check_diff *diff;
    struct report lines;
    char why[WHY_BYTES];
};

static void on_result(void *context, const struct rf_result *result) {
    struct check *check = context;
    tally_add(&check->tally, result);
    reports_add(&check->reports, result);
    if (check->options->get.verbose) {
        report_request(&check->lines, result);
    }
}

/* ---- what is opened before the run ---------------------------------------------------------------- */

static enum rf_exit open_reports(struct check *check) {
    const struct check_options *options = check->options;
    for (unsigned i = 0; i < options->report_count; i++) {
        if (!reports_open(&check->reports, options->reports[i].ops, options->reports[i].path,
                          check->why, WHY_BYTES)) {
            return RF_LOCAL_FAULT;
        }
    }
    return RF_OK;
}

static enum rf_exit open_diff(struct check *check) {
    if (!check->options->diff) {
        return RF_OK;
    }
    check->diff = check_diff_open(check->options->diff, check->why, WHY_BYTES);
    return check->diff ? RF_OK : RF_LOCAL_FAULT;
}

/* FNV-1a: the same in every run. */
static uint64_t mix(uint64_t hash, const char *text) {
    for (; text && *text; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    }
    return (hash ^ 0xff) * 0x100000001b3;
}

static uint64_t mix_list(uint64_t hash, const struct option_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        hash = mix(hash, list->items[i]);
    }
    return mix(hash, NULL);
}

/* What a cached verdict depends on besides the URL. */
static uint64_t fingerprint(const struct check_options *options) {
    const struct rf_settings *settings = &options->get.settings;
    uint64_t hash = mix(0xcbf29ce484222325, settings->method);
    char numbers[96];
    hash = mix_list(hash, &options->expects);
    hash = mix_list(hash, &options->get.headers);
    hash = mix(hash, settings->user);
    hash = mix(hash, settings->user_agent);
    hash = mix(hash, settings->referer);
    for (size_t i = 0; i < settings->body_bytes; i++) {
        hash = (hash ^ ((const uint8_t *)settings->body)[i]) * 0x100000001b3;
    }
    hash = mix(hash, settings->cert);
    hash = mix(hash, settings->cacert);
    hash = mix(hash, settings->pinned_key);
    hash = mix(hash, settings->unix_socket);
    hash = mix_list(hash, &options->get.resolve);
    hash = mix_list(hash, &options->get.connect_to);
    snprintf(numbers, sizeof numbers, "%u %d %llu %llu %d", settings->redirects_max,
             settings->title, (unsigned long long)settings->sniff_bytes,
             (unsigned long long)settings->filesize_max_bytes, settings->insecure);
    return mix(hash, numbers);
}

static enum rf_exit add_outputs(struct check *check) {
    const struct check_options *options = check->options;
    if (options->cache) {
        check_cache_settings.max_age_s = options->max_age_s;
        check_cache_settings.fingerprint = fingerprint(options);
        enum rf_exit exit = rf_register_output(check->engine, &check_cache, options->cache,
                                               &options->get.output, check->why, WHY_BYTES);
        if (exit) {
            return exit;
        }
    }
    for (size_t i = 0; i < options->get.outputs.count; i++) {
        enum rf_exit exit = rf_add_output(check->engine, options->get.outputs.items[i],
                                          &options->get.output, check->why, WHY_BYTES);
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}

static enum rf_exit add_inputs(struct check *check) {
    const struct check_options *options = check->options;
    for (size_t i = 0; i < options->get.input_count; i++) {
        const struct get_input *input = &options->get.inputs[i];
        enum rf_exit exit = input->is_file
                                ? rf_add_source(check->engine, input->text, options->from,
                                                options->base, check->why, WHY_BYTES)
                                : rf_add_url(check->engine, input->text, check->why, WHY_BYTES);
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}

static enum rf_exit open_all(struct check *check) {
    enum rf_exit exit = open_diff(check);
    if (!exit) {
        exit = rf_engine_open(&check->engine, &check->options->get.settings, check->why, WHY_BYTES);
    }
    if (!exit) {
        exit = add_outputs(check);
    }
    if (!exit) {
        exit = add_inputs(check);
    }
    return exit ? exit : open_reports(check);
}

/* ---- the run ----------------------------------------------------------------------------------------- */

/* As get decides it: a table on top of records on the same terminal would tear both apart. */
static enum progress_mode choose_progress(const struct check_options *options) {
    const struct get_options *get = &options->get;
    if (get->progress != PROGRESS_AUTO) {
        return (enum progress_mode)get->progress;
    }
    bool torn = !options->shows_table && get_options_use_stdout(get) && isatty(STDOUT_FILENO);
    return console_is_terminal() && !get->silent && !torn ? PROGRESS_BAR : PROGRESS_NONE;
}

/* Unless something worse has ended the run: is anything not as it should be? */
static enum rf_exit judge(const struct check *check, enum rf_exit exit) {
    const struct tally *tally = &check->tally;
    if (exit != RF_OK && exit != RF_SOME_FAILED) {
        return exit;
    }
    uint64_t bad = tally->by_verdict[RF_VERDICT_DEAD] + tally->by_verdict[RF_VERDICT_BLOCKED];
    uint64_t unknown = tally->by_verdict[RF_VERDICT_INCONCLUSIVE];
    switch (check->options->fail_on) {
    case FAIL_ON_NONE:
        return RF_OK;
    case FAIL_ON_NEW:
        bad = tally->by_change[CHANGE_NEW];
        break;
    default:
        break;
    }
    return bad ? RF_SOME_FAILED : unknown ? (enum rf_exit)EXIT_INCONCLUSIVE : RF_OK;
}

/* What could not be written counts unless something worse has happened. */
static enum rf_exit worse(struct check *check, enum rf_exit exit, bool written) {
    char shown[WHY_BYTES];
    if (written) {
        return exit;
    }
    console_line("ringfetch check: %s", text_escape(shown, sizeof shown, check->why));
    return exit == RF_INTERRUPTED || exit == RF_TERMINATED || exit == RF_ENVIRONMENT
               ? exit
               : RF_LOCAL_FAULT;
}

static void summarise(const struct check *check, const struct check_run *run) {
    const struct get_options *get = &check->options->get;
    bool watched = isatty(STDERR_FILENO);
    if (get->silent || (!get->verbose && run->exit == RF_OK && !watched)) {
        return;
    }
    bool on_stdout = check->options->shows_table && isatty(STDOUT_FILENO);
    FILE *out = on_stdout ? stdout : stderr;
    check_summary(out, run, console_has_colour() && (on_stdout || watched));
    fflush(out);
}

static enum rf_exit run(struct check *check) {
    const struct check_options *options = check->options;
    struct rf_progress end;
    check->lines.verbose = options->get.verbose;
    if (options->get.settings.insecure && !options->get.silent) {
        console_line("ringfetch: certificates are not verified (-k)");
    }
    rf_on_result(check->engine, on_result, check);
    if (check->diff) {
        rf_on_compare(check->engine, check_diff_compare, check->diff);
    }
    signals_watch(check->engine);
    struct check_live *live =
        check_live_begin(check->engine, &check->tally, choose_progress(options));
    enum rf_exit exit = rf_run(check->engine);
    check_live_end(live);
    signals_unwatch();
    rf_progress(check->engine, &end);
    exit = judge(check, exit);
    bool closed = !rf_close_outputs(check->engine, check->why, WHY_BYTES);
    exit = worse(check, exit, closed);
    const char **sources = calloc(options->get.input_count + 1, sizeof *sources);
    for (size_t i = 0; sources && i < options->get.input_count; i++) {
        sources[i] = options->get.inputs[i].text;
    }
    struct check_run facts = {.tally = &check->tally,
                              .seconds = end.seconds,
                              .sources = sources,
                              .exit = exit,
                              .compared = check->diff};
    exit = worse(check, exit, reports_close(&check->reports, &facts, check->why, WHY_BYTES));
    facts.exit = exit;
    summarise(check, &facts);
    free(sources);
    return exit;
}

static enum rf_exit open_and_run(const struct check_options *options) {
    struct check check = {.options = options};
    char shown[WHY_BYTES];
    tally_init(&check.tally);
    enum rf_exit exit = open_all(&check);
    if (exit) {
        console_line("ringfetch check: %s", text_escape(shown, sizeof shown, check.why));
    } else {
        exit = run(&check);
    }
    rf_engine_close(check.engine);
    check_diff_close(check.diff);
    tally_deinit(&check.tally);
    return exit;
}

int cmd_check(int argc, char **argv) {
    struct check_options options;
    char why[WHY_BYTES];
    check_options_init(&options);
    console_open();
    int status = options_read(&check_option_table, argc, argv, &options);
    if (status < 0) {
        status = check_options_finish(&options, why, sizeof why)
                     ? (int)open_and_run(&options)
                     : options_refuse("check", "%s", why);
    }
    check_options_deinit(&options);
    return status;
}
