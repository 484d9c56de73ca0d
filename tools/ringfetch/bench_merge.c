/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_merge.c: placeholder, to be written.
 */
#include "bench.h"
