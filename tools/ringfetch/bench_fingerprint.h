/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_fingerprint.h: the part of reading a fingerprint that depends on what the machine is, apart, so that tests can show it
 * machines that they don't run on. Main thread.
 */
#ifndef TOOLS_BENCH_FINGERPRINT_H
#define TOOLS_BENCH_FINGERPRINT_H

#include <stddef.h>
#include <stdio.h>

/* The processor's name out of what /proc/cpuinfo says; "" where it says none. Returns text. */
char *bench_fingerprint_cpu(FILE *cpuinfo, char *text, size_t size);

#endif
