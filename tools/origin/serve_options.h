/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * serve_options.h: what `ringfetch serve` was asked for. Main thread; the strings are argv's.
 */
#ifndef ORIGIN_SERVE_OPTIONS_H
#define ORIGIN_SERVE_OPTIONS_H

#include <stdbool.h>

#include "../ringfetch/options.h"

struct serve_options {
    unsigned port, threads, work_us;
    const char *address, *directory, *log;
    bool grows; /* more workers as needed: no --threads */
    bool tls;
    struct option_list tls_names;
    const char *tls_ca, *cert, *key;
};

/* -1: go on; else the exit status to end with, and what there is to say is said. serve_options_deinit in either case. */
int serve_options_read(struct serve_options *options, int argc, char **argv);
void serve_options_deinit(struct serve_options *options);

#endif
