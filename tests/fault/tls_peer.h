/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_peer.h: TLS servers for the simulated ring: http_model.h's answers, under TLS by server streams of tls/tls.h, and the
 * tricks that only TLS allows, in the handshake and behind an answer. Answers are cut into records at random. Everything on the
 * ring's thread.
 *
 * Rejected: recorded bytes of real servers (a handshake can't be replayed), and wolfSSL on its own here (the room's
 * server half would have no test under faults).
 */
#ifndef FAULT_TLS_PEER_H
#define FAULT_TLS_PEER_H

#include "http_model.h"
#include "tls/tls.h"

/* X(ID, kind of the error without any other fault; NONE: it works). */
#define TRICKS(X)                                                                                  \
    X(NOTHING, NONE)                                                                               \
    X(GARBAGE, BAD_TLS)        /* answers the hello with what is no TLS */                         \
    X(GREETING, BAD_TLS)       /* says so before the hello has come */                             \
    X(GREETING_CUT, BAD_TLS)   /* and closes */                                                    \
    X(ALERT, TLS_ALERT)        /* answers the hello with internal_error */                         \
    X(MUTE, TIMED_OUT)         /* doesn't answer it */                                             \
    X(HALF, TIMED_OUT)         /* answers it with a part of the flight */                          \
    X(CUT, HANDSHAKE_CUT)      /* and closes */                                                    \
    X(RESET, RESET)            /* and resets */                                                    \
    X(SPOILT, BAD_TLS)         /* one bit of the answer's last record is wrong */                  \
    X(EXTRA_INSIDE, NONE)      /* another whole response in the record that ends the answer */     \
    X(EXTRA_BEHIND, NONE)      /* bytes that are no response, in the next record */                \
    X(KEY_UPDATE, NONE)        /* right behind the answer, TLS 1.3 */                              \
    X(TICKET, NONE)            /* the same */                                                      \
    X(TICKET_LATE, NONE)       /* when nobody waits for anything */                                \
    X(KEY_UPDATE_WITHIN, NONE) /* between two of the answer's records */                           \
    X(GOODBYE_HALF, NONE)      /* the client must close: close_notify behind the answer, no FIN */

enum tls_trick {
#define X(id, kind) TRICK_##id,
    TRICKS(X)
#undef X
        TRICK_COUNT
};
enum {
    TRICKS_OF_HANDSHAKES = TRICK_SPOILT
}; /* those before it, but for the first, leave none alive */

/* The status of EXTRA_INSIDE, which nobody may ever see: it came together with the answer before it. */
enum { STATUS_EXTRA = 299 };

/* sim_listen's context: what the servers at one place have in common. */
struct tls_place {
    struct http_model *model;
    struct tls *tls;
    struct pool *pool;     /* of tls */
    enum tls_trick trick;  /* of every connection, if it is one; else drawn for each ... */
    unsigned trick_chance; /* ... with a chance of 100 */
    unsigned rude_chance;  /* of 100: closes without close_notify */
    /* A client that breaks TLS ends the process. Without memory it may: the library then writes hellos that make no sense. */
    bool strict;
    unsigned played[TRICK_COUNT]; /* tricks that were begun */
    unsigned established;
    bool said_end[MODEL_IDS_MAX]; /* close_notify followed the answer */
};
extern const struct sim_server_ops tls_peer_ops;

/* tls_memory_fail, for the clients alone, which share the thread with the servers. */
void famine_begin(unsigned countdown, bool all);
void famine_end(void);
unsigned famine_countdown(void); /* what is left of it */
const char *tls_trick_name(enum tls_trick trick);

#endif
