/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_model.h: servers for the simulated ring that answer HEAD otherwise than GET, as real ones do. What a server does with a
 * request stands in the request's path, "/HEAD/GET/FRAMING/BYTES/NEEDLE/ID", so that the test knows what is true of each page; the model
 * counts what it was asked. Everything on the ring's thread.
 *
 * Rejected: more behaviours for http_model.h. A pair of methods with one body is another subject than a connection's misfortunes.
 */
#ifndef FAULT_CHECK_MODEL_H
#define FAULT_CHECK_MODEL_H

#include <stdbool.h>

#include "base/hash.h"
#include "ring/ring_sim.h"

/* What HEAD gets. */
enum head_does {
    HEAD_AS_GET, /* what GET would get, without the body */
    HEAD_400,
    HEAD_403,
    HEAD_404,
    HEAD_405,
    HEAD_501,
    HEAD_500,
    HEAD_WITH_BODY, /* 200, and a body where none may be */
    HEAD_GARBAGE,
    HEAD_CLOSES,
    HEAD_SILENT,
    HEAD_DOES_COUNT
};

/* What GET gets. */
enum get_does {
    GET_200,
    GET_403,
    GET_404,
    GET_410,
    GET_500,
    GET_BUSY,     /* 503 with Retry-After, as often as model->busy says, then 200 */
    GET_REDIRECT, /* to GET_200 on model->other_host */
    GET_LOOP,     /* to itself */
    GET_SILENT,
    GET_STALLS,    /* in the middle of the body */
    GET_TRUNCATED, /* the same, and closes */
    GET_RESET,
    GET_GARBAGE,
    GET_BAD_CHUNK,
    GET_DOES_COUNT
};

enum page_framing { PAGE_LENGTH, PAGE_CHUNKED, PAGE_UNTIL_CLOSE, PAGE_FRAMINGS };

struct page {
    enum head_does head;
    enum get_does get;
    enum page_framing framing;
    unsigned bytes, needle_at, id;
};

enum { PAGE_IDS_MAX = 128, PAGE_BYTES_MAX = 400000, PAGE_BYTES_MIN = 80 };
#define PAGE_NEEDLE "needle"

struct check_model {
    struct random random;
    unsigned heads[PAGE_IDS_MAX], gets[PAGE_IDS_MAX]; /* requests that arrived whole */
    unsigned busy;
    const char *other_host; /* with a port */
    unsigned peers;
};
extern const struct sim_server_ops check_model_ops;

void check_model_init(struct check_model *model, uint64_t seed);
void page_url(const struct page *page, const char *host, char *text, size_t size);
/* The page's body: HTML with <title>page ID</title>, and PAGE_NEEDLE once. */
char page_byte(const struct page *page, size_t at);

#endif
