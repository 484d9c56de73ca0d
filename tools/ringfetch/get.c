/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get.c: `ringfetch get`: builds an engine from the options, runs it and says how it went. The main
 * thread waits in rf_run; workers call report_request, one thread draws the progress. When nobody
 * wants to hear of single results no callback is registered, so that a silent run costs nothing
 * here.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ringfetch/output.h>
#include <ringfetch/ringfetch.h>

#include "commands.h"
#include "console.h"
#include "get_options.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "signals.h"
#include "text.h"

enum { WHY_BYTES = 1024 };

/* Bodies or records on the same terminal would be torn apart by a bar. */
static enum progress_mode choose_progress(const struct get_options *options) {
    if (options->progress != PROGRESS_AUTO) {
        return (enum progress_mode)options->progress;
    }
    bool torn = get_options_use_stdout(options) && isatty(STDOUT_FILENO);
    return console_is_terminal() && !options->silent && !torn ? PROGRESS_BAR : PROGRESS_NONE;
}

/* As curl and wget: somebody who watches is told, and so is everybody when something went wrong. */
static bool wants_summary(const struct get_options *options, enum rf_exit exit) {
    return !options->silent && (options->verbose || exit != RF_OK || isatty(STDERR_FILENO));
}

static enum rf_exit add_outputs(struct rf_engine *engine, const struct get_options *options,
                                char *why) {
    for (size_t i = 0; i < options->outputs.count; i++) {
        enum rf_exit exit =
            rf_add_output(engine, options->outputs.items[i], &options->output, why, WHY_BYTES);
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}

static enum rf_exit add_inputs(struct rf_engine *engine, const struct get_options *options,
                               char *why) {
    for (size_t i = 0; i < options->input_count; i++) {
        const struct get_input *input = &options->inputs[i];
        enum rf_exit exit = input->is_file ? rf_add_input_file(engine, input->text, why, WHY_BYTES)
                                           : rf_add_url(engine, input->text, why, WHY_BYTES);
        if (exit) {
            return exit;
        }
    }
    return RF_OK;
}

/* What an output could not write counts unless something worse has happened. */
static enum rf_exit close_outputs(struct rf_engine *engine, enum rf_exit exit) {
    char why[WHY_BYTES] = "", shown[WHY_BYTES];
    enum rf_exit closed = rf_close_outputs(engine, why, sizeof why);
    if (!closed) {
        return exit;
    }
    console_line("ringfetch: %s", text_escape(shown, sizeof shown, why));
    return exit == RF_OK || exit == RF_SOME_FAILED ? closed : exit;
}

static enum rf_exit run(struct rf_engine *engine, const struct get_options *options) {
    struct report report = {.verbose = options->verbose};
    struct progress progress;
    if (!options->silent) {
        if (options->settings.insecure) {
            console_line("ringfetch: certificates are not verified (-k)");
        }
        (options->verbose ? rf_on_result : rf_on_failure)(engine, report_request, &report);
    }
    signals_watch(engine);
    progress_begin(&progress, engine, choose_progress(options));
    enum rf_exit exit = rf_run(engine);
    progress_end(&progress);
    signals_unwatch();
    exit = close_outputs(engine, exit);
    if (wants_summary(options, exit)) {
        struct rf_progress end;
        char line[1024];
        rf_progress(engine, &end);
        const char *noun = get_options_have_output(options, "files") ? "file" : "response";
        console_line("ringfetch: %s", report_summary(line, sizeof line, &end, noun, exit));
    }
    return exit;
}

static enum rf_exit open_and_run(const struct get_options *options) {
    struct rf_engine *engine;
    char why[WHY_BYTES] = "", shown[WHY_BYTES];
    enum rf_exit exit = rf_engine_open(&engine, &options->settings, why, sizeof why);
    if (!exit) {
        exit = add_outputs(engine, options, why);
    }
    if (!exit) {
        exit = add_inputs(engine, options, why);
    }
    if (exit) {
        console_line("ringfetch get: %s", text_escape(shown, sizeof shown, why));
    } else {
        exit = run(engine, options);
    }
    rf_engine_close(engine);
    return exit;
}

int cmd_get(int argc, char **argv) {
    struct get_options options;
    char why[WHY_BYTES];
    get_options_init(&options);
    console_open();
    int status = options_read(&get_table, argc, argv, &options);
    if (status < 0) {
        status = get_options_finish(&options, why, sizeof why) ? (int)open_and_run(&options)
                                                               : options_refuse("get", "%s", why);
    }
    get_options_deinit(&options);
    return status;
}
