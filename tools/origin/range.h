/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * range.h: conditional and range requests (RFC 9110, 13 and 14) for what has a length, an ETag and a
 * date. Pure; any thread. Several ranges in one field are answered with the whole, which 14.2 allows:
 * multipart/byteranges would be a lot of code that no client of ours reads.
 */
#ifndef ORIGIN_RANGE_H
#define ORIGIN_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "request.h"

struct resource {
    uint64_t length;
    char etag[64];        /* strong, with its quotes */
    int64_t modified_s;   /* Unix time */
    const char *modified; /* the same as an HTTP-date */
    const char *type;     /* Content-Type */
};

/* What a request selects: 200 and 206 with first and count, 304 and 416 with nothing. */
struct selection {
    unsigned status;
    uint64_t first, count;
};

struct selection range_select(const struct request *request, const struct resource *resource);

enum { HTTP_DATE_BYTES = 29 };
/* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL. */
void http_date_write(int64_t unix_s, char text[HTTP_DATE_BYTES + 1]);

#endif
