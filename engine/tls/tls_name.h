/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_name.h: names in certificates as text: always valid UTF-8 without control characters, of bounded length, so that a
 * record can hold whatever a stranger put into a certificate. Private to the room; pure.
 */
#ifndef TLS_TLS_NAME_H
#define TLS_TLS_NAME_H

#include "base/span.h"

/* With the closing NUL. What is longer is cut and ends in "...". */
enum {
    TLS_NAME_TEXT_MAX = 1024,
    TLS_SAN_TEXT_MAX = 512, /* twice what DNS allows: what was cut is never mistaken for a name */
    TLS_HOST_BYTES_MAX = 253
};

/* What names of hosts are made of. The underscore isn't by the book, but in use. */
#define TLS_HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

/* The text of a Name, given what is inside its SEQUENCE, by RFC 4514, relative names joined by ", ". Returns the
 * text's length, or -1: malformed. */
int tls_name_text(struct span rdns, char text[static TLS_NAME_TEXT_MAX]);

/* The text of a SAN, and its length. A backslash in a DNS name's text says that something was escaped: it can't match. */
size_t tls_san_dns_text(struct span name, char text[static TLS_SAN_TEXT_MAX]);
size_t tls_san_ip_text(struct span address, char text[static TLS_SAN_TEXT_MAX]);

#endif
