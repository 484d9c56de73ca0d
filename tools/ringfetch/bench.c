/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench.c: `ringfetch bench`: opens what is written in the end, starts the servers, has the load made, and tells people and machines what
 * came of it. The main thread waits in rf_load_run, which calls on_sample.
 */
#include "bench.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "bench_asked.h"
#include "bench_live.h"
#include "bench_options.h"
#include "bench_result.h"
#include "bench_servers.h"
#include "commands.h"
#include "console.h"
#include "signals.h"
#include "streams.h"
#include "text.h"

enum {
    WHY_BYTES = 1024,
    DEATH_LOOKS = 20, /* how often, 5 ms apart, a server is looked at whose load went wrong */
    DEATH_NS = 5000000
};

struct bench {
    struct bench_options *options;
    struct rf_load *load;
    struct bench_servers servers;
    struct bench_live live;
    struct bench_saved baseline;
    bool has_baseline, server_ended;
    bool ran; /* so there are figures */
    char why[WHY_BYTES];
};

/* ---- signals ------------------------------------------------------------------------------------------ */

static _Atomic(struct rf_load *) loading;
static atomic_int stopped_with;

static void stop(enum rf_exit exit) {
    atomic_store(&stopped_with, (int)exit);
    bench_servers_stop(exit);
    struct rf_load *load = atomic_load(&loading);
    if (load) {
        rf_load_stop(load, exit);
    }
}

/* ---- before the load ----------------------------------------------------------------------------------- */

static enum rf_exit read_baseline(struct bench *bench) {
    const char *path = bench->options->baseline;
    char shown[256];
    if (!path) {
        return RF_OK;
    }
    if (!bench_json_read(path, &bench->baseline, bench->why, WHY_BYTES)) {
        return RF_LOCAL_FAULT;
    }
    bench->has_baseline = true;
    if (bench->baseline.run.side[RF_SIDE_B]) {
        snprintf(bench->why, WHY_BYTES,
                 "--baseline %s: it compares two servers; a baseline is a run of one",
                 text_escape(shown, sizeof shown, path));
        return RF_USAGE;
    }
    return RF_OK;
}

static enum rf_exit open_all(struct bench *bench) {
    struct bench_options *options = bench->options;
    enum rf_exit exit = read_baseline(bench);
    if (exit) {
        return exit;
    }
    if (!bench_outputs_open(&options->outputs, bench->why, WHY_BYTES)) {
        return RF_LOCAL_FAULT;
    }
    exit =
        rf_load_open(&bench->load, &options->get.settings, &options->load, bench->why, WHY_BYTES);
    return exit ? exit : bench_asked_add(options, bench->load, bench->why, WHY_BYTES);
}

static enum rf_exit start_servers(struct bench *bench) {
    static const char *const notes[] = {"starting the server of --cmd-a",
                                        "starting the server of --cmd-b"};
    const struct bench_options *options = bench->options;
    enum rf_exit exit = RF_OK;
    for (unsigned side = 0; side < RF_SIDES && !exit; side++) {
        if (options->cmd[side]) {
            bench_live_note(&bench->live, notes[side]);
            exit = bench_servers_start(&bench->servers, (enum rf_side)side, options->cmd[side],
                                       options->url[side], bench->why, WHY_BYTES);
        }
    }
    bench_live_note(&bench->live, NULL);
    return exit;
}

/* ---- the load --------------------------------------------------------------------------------------------- */

static bool look_at_servers(struct bench *bench) {
    if (!bench->server_ended) {
        bench->server_ended = bench_servers_ended(&bench->servers, bench->why, WHY_BYTES);
    }
    return bench->server_ended;
}

static void on_sample(void *context, const struct rf_load_sample *sample) {
    struct bench *bench = context;
    bench_live_sample(&bench->live, sample);
    if (!bench->server_ended && look_at_servers(bench)) {
        rf_load_stop(bench->load, RF_LOCAL_FAULT);
    }
}

/* Whose server died has errors of which that is the cause; its death may come to our ears a little later than they. */
static void look_longer(struct bench *bench, enum rf_exit exit) {
    const struct bench_options *options = bench->options;
    bool ours = options->cmd[RF_SIDE_A] || options->cmd[RF_SIDE_B];
    for (unsigned i = 0; ours && !look_at_servers(bench) && exit && i < DEATH_LOOKS; i++) {
        nanosleep(&(struct timespec){0, DEATH_NS}, NULL);
    }
}

/* Makes the load while its servers run. On anything but RF_OK, RF_INTERRUPTED and RF_TERMINATED `why` says what was the matter. */
static enum rf_exit make_load(struct bench *bench) {
    enum rf_exit exit = start_servers(bench);
    if (exit) {
        return exit;
    }
    atomic_store(&loading, bench->load);
    exit = (enum rf_exit)atomic_load(&stopped_with); /* by a signal that found no load yet */
    if (!exit) {
        bench->ran = true;
        exit = rf_load_run(bench->load, on_sample, bench, bench->why, WHY_BYTES);
    }
    atomic_store(&loading, NULL);
    bench_live_end(&bench->live);
    if (exit != RF_INTERRUPTED && exit != RF_TERMINATED) {
        look_longer(bench, exit);
        exit = bench->server_ended ? RF_LOCAL_FAULT : exit;
    }
    return exit;
}

static enum rf_exit run_load(struct bench *bench) {
    signals_watch_with(stop, bench_servers_kill);
    enum rf_exit exit = make_load(bench);
    bench_live_end(&bench->live);
    bench_servers_end(&bench->servers);
    signals_unwatch();
    return exit;
}

/* ---- after it ------------------------------------------------------------------------------------------- */

static unsigned columns_of(FILE *file) {
    struct winsize size = {0};
    if (!isatty(fileno(file))) {
        return 0;
    }
    return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static bool has_colour(FILE *file) {
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    return isatty(fileno(file)) && term && *term && strcmp(term, "dumb") != 0 &&
           !(no_colour && *no_colour);
}

/* The table stands where the reports don't. False: it could not be written. */
static bool print_summary(const struct bench *bench, const struct bench_result *result) {
    const struct get_options *get = &bench->options->get;
    if (get->silent) {
        return true;
    }
    FILE *out = bench_outputs_use_stdout(&bench->options->outputs) ? stderr : stdout;
    bench_summary_write(out, &result->run, columns_of(out), has_colour(out));
    bool written = out == stderr || streams_end(RF_OK) == RF_OK;
    if (get->verbose) {
        bench_result_say_more(result);
    }
    return written;
}

static int report(struct bench *bench, enum rf_exit exit, int64_t started_us) {
    struct bench_result result;
    const struct bench_run *baseline = bench->has_baseline ? &bench->baseline.run : NULL;
    if (!bench_result_init(&result, bench->options, bench->load, baseline, started_us, exit)) {
        console_line("ringfetch bench: out of memory");
        bench_result_deinit(&result);
        return RF_ENVIRONMENT;
    }
    bool written = print_summary(bench, &result);
    if (!result.run.interrupted) {
        bench_result_say_failed(&result);
    }
    written = bench_outputs_close(&bench->options->outputs, &result.run, "bench") && written;
    int status = result.run.exit;
    bench_result_deinit(&result);
    return written || status == RF_INTERRUPTED || status == RF_TERMINATED ? status : RF_LOCAL_FAULT;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static enum progress_mode choose_progress(const struct get_options *get) {
    if (get->progress != PROGRESS_AUTO) {
        return (enum progress_mode)get->progress;
    }
    return console_is_terminal() && !get->silent ? PROGRESS_BAR : PROGRESS_NONE;
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_well(enum rf_exit exit) {
    return exit == RF_OK || exit == RF_INTERRUPTED || exit == RF_TERMINATED;
}

static int open_and_run(struct bench_options *options) {
    struct bench bench = {.options = options};
    char shown[WHY_BYTES];
    int64_t started_us = now_us();
    atomic_store(&stopped_with, RF_OK);
    bench_servers_init(&bench.servers, &options->get.settings, options->cmd_timeout_ms);
    bench_live_begin(&bench.live, choose_progress(&options->get));
    enum rf_exit exit = open_all(&bench);
    int status = (int)exit;
    if (!exit) {
        if (options->get.settings.insecure && !options->get.silent) {
            console_line("ringfetch: certificates are not verified (-k)");
        }
        exit = run_load(&bench);
        status = bench.ran && is_well(exit) ? report(&bench, exit, started_us) : (int)exit;
    }
    if (!is_well(exit)) {
        console_line("ringfetch bench: %s", text_escape(shown, sizeof shown, bench.why));
    }
    bench_outputs_discard(&options->outputs);
    rf_load_close(bench.load);
    if (bench.has_baseline) {
        bench_saved_deinit(&bench.baseline);
    }
    return status;
}

int cmd_bench(int argc, char **argv) {
    struct bench_options options;
    char why[WHY_BYTES];
    bench_options_init(&options);
    console_open();
    int status = options_read(&bench_option_table, argc, argv, &options);
    if (status < 0) {
        status = bench_options_finish(&options, why, sizeof why)
                     ? open_and_run(&options)
                     : options_refuse("bench", "%s", why);
    }
    bench_options_deinit(&options);
    return status;
}
