/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_settings.c: a load's defaults, and its own copy of what the user set, checked before anything runs. What
 * it has in common with fetching is taken, checked and dropped as an engine's. The caller's thread.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine_load.h"

enum { CONNECTIONS_MAX = 1000000, PIPELINE_MAX = 1000, REQUEST_TIME_MS = 30000 };

void rf_load_settings_init(struct rf_load_settings *settings) {
    *settings = (struct rf_load_settings){
        .connections = 50,
        .warmup_s = 1,
        .duration_s = 10,
        .outstanding_max = 10000,
        .pipeline = 1,
        .confidence = 0.99,
        .min_effect = 0.05,
    };
}

void rf_load_request_init(struct rf_load_request *request) {
    *request = (struct rf_load_request){.weight = 1};
}

bool load_is_open_loop(const struct rf_load *load) {
    return load->settings.rate > 0 ||
           (load->settings.ramp_count && !load->settings.ramp_connections);
}

static bool is_number(double value, double least, double most) {
    return isfinite(value) && value >= least && value <= most;
}

/* NULL, or what makes no sense. */
static const char *check_ramp(const struct rf_load_settings *settings) {
    double seconds = 0, highest = 0;
    double target_max = settings->ramp_connections ? CONNECTIONS_MAX : 1e9;
    if (!settings->ramp_count)
        return NULL;
    if (settings->rate > 0 || settings->requests)
        return "a ramp takes the place of rate and requests";
    for (size_t i = 0; i < settings->ramp_count; i++) {
        const struct rf_ramp *part = &settings->ramp[i];
        if (!is_number(part->seconds, 0, 1e9) || !is_number(part->target, 0, target_max))
            return "a part of the ramp is no duration and target";
        seconds += part->seconds;
        highest = part->target > highest ? part->target : highest;
    }
    if (seconds <= 0 || highest <= 0)
        return "the ramp has no duration, or no target above 0";
    return NULL;
}

static const char *check_numbers(const struct rf_load_settings *settings) {
    if (!settings->connections || settings->connections > CONNECTIONS_MAX)
        return "connections must be from 1 to 1000000";
    if (!settings->pipeline || settings->pipeline > PIPELINE_MAX)
        return "pipeline must be from 1 to 1000";
    if (!settings->outstanding_max)
        return "outstanding_max must be at least 1";
    if (!is_number(settings->warmup_s, 0, 1e9))
        return "warmup_s must be a duration";
    if (!is_number(settings->duration_s, 0, 1e9) ||
        (settings->duration_s <= 0 && !settings->requests && !settings->ramp_count))
        return "duration_s must be a duration above 0";
    if (!is_number(settings->rate, 0, 1e9))
        return "rate must be a number of requests a second";
    if ((unsigned)settings->arrivals > RF_ARRIVALS_POISSON)
        return "arrivals must be constant or Poisson";
    return NULL;
}

static const char *check_comparison(const struct rf_load_settings *settings) {
    if (!is_number(settings->block_s, 0, 1e6))
        return "block_s must be a duration";
    if (!is_number(settings->confidence, 0.5, 1) || settings->confidence >= 1)
        return "confidence must be at least 0.5 and below 1";
    if (!is_number(settings->min_effect, 0, 1e3))
        return "min_effect must be a share";
    if (settings->judged >= 1U << RF_METRICS)
        return "judged names a metric that does not exist";
    return NULL;
}

static enum rf_exit check(const struct rf_load_settings *settings, char *why, size_t why_size) {
    const char *fault = check_numbers(settings);
    fault = fault ? fault : check_ramp(settings);
    fault = fault ? fault : check_comparison(settings);
    if (fault)
        snprintf(why, why_size, "%s", fault);
    return fault ? RF_USAGE : RF_OK;
}

static bool take_ramp(struct rf_load *load) {
    const struct rf_load_settings *settings = &load->settings;
    if (!settings->ramp_count)
        return true;
    load->ramp = calloc(settings->ramp_count, sizeof *load->ramp);
    for (size_t i = 0; load->ramp && i < settings->ramp_count; i++) {
        load->ramp[i] = (struct ramp_part){settings->ramp[i].seconds, settings->ramp[i].target};
        load->ramp_s += settings->ramp[i].seconds;
    }
    load->settings.ramp = NULL; /* the caller's */
    return load->ramp;
}

/* As many threads as cores, or as hold so many sockets; never one without a connection. */
static unsigned threads_of(const struct rf_load *load, unsigned asked) {
    uint64_t sockets = 2 * (uint64_t)load->settings.connections; /* of both sides */
    unsigned threads = asked ? asked : limits_workers(limits_cores(), (unsigned)sockets);
    return threads < load->settings.connections ? threads : load->settings.connections;
}

enum rf_exit load_settings_take(struct rf_load *load, const struct rf_settings *settings,
                                const struct rf_load_settings *load_settings, char *why,
                                size_t why_size) {
    enum rf_exit result = check(load_settings, why, why_size);
    if (result != RF_OK)
        return result;
    load->settings = *load_settings;
    bool has_memory = take_ramp(load);
    CHECK(has_memory);
    struct rf_settings own = *settings;
    own.check = own.expect; /* expectations are judged here, too */
    own.title = false;
    own.concurrency = own.per_host = 1;
    own.shard = own.shards = 0;
    load->threads_wanted = threads_of(load, settings->threads);
    own.threads = 1;
    result = settings_take(&load->common, &own, why, why_size);
    if (!load->common.settings.max_time_ms)
        load->common.settings.max_time_ms = REQUEST_TIME_MS;
    if (!load->common.settings.connect_timeout_ms)
        load->common.settings.connect_timeout_ms = 10000;
    return result;
}

void load_settings_drop(struct rf_load *load) {
    settings_drop(&load->common);
    free(load->ramp);
}
