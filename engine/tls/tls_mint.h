/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_mint.h: a throw-away certificate authority and a server's certificate from it, for `ringfetch serve --tls` and for tests.
 * The keys live in memory only, the authority's only while it signs.
 */
#ifndef TLS_TLS_MINT_H
#define TLS_TLS_MINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to put in; every member may be left zero. */
struct tls_mint_options {
    /* DNS names ("*." first: a wildcard) and IP addresses for the SANs; NULL ends, or stands for localhost and its addresses.
     * Thousands will do, but clients bound what they read: wolfSSL at 18 KB unless built with another MAX_CERTIFICATE_SZ. */
    const char *const *names;
    int64_t not_before, not_after; /* seconds since 1970; 0: an hour ago, in 30 days */
    bool rsa;                      /* RSA 2048 instead of P-256 */
};
/* PEM texts, NUL-terminated, freed by tls_mint_deinit. */
struct tls_mint {
    char *ca;   /* the authority's certificate: what --cacert wants */
    char *cert; /* the server's, with its chain (without the authority's) */
    char *key;  /* the server's */
};
/* 0, or negative with one line in `why`; then `mint` is all NULL. Any thread. */
int tls_mint_init(struct tls_mint *mint, const struct tls_mint_options *options, char *why,
                  size_t why_size);
void tls_mint_deinit(struct tls_mint *mint);

#endif
