/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * endpoints.h: what the origin answers. An endpoint is one function that reads the request's
 * parameters and returns the first plan; `rest` is what follows its name and a slash in the path. The
 * request and all spans are borrowed until it returns: what a later step needs is in
 * connection->progress. Worker's thread.
 */
#ifndef ORIGIN_ENDPOINTS_H
#define ORIGIN_ENDPOINTS_H

#include "connection.h"
#include "request.h"

typedef struct plan endpoint_fn(struct connection *connection, const struct request *request,
                                struct span rest);

struct endpoint {
    const char *name; /* the first segment of the path */
    uint8_t name_len;
    uint8_t traits;
    endpoint_fn *answer;
};

enum endpoint_trait {
    ENDPOINT_ANY_METHOD = 1, /* otherwise GET and HEAD only */
    ENDPOINT_WANTS_BODY = 2, /* the request's body is kept for it; otherwise read and dropped */
};

extern const struct endpoint endpoints[];
extern const unsigned endpoint_count;

/* NULL: 404. */
const struct endpoint *endpoint_find(struct span path, struct span *rest);

/* The page at / and what --help prints of it. */
extern const char endpoints_help[];

/* endpoints_sizes.c: bodies of a size. */
endpoint_fn endpoint_bytes, endpoint_small, endpoint_chunked, endpoint_close, endpoint_truncate,
    endpoint_surplus, endpoint_drip;
/* endpoints_faults.c: what no server should do. */
endpoint_fn endpoint_delay, endpoint_reset, endpoint_slow_head, endpoint_unsolicited,
    endpoint_interim, endpoint_no_response, endpoint_hang;
/* endpoints_status.c */
endpoint_fn endpoint_help_page, endpoint_status, endpoint_redirect, endpoint_retry_after,
    endpoint_flaky, endpoint_name;
/* endpoints_mirror.c: the request itself, and the origin's own figures. */
endpoint_fn endpoint_headers, endpoint_echo, endpoint_tls, endpoint_stats;
/* endpoints_file.c */
endpoint_fn endpoint_file;

#endif
