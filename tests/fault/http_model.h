/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * http_model.h: HTTP/1.1 servers for the simulated ring, good ones and bad ones. What a server does with
 * a request stands in the request's path, "/BEHAVIOUR/BYTES/ID", so that the test knows what to
 * expect of it, and the model keeps count of what it was asked. Everything on the ring's thread.
 *
 * Rejected: one server with a script per connection, because which connection carries a request is what the
 * code under test decides.
 */
#ifndef FAULT_HTTP_MODEL_H
#define FAULT_HTTP_MODEL_H

#include <stdbool.h>

#include "base/hash.h"
#include "ring/ring_sim.h"

/* X(ID, kind of the error without any fault; NONE: it works). */
#define BEHAVIOURS(X)                                                                              \
    X(LENGTH, NONE)        /* Content-Length */                                                    \
    X(CHUNKED, NONE)       /* chunks of many sizes, perhaps trailers */                            \
    X(UNTIL_CLOSE, NONE)   /* no length: the end of the connection is the end */                   \
    X(LAST, NONE)          /* says Connection: close and closes */                                 \
    X(CLOSES, NONE)        /* says nothing and closes right behind the body */                     \
    X(CLOSES_LATER, NONE)  /* closes within milliseconds, when the connection is idle */           \
    X(RESETS_LATER, NONE)  /* the same with RST */                                                 \
    X(SURPLUS, NONE)       /* bytes lie behind the body */                                         \
    X(SURPLUS_LATER, NONE) /* they come when nobody waits for any */                               \
    X(INTERIM, NONE)       /* several 1xx first */                                                 \
    X(EMPTY, NONE)         /* 204 */                                                               \
    X(DRIPS, NONE)         /* a few bytes at a time */                                             \
    X(EARLY, NONE)         /* answers before the request's body has come */                        \
    X(INTERIM_ENDLESS, TOO_MANY_INTERIM)                                                           \
    X(TRUNCATED, TRUNCATED)                                                                        \
    X(RESETS, RESET)    /* in the middle of the body */                                            \
    X(SILENT, STALLED)  /* never answers */                                                        \
    X(STALLS, STALLED)  /* stops in the middle of the body */                                      \
    X(GARBAGE, HTTP_09) /* no status line */                                                       \
    X(BAD_CHUNK, BAD_CHUNK)                                                                        \
    X(BAD_LENGTH, BAD_LENGTH)                                                                      \
    X(SLAMS, CLOSED)       /* closes instead of answering */                                       \
    X(REDIRECT, NONE)      /* to LENGTH on the other host */                                       \
    X(REDIRECT_LOOP, NONE) /* to itself, for ever */                                               \
    X(BUSY, NONE)          /* 503 with Retry-After, BYTES % 3 times, then LENGTH */                \
    X(PATCHY, NONE)        /* 500 without it, twice */                                             \
    X(MISSING, NONE)       /* 404 */

enum behaviour {
#define X(id, kind) DO_##id,
    BEHAVIOURS(X)
#undef X
        BEHAVIOUR_COUNT
};
enum { DO_FOR_EXCHANGES = DO_REDIRECT }; /* those before it mean something to a lone exchange */

/* Where DO_REDIRECT leads, the id is that much higher. */
enum { MODEL_REDIRECTED = 256, MODEL_IDS_MAX = 512, MODEL_BYTES_MAX = 60000 };

/* What carries a server's bytes: the network itself, or something between. `last`: these are the answer's last bytes. */
struct model_wire {
    void (*send)(struct sim_peer *peer, const void *bytes, size_t count, bool last);
    sim_peer_fn *close, *reset;
};
/* sim_peer_user of every peer that the model serves, or its first member. */
struct model_peer {
    struct answer *answer;
    const struct model_wire *wire;
};

struct http_model {
    struct random random;
    unsigned asked[MODEL_IDS_MAX];        /* heads of requests that arrived whole */
    uint64_t upload_bytes[MODEL_IDS_MAX]; /* of the last request's body */
    const char *other_host;               /* where redirects lead */
    unsigned peers;                       /* live ones */
};
extern const struct sim_server_ops http_model_ops;
/* The same for a server with a wire of its own, which sets wire and the peer's user first. */
void http_model_accept(struct sim_peer *peer, struct http_model *model);
void http_model_take(struct sim_peer *peer, const uint8_t *bytes, size_t count);
void http_model_forget(struct sim_peer *peer);
/* Of the latest request. */
unsigned http_model_id(const struct sim_peer *peer);
enum behaviour http_model_behaviour(const struct sim_peer *peer);

void http_model_init(struct http_model *model, uint64_t seed);

/* What belongs at place `at` of the body for `id`. */
uint8_t model_byte(unsigned id, size_t at);
const char *model_name(enum behaviour behaviour);

#endif
