/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * identity.h: who the origin is over TLS: a certificate of its own making, whose CA lies in a file for as long as the origin
 * runs, or one that the user has given. Main thread; the workers only read it.
 */
#ifndef ORIGIN_IDENTITY_H
#define ORIGIN_IDENTITY_H

#include <limits.h>

#include "listen.h"
#include "serve_options.h"
#include "tls/tls.h"
#include "tls/tls_mint.h"

struct identity {
    struct tls_mint mint;
    struct tls_options tls; /* for the workers */
    char ca_path[PATH_MAX]; /* "": no CA of its own */
    bool is_temporary;      /* the file at ca_path goes with the identity */
};

/* RF_OK, or the exit status, with one line in `why`. identity_deinit in either case. */
int identity_init(struct identity *identity, const struct serve_options *options,
                  const union listen_address *address, char *why, size_t why_size);
/* Removes the CA's file, unless it is to be kept. */
void identity_withdraw(struct identity *identity);
void identity_deinit(struct identity *identity);

/* The names of the certificate that is made, each once: what loopback is called, the address that is listened on, the
 * machine, and what was asked for, NULL-terminated. NULL: no memory. Free it in one piece. */
const char **identity_names(const struct serve_options *options, const char *address,
                            const char *machine);

#endif
