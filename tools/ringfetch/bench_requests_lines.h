/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_requests_lines.h: what bench_requests.c, which cuts files into lines, and bench_requests_json.c, which reads one line, share.
 */
#ifndef TOOLS_BENCH_REQUESTS_LINES_H
#define TOOLS_BENCH_REQUESTS_LINES_H

#include <jansson.h>

#include "bench_requests.h"
#include "fields.h"

/* One line's request. `request` points into the others. */
struct bench_request {
    unsigned long line;
    struct rf_load_request request; /* its url NULL: the command line's */
    json_t *object;                 /* of a list NULL */
    char *url;                      /* of a list, owned */
    char **header;                  /* NULL ends */
    size_t header_count;
    const char **expect; /* NULL ends */
    struct data body;    /* of body_file */
};

/* Reads an object into `request`, whose `line` is set. What is wrong is a phrase in `why`, without the place. */
enum rf_exit bench_request_parse(struct bench_request *request, const char *text, size_t count,
                                 char *why, size_t why_size);

#endif
