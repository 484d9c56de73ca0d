/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "ringfetch: internal error at %s:%d: %s\n", file, line, what);
    abort();
}
