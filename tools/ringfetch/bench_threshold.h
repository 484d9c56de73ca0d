/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_threshold.h: the grammar of --fail-if, read once and judged later.
 *
 *     rule     := quantity op value          blanks are allowed between the three
 *     quantity := "rps" | "errors" | "cpu" | ["connect_" | "tls_" | "first_byte_"] point
 *     point    := "mean" | "min" | "max" | "p" NUMBER     above 0, at most 100
 *     op       := ">" | "<" | ">=" | "<="
 *     value    := NUMBER ("ns" | "us" | "ms" | "s")       of points and cpu
 *               | NUMBER                                  of rps; of errors: how many
 *               | NUMBER "%"                              of errors: of all requests
 *               | ("+" | "-") NUMBER "%"                  of all: relative to what it is compared with
 *
 * The rule says what is wrong, not what is right. A duration without a unit is refused: half of those who leave it out mean
 * seconds, half milliseconds. Pure; any thread.
 */
#ifndef TOOLS_BENCH_THRESHOLD_H
#define TOOLS_BENCH_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>

#include <ringfetch/load.h>

enum threshold_kind { THRESHOLD_RPS, THRESHOLD_ERRORS, THRESHOLD_CPU, THRESHOLD_TIME };
enum threshold_point { POINT_MEAN, POINT_MIN, POINT_MAX, POINT_PERCENTILE };
enum threshold_phase { PHASE_LATENCY, PHASE_CONNECT, PHASE_TLS, PHASE_FIRST_BYTE };

struct threshold_rule {
    enum threshold_kind kind;
    enum threshold_phase phase; /* of THRESHOLD_TIME, with the next two */
    enum threshold_point point;
    double percent;
    bool above, equal; /* '>' or '<'; with '=' */
    bool share;        /* errors: of all requests; relative ones always are */
    bool relative;     /* value is a change: 0.05 for "+5%" */
    double value;      /* ns, requests a second, errors, a share */
    char name[32];     /* the quantity as given */
};

/* False: a phrase in `why`. */
bool threshold_parse(const char *text, struct threshold_rule *rule, char *why, size_t why_size);

#endif
