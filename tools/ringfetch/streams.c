/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * streams.c: see streams.h.
 */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <ringfetch/ringfetch.h>

bool streams_fill(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
            continue;
        }
        /* open gives the lowest free number, which is `fd`: those below are open by now. */
        if (open("/dev/null", fd == 1 ? O_RDONLY : O_WRONLY) != fd) {
            return false;
        }
    }
    return true;
}

int streams_end(int status) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fprintf(stderr, "ringfetch: standard output: %s\n", strerror(errno ? errno : EIO));
    return RF_LOCAL_FAULT;
}
