/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_options_values.c: how the values of bench's options are read: times, shares, metrics, ramps. Pure but for the ramp's memory. What
 * looks like a slip is refused rather than guessed at: `--min-effect 0.05` is 0.05% to a machine and 5% to whoever wrote it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_options.h"
#include "values.h"

enum { RAMP_PARTS_MAX = 1000, RAMP_CONNECTIONS_MAX = 1000000, RAMP_PART_BYTES = 64 };

static bool say(char *why, size_t why_size, const char *complaint) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return !complaint;
}

static void *member(void *target, const struct option_row *row) {
    return (char *)target + row->offset;
}

bool bench_take_seconds(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    unsigned ms = 0;
    const char *complaint = value_ms(value, &ms);
    if (!complaint && ms < row->min) {
        complaint = row->min > 1 ? "too short" : "must be more than 0";
    }
    *(double *)member(target, row) = ms / 1e3;
    return say(why, why_size, complaint);
}

bool bench_take_number(void *target, const struct option_row *row, const char *value, char *why,
                       size_t why_size) {
    uint64_t number = 0;
    const char *complaint = value_count(value, &number);
    if (!complaint && number < row->min) {
        complaint = "must be more than 0";
    }
    *(uint64_t *)member(target, row) = number;
    return say(why, why_size, complaint);
}

bool bench_take_rate(void *target, const struct option_row *row, const char *value, char *why,
                     size_t why_size) {
    double *rate = member(target, row);
    const char *complaint = value_rate(value, rate);
    if (!complaint && *rate <= 0) {
        complaint = "must be more than 0";
    }
    return say(why, why_size, complaint);
}

/* Digits with a point, a per cent sign behind them or none. */
static bool parse_share(const char *text, double *number, bool *percent) {
    size_t count = strspn(text, "0123456789.");
    *percent = text[count] == '%' && !text[count + 1];
    if (strcspn(text, "0123456789") >= count || (text[count] && !*percent) ||
        memchr(text, '.', count) != memrchr(text, '.', count)) {
        return false;
    }
    *number = strtod(text, NULL);
    return true;
}

bool bench_take_confidence(void *target, const struct option_row *row, const char *value, char *why,
                           size_t why_size) {
    double number;
    bool percent;
    if (!parse_share(value, &number, &percent)) {
        return say(why, why_size, "not a confidence such as 0.99 or 99%");
    }
    number = percent ? number / 100 : number;
    *(double *)member(target, row) = number;
    return say(why, why_size, number < 0.5 || number > 0.99999 ? "must be 0.5 to 0.99999" : NULL);
}

bool bench_take_effect(void *target, const struct option_row *row, const char *value, char *why,
                       size_t why_size) {
    double number;
    bool percent;
    if (!parse_share(value, &number, &percent)) {
        return say(why, why_size, "not per cent such as 5%");
    }
    *(double *)member(target, row) = number / 100;
    if (number > 0 && number < 1 && !percent) {
        snprintf(why, why_size, "is it %.10g%% or %.10g%%? Write the sign", number, 100 * number);
        return false;
    }
    return say(why, why_size, number > 100 ? "must be at most 100%" : NULL);
}

bool bench_take_metrics(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    unsigned metrics = 0;
    for (const char *at = value, *end; at; at = *end ? end + 1 : NULL) {
        unsigned metric = 0;
        end = at + strcspn(at, ",");
        size_t count = (size_t)(end - at);
        while (metric < RF_METRICS) {
            const char *name = rf_metric_name((enum rf_metric)metric);
            if (strlen(name) == count && memcmp(name, at, count) == 0) {
                break;
            }
            metric++;
        }
        if (metric == RF_METRICS) {
            return say(why, why_size, "must be some of rps,mean,p50,p90,p99,errors");
        }
        metrics |= 1u << metric;
    }
    *(unsigned *)member(target, row) = metrics;
    return true;
}

bool bench_take_nothing(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    (void)target, (void)value;
    return say(why, why_size, row->words[0]);
}

/* ---- ramps ------------------------------------------------------------------------------------- */

static const char ramp_wrong[] = "not parts such as 10s:100,30s:1000 (time:rate, or with c behind "
                                 "each number: connections)";

/* One part, `count` characters long. NULL, or what is wrong. */
static const char *parse_part(const char *text, size_t count, struct rf_ramp *part,
                              bool *connections) {
    char copy[RAMP_PART_BYTES];
    unsigned ms;
    if (count >= sizeof copy) {
        return ramp_wrong;
    }
    memcpy(copy, text, count);
    copy[count] = '\0';
    char *colon = strchr(copy, ':');
    if (!colon) {
        return ramp_wrong;
    }
    *colon = '\0';
    if (value_ms(copy, &ms)) {
        return ramp_wrong;
    }
    part->seconds = ms / 1e3;
    char *target = colon + 1, *last = target + strlen(target);
    *connections = last > target && last[-1] == 'c';
    if (!*connections) {
        return value_rate(target, &part->target) ? ramp_wrong : NULL;
    }
    uint64_t number;
    last[-1] = '\0';
    if (value_count(target, &number)) {
        return ramp_wrong;
    }
    part->target = (double)number;
    return number > RAMP_CONNECTIONS_MAX ? "at most 1000000 connections" : NULL;
}

static const char *parse_ramp(const char *text, struct bench_options *options) {
    struct rf_load_settings *load = &options->load;
    double seconds = 0, highest = 0;
    for (const char *at = text, *end; at; at = *end ? end + 1 : NULL) {
        bool connections;
        struct rf_ramp *part = &options->ramp[load->ramp_count];
        end = at + strcspn(at, ",");
        if (load->ramp_count == RAMP_PARTS_MAX) {
            return "too many parts";
        }
        const char *complaint = parse_part(at, (size_t)(end - at), part, &connections);
        if (complaint) {
            return complaint;
        }
        if (load->ramp_count && connections != load->ramp_connections) {
            return "either all are rates or all are connections (100c)";
        }
        load->ramp_connections = connections;
        seconds += part->seconds;
        highest = part->target > highest ? part->target : highest;
        load->ramp_count++;
    }
    return seconds <= 0 ? "takes no time" : highest <= 0 ? "asks for nothing" : NULL;
}

bool bench_take_ramp(void *target, const struct option_row *row, const char *value, char *why,
                     size_t why_size) {
    (void)row;
    struct bench_options *options = target;
    if (!options->ramp) {
        options->ramp = calloc(RAMP_PARTS_MAX, sizeof *options->ramp);
    }
    options->load.ramp_count = 0;
    options->load.ramp = options->ramp;
    return say(why, why_size, options->ramp ? parse_ramp(value, options) : "out of memory");
}
