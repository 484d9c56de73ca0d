/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_asked.c: see bench_asked.h. A file is read once, though two sides may be asked what it says.
 */
#include "bench_asked.h"

#include <stdio.h>

#include "bench_requests.h"

enum { PLACE_BYTES = 256, REASON_BYTES = 512 };

static enum rf_exit add_url(const struct bench_options *options, struct rf_load *load,
                            enum rf_side side, const char *url, char *why, size_t why_size) {
    struct rf_load_request request;
    rf_load_request_init(&request);
    request.url = url;
    request.raw = options->get.settings.globoff;
    return rf_load_add(load, side, &request, why, why_size);
}

/* Adds what a file says, which lies at `base`, to one side. */
static enum rf_exit add_file(const struct bench_options *options, struct rf_load *load,
                             enum rf_side side, const struct bench_requests *requests,
                             const char *base, char *why, size_t why_size) {
    struct bench_request_set set = {0};
    char place[PLACE_BYTES], reason[REASON_BYTES];
    enum rf_exit exit = bench_requests_resolve(requests, base, &set, why, why_size);
    for (size_t i = 0; i < set.count && !exit; i++) {
        set.request[i].raw = options->get.settings.globoff;
        exit = rf_load_add(load, side, &set.request[i], reason, sizeof reason);
        if (exit) {
            snprintf(why, why_size, "%s: %s",
                     bench_requests_where(requests, i, place, sizeof place), reason);
        }
    }
    bench_request_set_deinit(&set);
    return exit;
}

static enum rf_exit add_requests(const struct bench_options *options, struct rf_load *load,
                                 char *why, size_t why_size) {
    struct bench_requests *requests = NULL;
    enum rf_exit exit = bench_requests_read(&requests, options->requests_file, why, why_size);
    for (unsigned side = 0; side < RF_SIDES && !exit; side++) {
        if (side == RF_SIDE_A || options->url[side]) {
            exit = add_file(options, load, (enum rf_side)side, requests, options->url[side], why,
                            why_size);
        }
    }
    bench_requests_free(requests);
    return exit;
}

static enum rf_exit add_list(const struct bench_options *options, struct rf_load *load,
                             const char *path, char *why, size_t why_size) {
    struct bench_requests *requests = NULL;
    enum rf_exit exit = bench_requests_read_list(&requests, path, why, why_size);
    if (!exit) {
        exit = add_file(options, load, RF_SIDE_A, requests, options->url[RF_SIDE_A], why, why_size);
    }
    bench_requests_free(requests);
    return exit;
}

enum rf_exit bench_asked_add(const struct bench_options *options, struct rf_load *load, char *why,
                             size_t why_size) {
    enum rf_exit exit = RF_OK;
    if (options->requests_file) {
        return add_requests(options, load, why, why_size);
    }
    for (size_t i = 0; i < options->get.input_count && !exit; i++) {
        const struct get_input *input = &options->get.inputs[i];
        enum rf_side side = i && options->url[RF_SIDE_B] ? RF_SIDE_B : RF_SIDE_A;
        exit = input->is_file ? add_list(options, load, input->text, why, why_size)
                              : add_url(options, load, side, input->text, why, why_size);
    }
    return exit;
}
