/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * url_parts.h: what the files of the URL parser share; nobody else includes it. A parser reads its
 * input once, from left to right, and writes the href as it goes. ASCII tab and newline, which the
 * standard removes before it parses, are skipped where they stand: removing them first would need
 * a copy as long as the input, and would join bytes that the UTF-8 decoding, which comes earlier
 * still, has kept apart.
 */
#ifndef HTTP_URL_PARTS_H
#define HTTP_URL_PARTS_H

#include "http/url.h"

/* What a byte is to the parser. The sets are the standard's percent-encode sets; a stop is a byte
 * that ends a part. A byte with none of the bits that a part asks for is copied as it is, which is
 * true of nearly all. */
enum {
    SET_FRAGMENT = 1 << 0,
    SET_QUERY = 1 << 1, /* the special-query percent-encode set */
    SET_PATH = 1 << 2,
    SET_USERINFO = 1 << 3,
    BYTE_REMOVED = 1 << 4,        /* ASCII tab or newline */
    STOP_QUERY = 1 << 5,          /* '#' */
    STOP_PATH = 1 << 6,           /* '/', '\\', '?', '#' */
    BYTE_SCHEME = 1 << 7,         /* may follow the first letter of a scheme */
    BYTE_NOT_DOMAIN = 1 << 8,     /* a forbidden domain code point */
    BYTE_HOST_NOT_PLAIN = 1 << 9, /* host: not a code point that stays what it is */
};
extern const uint16_t url_class[256];

/* Where the href is written. Once something did not fit, `full` stays set and nothing more is
 * written. */
struct url_writer {
    char *at;
    size_t len, room; /* room without the NUL */
    bool full;
};

void url_put(struct url_writer *writer, const void *bytes, size_t count);
void url_put_byte(struct url_writer *writer, char byte);

/* Writes the bytes from `at`, percent-encoding what is in `set`, up to the first that is in
 * `stop` (0: none) or to `end`. Returns where it stopped. */
const uint8_t *url_put_encoded(struct url_writer *writer, const uint8_t *at, const uint8_t *end,
                               unsigned set, unsigned stop);

/* The length of the UTF-8 sequence at `at`, or 0 if there is none; then *bad is how many bytes
 * make up the one U+FFFD that the encoding standard's decoder would give (at least 1). `at` must be
 * before `end`. */
size_t url_utf8_len(const uint8_t *at, const uint8_t *end, size_t *bad);

/* The value of a hexadecimal digit, or -1. */
int url_hex_value(uint8_t byte);

/* The host parser (standard, 3.5): writes the serialised host and returns its kind in *kind. */
enum url_fault url_put_host(struct url_writer *writer, struct span host, uint8_t *kind);

/* Domain to ASCII for a domain that is valid UTF-8 and not plain lower-case ASCII. Writes at most
 * `room` bytes to `ascii` and returns how many; 0 is failure (the empty domain is one, too). */
size_t url_domain_to_ascii(struct span domain, char *ascii, size_t room);

/* The same for one label that libidn2 refuses although it is valid: ASCII and symbols
 * ("i\xe2\x9d\xa4"), as themselves or as an A-label. 0 if it is anything else. */
size_t url_symbol_label_to_ascii(struct span label, char *ascii, size_t room);

/* Whether the domain's last label makes it an IPv4 address or nothing (the standard's "ends in a
 * number"). */
bool url_ends_in_number(struct span domain);
/* Whether it is an IPv4 address as url_ipv4_write writes one. */
bool url_is_dotted_quad(struct span domain);
/* The standard's IPv4 and IPv6 parsers; false is failure. */
bool url_ipv4_parse(struct span text, uint32_t *address);
bool url_ipv6_parse(struct span text, uint16_t pieces[8]);
/* The serialiser; it returns the length and writes no NUL. Without brackets. For IPv4 see url.h. */
enum { URL_IPV6_BYTES_MAX = 39 };
size_t url_ipv6_write(const uint16_t pieces[8], char *text);

#endif
