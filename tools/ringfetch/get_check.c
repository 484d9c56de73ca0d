/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_check.c: refuses options that contradict one another, and completes the settings from what
 * was read. Each check returns NULL or a line that names the options; they run in the order of the
 * table at the end. Main thread.
 */
#include "get_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool get_options_have_output(const struct get_options *options, const char *kind) {
    size_t count = strlen(kind);
    for (size_t i = 0; i < options->outputs.count; i++) {
        const char *spec = options->outputs.items[i];
        if (has_prefix(spec, kind) && (spec[count] == '\0' || spec[count] == ':')) {
            return true;
        }
    }
    return false;
}

/* The file that records are written to; NULL for other kinds. */
static const char *record_file(const char *spec) {
    return has_prefix(spec, "jsonl:") ? spec + 6 : has_prefix(spec, "csv:") ? spec + 4 : NULL;
}

static bool is_stdout(const char *spec) {
    const char *file = record_file(spec);
    return strcmp(spec, "stdout") == 0 || (file && strcmp(file, "-") == 0);
}

bool get_options_use_stdout(const struct get_options *options) {
    for (size_t i = 0; i < options->outputs.count; i++) {
        if (is_stdout(options->outputs.items[i])) {
            return true;
        }
    }
    return false;
}

static const char *check_input(const struct get_options *options) {
    return options->input_count ? NULL : "no URL given (see --help)";
}

static const char *check_request(const struct get_options *options) {
    const char *method = options->settings.method;
    if (options->head && options->body.bytes) {
        return "-I, --head and -d, --data contradict each other";
    }
    if (options->head && method && strcmp(method, "HEAD") != 0) {
        return "-I, --head and -X, --request contradict each other";
    }
    return NULL;
}

static const char *check_network(const struct get_options *options) {
    if (options->ipv4 && options->ipv6) {
        return "-4, --ipv4 and -6, --ipv6 contradict each other";
    }
    if (options->settings.unix_socket && options->settings.interface) {
        return "--unix-socket and --interface contradict each other";
    }
    if (options->settings.unix_socket && (options->ipv4 || options->ipv6)) {
        return "--unix-socket and -4, -6 contradict each other";
    }
    return NULL;
}

static const char *check_tls(const struct get_options *options) {
    const struct rf_settings *settings = &options->settings;
    if (settings->key && !settings->cert) {
        return "--key is for a client certificate: add -E, --cert";
    }
    /* Of two versions, this is the one way to get them wrong. */
    if (settings->tls_min == RF_TLS_1_3 && settings->tls_max == RF_TLS_1_2) {
        return "--tls-min 1.3 and --tls-max 1.2 contradict each other";
    }
    return NULL;
}

static const char *check_resume(const struct get_options *options) {
    if (options->on_exist != RF_EXIST_RESUME) {
        return NULL;
    }
    if (options->settings.range) {
        return "-r, --range and --on-exist resume contradict each other";
    }
    if (options->body.bytes || options->head) {
        return "--on-exist resume continues a GET; -d, --data and -I, --head contradict it";
    }
    return NULL;
}

static const char *check_talk(const struct get_options *options) {
    return options->silent && options->verbose
               ? "-s, --silent and -v, --verbose contradict each other"
               : NULL;
}

static const char *check_outputs(const struct get_options *options) {
    unsigned to_stdout = 0;
    for (size_t i = 0; i < options->outputs.count; i++) {
        const char *spec = options->outputs.items[i], *file = record_file(spec);
        to_stdout += is_stdout(spec);
        for (size_t k = 0; k < i; k++) {
            const char *other = options->outputs.items[k], *other_file = record_file(other);
            bool same_file = file && other_file && strcmp(file, other_file) == 0;
            if (!is_stdout(spec) && (same_file || strcmp(spec, other) == 0)) {
                return "--output: two outputs write to the same place (-P DIR is --output "
                       "files:DIR)";
            }
        }
    }
    return to_stdout > 1 ? "--output: only one output can write to standard output" : NULL;
}

static const char *check_output_options(const struct get_options *options) {
    bool files = get_options_have_output(options, "files");
    if (options->output.name && !files) {
        return "-o, --name is for files: add --output files:DIR or -P, --directory DIR";
    }
    if (options->on_exist >= 0 && !files) {
        return "--on-exist is for files: add --output files:DIR or -P, --directory DIR";
    }
    if (options->output.ordered && !get_options_have_output(options, "stdout")) {
        return "--ordered is for --output stdout";
    }
    return NULL;
}

/* --directory becomes an output like any other; without any, bodies go into files here. A HEAD
 * request has no body, so its answer is the record. */
static bool complete_outputs(struct get_options *options) {
    if (!options->directory) {
        bool want_files = options->output.name || options->on_exist >= 0;
        return options->outputs.count > 0 ||
               option_list_add(&options->outputs,
                               options->head && !want_files ? "jsonl:-" : "files:.");
    }
    struct data spec = {0};
    bool ok = data_add(&spec, "files:", 6) &&
              data_add(&spec, options->directory, strlen(options->directory)) &&
              option_list_add(&options->owned, spec.bytes);
    if (!ok) {
        data_deinit(&spec);
    }
    return ok && option_list_add(&options->outputs, spec.bytes);
}

/* One list serves all versions. */
static bool complete_ciphers(struct get_options *options) {
    struct rf_settings *settings = &options->settings;
    if (!options->tls13_ciphers || !settings->ciphers) {
        settings->ciphers = settings->ciphers ? settings->ciphers : options->tls13_ciphers;
        return true;
    }
    struct data list = {0};
    bool ok = data_add(&list, options->tls13_ciphers, strlen(options->tls13_ciphers)) &&
              data_add(&list, ":", 1) &&
              data_add(&list, settings->ciphers, strlen(settings->ciphers)) &&
              option_list_add(&options->owned, list.bytes);
    if (!ok) {
        data_deinit(&list);
        return false;
    }
    settings->ciphers = list.bytes;
    return true;
}

static void complete_settings(struct get_options *options) {
    struct rf_settings *settings = &options->settings;
    settings->headers = options->headers.items;
    settings->resolve = options->resolve.items;
    settings->connect_to = options->connect_to.items;
    settings->body = options->body.bytes;
    settings->body_bytes = options->body.count;
    settings->family = options->ipv4   ? RF_FAMILY_IPV4
                       : options->ipv6 ? RF_FAMILY_IPV6
                                       : RF_FAMILY_ANY;
    if (options->head) {
        settings->method = "HEAD";
    }
    options->output.on_exist =
        options->on_exist >= 0 ? (enum rf_on_exist)options->on_exist : RF_EXIST_RENAME;
}

static bool say(char *why, size_t why_size, const char *complaint) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return !complaint;
}

bool get_options_finish_request(struct get_options *options, char *why, size_t why_size) {
    static const char *(*const checks[])(const struct get_options *) = {
        check_request, check_network, check_tls, check_talk, check_outputs};
    if (!complete_ciphers(options)) {
        return say(why, why_size, "out of memory");
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (!say(why, why_size, checks[i](options))) {
            return false;
        }
    }
    complete_settings(options);
    return true;
}

bool get_options_finish_shared(struct get_options *options, char *why, size_t why_size) {
    return say(why, why_size, check_input(options)) &&
           get_options_finish_request(options, why, why_size);
}

bool get_options_finish(struct get_options *options, char *why, size_t why_size) {
    return say(why, why_size, complete_outputs(options) ? NULL : "out of memory") &&
           get_options_finish_shared(options, why, why_size) &&
           say(why, why_size, check_resume(options)) &&
           say(why, why_size, check_output_options(options));
}
