/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_limits.c: descriptor limits are raised as far as the system lets us, and are never a reason to fail.
 */
#include <sys/resource.h>

#include "engine.h"

uint64_t limits_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur;
}
