/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fake_load.c: see fake_load.h.
 */
#include "fake_load.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_engine.h"

struct rf_load {
    bool has_side[RF_SIDES];
};

struct fake_load fake_load;
static struct rf_load load;

void fake_load_reset(void) {
    memset(&fake_load, 0, sizeof fake_load);
    memset(&load, 0, sizeof load);
}

static enum rf_exit answer(enum rf_exit exit, char *why, size_t why_size) {
    if (exit) {
        snprintf(why, why_size, "%s", fake_load.why ? fake_load.why : "");
    }
    return exit;
}

const char *rf_metric_name(enum rf_metric metric) {
    static const char *const names[] = {"rps", "mean", "p50", "p90", "p99", "errors"};
    return names[metric];
}

const char *rf_change_name(enum rf_change change) {
    static const char *const names[] = {"regressed", "improved", "same", "inconclusive"};
    return names[change];
}

void rf_load_settings_init(struct rf_load_settings *settings) {
    *settings = (struct rf_load_settings){.connections = 50,
                                          .warmup_s = 1,
                                          .duration_s = 10,
                                          .outstanding_max = 10000,
                                          .pipeline = 1,
                                          .confidence = 0.99,
                                          .min_effect = 0.05};
}

void rf_load_request_init(struct rf_load_request *request) {
    *request = (struct rf_load_request){.weight = 1};
}

enum rf_exit rf_load_open(struct rf_load **opened, const struct rf_settings *settings,
                          const struct rf_load_settings *load_settings, char *why,
                          size_t why_size) {
    fake_note("load", "");
    memset(&load, 0, sizeof load);
    fake_load.settings = *settings;
    fake_load.load_settings = *load_settings;
    for (size_t i = 0; i < load_settings->ramp_count && i < FAKE_RAMP_MAX; i++) {
        fake_load.ramp[i] = load_settings->ramp[i];
    }
    *opened = fake_load.open_exit ? NULL : &load;
    return answer(fake_load.open_exit, why, why_size);
}

void rf_load_close(struct rf_load *closed) {
    fake_note("unload", closed ? "" : "nothing");
}

static void copy(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text ? text : "");
}

static void join(char *out, size_t size, const char *const *list) {
    out[0] = '\0';
    for (size_t i = 0; list && list[i]; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", i ? "|" : "", list[i]);
    }
}

enum rf_exit rf_load_add(struct rf_load *to, enum rf_side side,
                         const struct rf_load_request *request, char *why, size_t why_size) {
    to->has_side[side] = true;
    if (fake_load.request_count < FAKE_REQUESTS_MAX) {
        struct fake_load_request *kept = &fake_load.requests[fake_load.request_count++];
        *kept = (struct fake_load_request){.side = side,
                                           .body_bytes = request->body_bytes,
                                           .weight = request->weight,
                                           .raw = request->raw};
        copy(kept->name, sizeof kept->name, request->name);
        copy(kept->method, sizeof kept->method, request->method);
        copy(kept->url, sizeof kept->url, request->url);
        join(kept->headers, sizeof kept->headers, request->headers);
        join(kept->expect, sizeof kept->expect, request->expect);
        if (request->body && request->body_bytes < sizeof kept->body) {
            memcpy(kept->body, request->body, request->body_bytes);
        }
    }
    return answer(fake_load.add_exit, why, why_size);
}

enum rf_exit rf_load_run(struct rf_load *run, rf_load_sample_fn *sample, void *context, char *why,
                         size_t why_size) {
    (void)run;
    fake_note("run", "");
    if (fake_load.before_run) {
        fake_load.before_run();
    }
    for (unsigned i = 0; i < fake_load.signals; i++) {
        if (i) /* sooner, it would be taken for the same one */
            usleep(310 * 1000);
        raise(SIGINT);
    }
    for (unsigned i = 0; i < fake_load.sample_count && sample; i++) {
        sample(context, &fake_load.samples[i]);
        if (fake_load.between_samples) {
            fake_load.between_samples(i + 1);
        }
    }
    if (fake_load.stopped_with) {
        return fake_load.stopped_with;
    }
    return answer(fake_load.run_exit, why, why_size);
}

void rf_load_stop(struct rf_load *stopped, enum rf_exit exit) {
    (void)stopped;
    fake_load.stopped_with = exit;
}

const struct rf_load_figures *rf_load_figures(const struct rf_load *of, enum rf_side side) {
    return of->has_side[side] ? &fake_load.figures[side] : NULL;
}

struct rf_load_machine rf_load_machine(const struct rf_load *of) {
    (void)of;
    return fake_load.machine;
}

struct rf_comparison rf_load_comparison(const struct rf_load *of) {
    (void)of;
    return fake_load.comparison;
}

bool rf_compare_blocks(const struct rf_load_block *a, size_t a_count, const struct rf_load_block *b,
                       size_t b_count, const struct rf_load_settings *settings,
                       struct rf_comparison *comparison) {
    (void)a_count, (void)b_count, (void)settings;
    fake_note("compare", "");
    fake_load.compared[RF_SIDE_A] = a;
    fake_load.compared[RF_SIDE_B] = b;
    *comparison = fake_load.comparison;
    return !fake_load.compare_fails;
}
