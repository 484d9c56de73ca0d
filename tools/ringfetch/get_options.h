/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_options.h: everything `ringfetch get` was asked for, and most of what `ringfetch check` was, in the form the public API takes it.
 * Filled once by the main thread, read-only while the engine runs. Strings are borrowed from argv
 * or owned by the lists here.
 */
#ifndef TOOLS_GET_OPTIONS_H
#define TOOLS_GET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <ringfetch/output.h>
#include <ringfetch/ringfetch.h>

#include "fields.h"
#include "options.h"
#include "progress.h"

/* One URL pattern or input file, in the order given. */
struct get_input {
    const char *text;
    bool is_file;
};

struct get_options {
    struct rf_settings settings;     /* complete after get_options_finish */
    struct rf_output_options output; /* the same */
    struct option_list outputs; /* specs for rf_add_output; never empty after get_options_finish */
    struct get_input *inputs;
    size_t input_count;

    /* as read, before they go into `settings` and `output` */
    struct option_list headers, resolve, connect_to;
    struct option_list owned; /* strings to free */
    struct data body;
    const char *directory;     /* --directory, another way to say --output files:DIR */
    const char *stdin_taker;   /* the option that reads standard input, NULL: none */
    int on_exist;              /* enum rf_on_exist; -1: not given */
    const char *tls13_ciphers; /* joined to settings.ciphers */
    bool head, ipv4, ipv6;

    /* how to talk to people */
    int progress; /* enum progress_mode */
    bool silent, verbose;
};

void get_options_init(struct get_options *options);
void get_options_deinit(struct get_options *options);

extern const struct option_table get_table;
/* The rows that check has too: for any struct that begins with a struct get_options. */
extern const struct option_table shared_table;
option_take_fn get_options_take_url, get_options_take_output;

/* After parsing: refuses contradictions and completes `settings`, `output` and `outputs`. False:
 * the complaint is in `why`, without "ringfetch get: ". */
bool get_options_finish(struct get_options *options, char *why, size_t why_size);

/* The part of it that check has too. */
bool get_options_finish_shared(struct get_options *options, char *why, size_t why_size);
/* The part of that which bench has too, whose requests come from elsewhere. */
bool get_options_finish_request(struct get_options *options, char *why, size_t why_size);

/* True if one of the outputs writes to standard output. */
bool get_options_use_stdout(const struct get_options *options);
/* True if one of the outputs is of this kind: "files". */
bool get_options_have_output(const struct get_options *options, const char *kind);

#endif
