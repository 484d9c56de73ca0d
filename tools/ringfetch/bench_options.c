/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_options.c: the table of bench's options, and what of them makes a load another load. What contradicts what is
 * bench_options_check.c's. Options of get that mean nothing here are refused by name, with the reason: taken and ignored they would
 * make somebody believe a figure.
 */
#include "bench_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_help.h"
#include "text.h"

enum { CONNECTIONS_MAX = 1000000, PIPELINE_MAX = 1000, MAX_TIME_MS = 30000 };

static bool take_filled(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    if (!*value) {
        snprintf(why, why_size, "must not be empty");
        return false;
    }
    return option_text(target, row, value, why, why_size);
}

static bool take_threshold(void *target, const struct option_row *row, const char *value, char *why,
                           size_t why_size) {
    return bench_threshold_is_valid(value, why, why_size) &&
           option_list(target, row, value, why, why_size);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct bench_options, member)
#define VALUE(name, letter, take, member)                                                          \
    { name, letter, OPTION_VALUE, take, AT(member) }
#define COUNT(name, letter, member, low, high)                                                     \
    { name, letter, OPTION_VALUE, option_count, AT(member), .min = low, .max = high }
#define LEAST(name, letter, take, member, low)                                                     \
    { name, letter, OPTION_VALUE, take, AT(member), .min = low }
#define FLAG(name, member)                                                                         \
    { name, 0, 0, option_flag, AT(member) }
#define NOT_HERE(name, letter, traits, why)                                                        \
    {                                                                                              \
        name, letter, traits, bench_take_nothing, .words = (const char *const[]) {                 \
            why, NULL                                                                              \
        }                                                                                          \
    }

/* In the order of enum rf_arrivals. */
static const char *const arrivals_words[] = {"constant", "poisson", NULL};

static const char once[] = "bench makes each request once";
static const char connections[] = "bench has -c, --connections N";
static const char whole[] = "bench reads whole responses, as fast as they come";
static const char resolves[] = "bench asks for its few names once";

static const struct option_row rows[] = {
    COUNT("connections", 'c', load.connections, 1, CONNECTIONS_MAX),
    LEAST("duration", 'd', bench_take_seconds, load.duration_s, 1),
    LEAST("requests", 'n', bench_take_number, load.requests, 1),
    LEAST("warmup", 0, bench_take_seconds, load.warmup_s, 0),
    VALUE("rate", 'R', bench_take_rate, load.rate),
    {"arrivals", 0, OPTION_VALUE, option_word, AT(arrivals), .words = arrivals_words},
    VALUE("ramp", 0, bench_take_ramp, load),
    COUNT("max-outstanding", 0, load.outstanding_max, 1, 100 * CONNECTIONS_MAX),
    COUNT("pipeline", 0, load.pipeline, 1, PIPELINE_MAX),
    FLAG("no-keepalive", load.no_keepalive),
    FLAG("new-session", load.new_session),
    LEAST("seed", 0, bench_take_number, load.seed, 1),

    FLAG("round-robin", round_robin),
    VALUE("requests-file", 0, take_filled, requests_file),
    VALUE("expect", 0, option_list, expects),

    VALUE("cmd-a", 0, take_filled, cmd[RF_SIDE_A]),
    VALUE("cmd-b", 0, take_filled, cmd[RF_SIDE_B]),
    VALUE("cmd-timeout", 0, option_ms, cmd_timeout_ms),
    VALUE("confidence", 0, bench_take_confidence, load.confidence),
    VALUE("min-effect", 0, bench_take_effect, load.min_effect),
    LEAST("max-duration", 0, bench_take_seconds, max_duration_s, 1),
    VALUE("metrics", 0, bench_take_metrics, load.judged),
    LEAST("block", 0, bench_take_seconds, load.block_s, 1),

    BENCH_OUTPUT_ROW("save", offsetof(struct bench_options, outputs)),
    VALUE("baseline", 0, take_filled, baseline),
    FLAG("force-compare", force_compare),
    VALUE("fail-if", 0, take_threshold, thresholds),
    BENCH_OUTPUT_ROWS(offsetof(struct bench_options, outputs)),

    NOT_HERE("concurrency", 'j', OPTION_VALUE, connections),
    NOT_HERE("per-host", 0, OPTION_VALUE, connections),
    NOT_HERE("per-host-rate", 0, OPTION_VALUE, "bench has -R, --rate N"),
    NOT_HERE("shard", 0, OPTION_VALUE, "bench makes all of its requests"),
    NOT_HERE("range", 'r', OPTION_VALUE, whole),
    NOT_HERE("limit-rate", 0, OPTION_VALUE, whole),
    NOT_HERE("max-filesize", 0, OPTION_VALUE, whole),
    NOT_HERE("stall-time", 0, OPTION_VALUE, "bench has -m, --max-time T for a request"),
    NOT_HERE("total-time", 0, OPTION_VALUE, "bench has -m, --max-time T for a request"),
    NOT_HERE("max-redirs", 0, OPTION_VALUE, "bench follows no redirects"),
    NOT_HERE("retry", 0, OPTION_VALUE, once),
    NOT_HERE("retry-delay", 0, OPTION_VALUE, once),
    NOT_HERE("retry-max-time", 0, OPTION_VALUE, once),
    NOT_HERE("retry-all", 0, 0, once),
    NOT_HERE("dns-rate", 0, OPTION_VALUE, resolves),
    NOT_HERE("dns-in-flight", 0, OPTION_VALUE, resolves),
};

const struct option_table bench_option_table = {
    "bench", bench_help, rows, sizeof rows / sizeof *rows, get_options_take_url, &shared_table};

void bench_options_init(struct bench_options *options) {
    *options = (struct bench_options){.arrivals = BENCH_UNSET, .max_duration_s = BENCH_UNSET};
    get_options_init(&options->get);
    options->get.settings.max_time_ms = MAX_TIME_MS;
    rf_load_settings_init(&options->load);
    options->load.connections = options->load.outstanding_max = options->load.pipeline = 0;
    options->load.duration_s = options->load.min_effect = options->load.warmup_s = BENCH_UNSET;
    options->load.confidence = 0;
}

void bench_options_deinit(struct bench_options *options) {
    option_list_deinit(&options->expects);
    option_list_deinit(&options->thresholds);
    free(options->ramp);
    options->ramp = NULL;
    get_options_deinit(&options->get);
}

/* ---- the fingerprint ----------------------------------------------------------------------------- */

/* FNV-1a: the same in every run and on every machine. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    }
    return (hash ^ 0xff) * 0x100000001b3;
}

/* What is new with every run of a pipeline, and nobody's business in a file that is kept. */
static bool is_secret(const char *field) {
    return strncasecmp(field, "authorization:", 14) == 0 || strncasecmp(field, "cookie:", 7) == 0;
}

static uint64_t mix_list(uint64_t hash, const struct option_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i];
        hash = mix(hash, item, is_secret(item) ? strcspn(item, ":") : strlen(item));
    }
    return mix(hash, "", 0);
}

/* Fields, body and expectations: a number says whether they are the same, and no more. */
static void add_request(FILE *out, const struct bench_options *options) {
    const struct get_options *get = &options->get;
    const struct rf_settings *settings = &get->settings;
    uint64_t hash = mix(0xcbf29ce484222325, settings->body, settings->body_bytes);
    hash = mix_list(mix_list(hash, &get->headers), &options->expects);
    fprintf(out, " method=%s body=%zu fields=%zu expect=%zu",
            settings->method       ? settings->method
            : settings->body_bytes ? "POST"
                                   : "GET",
            settings->body_bytes, get->headers.count, options->expects.count);
    if (settings->body_bytes || get->headers.count || options->expects.count) {
        fprintf(out, " digest=%08x", (unsigned)(hash ^ hash >> 32));
    }
    if (options->requests_file) {
        const char *slash = strrchr(options->requests_file, '/');
        fprintf(out, " requests-file=%s", slash ? slash + 1 : options->requests_file);
    } else if (get->input_count > 1 && !options->url[RF_SIDE_B]) {
        fprintf(out, " urls=%zu", get->input_count);
    }
}

static void add_schedule(FILE *out, const struct rf_load_settings *load) {
    if (load->ramp_count) {
        fputs(" ramp=", out);
    }
    for (size_t i = 0; i < load->ramp_count; i++) {
        fprintf(out, "%s%g:%g%s", i ? "," : "", load->ramp[i].seconds, load->ramp[i].target,
                load->ramp_connections ? "c" : "");
    }
    if (load->rate > 0) {
        fprintf(out, " rate=%g", load->rate);
    }
    if (load->rate > 0 || (load->ramp_count && !load->ramp_connections)) {
        fprintf(out, " arrivals=%s max-outstanding=%u", arrivals_words[load->arrivals],
                load->outstanding_max);
    }
}

char *bench_options_text(const struct bench_options *options) {
    const struct rf_load_settings *load = &options->load;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fprintf(out, "connections=%u pipeline=%u", load->connections, load->pipeline);
    if (options->get.settings.threads) {
        fprintf(out, " threads=%u", options->get.settings.threads);
    }
    add_schedule(out, load);
    fputs(load->no_keepalive ? " no-keepalive" : "", out);
    fputs(load->new_session ? " new-session" : "", out);
    add_request(out, options);
    fputs(options->get.settings.unix_socket ? " unix-socket" : "", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
