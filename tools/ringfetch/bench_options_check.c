/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_options_check.c: refuses options that contradict one another, and completes the settings. Each check returns NULL or a line that
 * names the options. An option that would have no effect is refused too: whoever gave it expects one. Main thread.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench_options.h"

enum { CONNECTIONS = 50, OUTSTANDING_MAX = 10000, CMD_TIMEOUT_MS = 30000, REFUSAL_BYTES = 512 };
static const double duration_s = 10, max_duration_s = 60, warmup_s = 1;

static bool say(char *why, size_t why_size, const char *complaint) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return !complaint;
}

struct counts {
    size_t urls, lists;
};

static struct counts count_inputs(const struct bench_options *options) {
    struct counts counts = {0};
    for (size_t i = 0; i < options->get.input_count; i++) {
        bool is_list = options->get.inputs[i].is_file;
        counts.lists += is_list;
        counts.urls += !is_list;
    }
    return counts;
}

/* ---- together ------------------------------------------------------------------------------------- */

static const char *check_asked(const struct bench_options *options) {
    struct counts counts = count_inputs(options);
    if (!counts.urls && !counts.lists && !options->requests_file) {
        return "no URL given (see --help)";
    }
    if (options->requests_file && options->round_robin) {
        return "--requests-file and --round-robin contradict each other: weights say who has his "
               "turn";
    }
    if (options->requests_file && counts.lists) {
        return "--requests-file and -i, --input-file contradict each other";
    }
    if (options->requests_file && strcmp(options->requests_file, "-") == 0 &&
        options->get.stdin_taker) {
        return "--requests-file -: standard input is read by another option already";
    }
    if (options->round_robin) {
        return NULL;
    }
    if (counts.urls > 2) {
        return "more than two URLs: add --round-robin to ask them in turns";
    }
    if (counts.urls == 2 && counts.lists) {
        return "-i, --input-file with two URLs: add --round-robin to ask all of them in turns";
    }
    return NULL;
}

static const char *check_length(const struct bench_options *options) {
    const struct rf_load_settings *load = &options->load;
    if (load->requests && load->duration_s > 0) {
        return "-n, --requests and -d, --duration contradict each other";
    }
    if (load->ramp_count && load->duration_s > 0) {
        return "--ramp says how long: -d, --duration contradicts it";
    }
    return load->ramp_count && load->requests
               ? "--ramp says how long: -n, --requests contradicts it"
               : NULL;
}

static const char *check_schedule(const struct bench_options *options) {
    const struct rf_load_settings *load = &options->load;
    bool open_loop = load->rate > 0 || (load->ramp_count && !load->ramp_connections);
    if (load->ramp_count && load->rate > 0) {
        return "-R, --rate and --ramp contradict each other";
    }
    if (load->ramp_connections && load->connections) {
        return "-c, --connections and --ramp of connections contradict each other";
    }
    if (options->arrivals >= 0 && !open_loop) {
        return "--arrivals is for -R, --rate and --ramp of rates";
    }
    return load->outstanding_max && !open_loop
               ? "--max-outstanding is for -R, --rate and --ramp of rates"
               : NULL;
}

static const char *check_connections(const struct bench_options *options) {
    const struct rf_load_settings *load = &options->load;
    const struct get_options *get = &options->get;
    if (load->pipeline && load->no_keepalive) {
        return "--pipeline and --no-keepalive contradict each other";
    }
    if (get->head && get->body.bytes) {
        return "-I, --head and --data contradict each other";
    }
    return NULL;
}

static const char *check_two(const struct bench_options *options) {
    const struct rf_load_settings *load = &options->load;
    if (options->baseline) {
        return "--baseline is for one URL: two are compared with each other";
    }
    if (bench_outputs_has(&options->outputs, "save")) {
        return "--save keeps one URL's run for --baseline; what two come to is --json's";
    }
    if (load->requests) {
        return "-n, --requests is for one URL: two are compared for a time (-d, --max-duration)";
    }
    if (load->ramp_count) {
        return "--ramp is for one URL: two are compared under a load that stays the same";
    }
    return load->duration_s > 0 && options->max_duration_s > 0
               ? "-d, --duration and --max-duration contradict each other"
               : NULL;
}

static const char *check_one(const struct bench_options *options) {
    const struct rf_load_settings *load = &options->load;
    if (options->cmd[RF_SIDE_B]) {
        return "--cmd-b starts the second URL's server, and there is no second URL";
    }
    if (options->max_duration_s > 0) {
        return "--max-duration is for two URLs; one has -d, --duration";
    }
    if (load->block_s > 0) {
        return "--block is for two URLs, which are measured in turns";
    }
    if (options->baseline) {
        return NULL;
    }
    if (options->force_compare) {
        return "--force-compare is for --baseline FILE";
    }
    return load->confidence > 0 || load->min_effect >= 0 || load->judged
               ? "--confidence, --min-effect and --metrics are for a comparison: add a second URL "
                 "or --baseline FILE"
               : NULL;
}

static const char *check_comparison(const struct bench_options *options) {
    if (options->cmd_timeout_ms && !options->cmd[RF_SIDE_A] && !options->cmd[RF_SIDE_B]) {
        return "--cmd-timeout is for --cmd-a and --cmd-b";
    }
    if (options->cmd[RF_SIDE_A] && !options->url[RF_SIDE_A]) {
        return "--cmd-a is waited for at its URL: add one";
    }
    if (!options->url[RF_SIDE_B]) {
        return check_one(options);
    }
    return options->force_compare ? "--force-compare is for --baseline FILE" : check_two(options);
}

/* "p50>+5%" asks for something to be 5% above. */
static bool is_relative(const char *threshold) {
    const char *value = threshold + strcspn(threshold, "<>=");
    value += strspn(value, "<>= \t");
    return *value == '+' || *value == '-';
}

static bool check_thresholds(const struct bench_options *options, char *why, size_t why_size) {
    bool comparable = options->baseline || options->url[RF_SIDE_B];
    for (size_t i = 0; i < options->thresholds.count && !comparable; i++) {
        if (is_relative(options->thresholds.items[i])) {
            snprintf(why, why_size, "--fail-if %.80s compares: add a second URL or --baseline FILE",
                     options->thresholds.items[i]);
            return false;
        }
    }
    return true;
}

static bool check_outputs(const struct bench_options *options, char *why, size_t why_size) {
    return !bench_outputs_check(&options->outputs, why, why_size);
}

/* ---- completing ------------------------------------------------------------------------------------ */

/* Two operands are two sides; of everything else there is one. */
static void find_sides(struct bench_options *options) {
    struct counts counts = count_inputs(options);
    unsigned found = 0;
    for (size_t i = 0; i < options->get.input_count && found < RF_SIDES; i++) {
        if (!options->get.inputs[i].is_file) {
            options->url[found++] = options->get.inputs[i].text;
        }
    }
    if (options->round_robin || counts.urls != 2) {
        options->url[RF_SIDE_B] = NULL;
    }
}

static unsigned count_cores(void) {
    cpu_set_t allowed;
    int cores = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return cores > 0 ? (unsigned)cores : 1;
}

/* The most connections that a ramp asks for. */
static unsigned ramp_connections(const struct rf_load_settings *load) {
    double most = 1;
    for (size_t i = 0; i < load->ramp_count; i++) {
        most = load->ramp[i].target > most ? load->ramp[i].target : most;
    }
    return (unsigned)most;
}

static void complete_load(struct bench_options *options) {
    struct rf_load_settings *load = &options->load;
    bool two = options->url[RF_SIDE_B] != NULL;
    if (!load->connections) {
        load->connections = load->ramp_connections ? ramp_connections(load) : CONNECTIONS;
    }
    load->whole_duration = two && load->duration_s > 0;
    if (load->duration_s <= 0) {
        double most = options->max_duration_s > 0 ? options->max_duration_s : max_duration_s;
        load->duration_s = two ? most : duration_s;
    }
    if (load->warmup_s < 0) {
        load->warmup_s = warmup_s;
    }
    load->arrivals =
        options->arrivals >= 0 ? (enum rf_arrivals)options->arrivals : RF_ARRIVALS_CONSTANT;
    load->outstanding_max = load->outstanding_max ? load->outstanding_max : OUTSTANDING_MAX;
    load->pipeline = load->pipeline ? load->pipeline : 1;
    load->confidence = load->confidence > 0 ? load->confidence : 0.99;
    load->min_effect = load->min_effect >= 0 ? load->min_effect : 0.05;
    load->new_session |= options->get.settings.no_resumption;
}

/* A worker without a connection would only stand in the way. */
static void complete_threads(struct bench_options *options) {
    struct rf_settings *settings = &options->get.settings;
    unsigned wanted = settings->threads ? settings->threads : count_cores();
    if (wanted > options->load.connections) {
        settings->threads = options->load.connections;
    }
}

bool bench_options_finish(struct bench_options *options, char *why, size_t why_size) {
    static const char *(*const checks[])(const struct bench_options *) = {
        check_asked, check_length, check_schedule, check_connections, check_comparison};
    find_sides(options);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (!say(why, why_size, checks[i](options))) {
            return false;
        }
    }
    if (!check_thresholds(options, why, why_size) || !check_outputs(options, why, why_size) ||
        !get_options_finish_request(&options->get, why, why_size)) {
        return false;
    }
    complete_load(options);
    complete_threads(options);
    options->get.settings.expect = options->expects.items;
    options->cmd_timeout_ms = options->cmd_timeout_ms ? options->cmd_timeout_ms : CMD_TIMEOUT_MS;
    return true;
}
