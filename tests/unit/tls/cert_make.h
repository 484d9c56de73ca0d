/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cert_make.h: certificates for tests, with whatever parts a test wants in them and no valid signature.
 */
#ifndef TESTS_CERT_MAKE_H
#define TESTS_CERT_MAKE_H

#include "tls/tls_cert.h"
#include "tls/tls_der.h"

/* Texts as in C: lengths are their own, NULL is nothing. */
struct cert_parts {
    const char *not_before,
        *not_after; /* "u240101000000Z": UTCTime; "g2050...": GeneralizedTime; NULL: any good one */
    const char *const *dns; /* NULL ends */
    struct span sans;       /* raw GeneralNames, before `dns` */
    bool san_twice;
};
/* Valid until the next call. */
struct span cert_make(const struct cert_parts *parts);
/* Adds one attribute as a relative name of its own; `oid` without tag and length. */
void cert_add_attribute(struct der_writer *out, struct span oid, unsigned tag, struct span value);

#define BYTES(text) span_of("" text, sizeof(text) - 1)
#define OID_CN BYTES("\x55\x04\x03")

#endif
