/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * digest.h: SHA-256 of what comes in pieces, by nettle. One thread at a time.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

enum { DIGEST_HEX_BYTES = 65 };

struct digest;
/* Begun. Ends the process when memory is out. */
struct digest *digest_open(void);
void digest_close(struct digest *digest); /* NULL is allowed */
void digest_restart(struct digest *digest);
void digest_feed(struct digest *digest, const void *bytes, size_t count);
/* 64 lower-case hex digits of all that was fed, and a NUL; it is begun anew after that. Returns `hex`. */
char *digest_hex(struct digest *digest, char hex[DIGEST_HEX_BYTES]);

#endif
