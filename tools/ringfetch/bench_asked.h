/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_asked.h: what the load asks of which side: URLs of the command line, lists of them, a file of requests. Main thread.
 */
#ifndef TOOLS_BENCH_ASKED_H
#define TOOLS_BENCH_ASKED_H

#include "bench_options.h"

/* Adds all of it. Whatever is refused, `why` says where it stands. As rf_load_add. */
enum rf_exit bench_asked_add(const struct bench_options *options, struct rf_load *load, char *why,
                             size_t why_size);

#endif
