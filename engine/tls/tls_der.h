/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_der.h: DER (X.690), read element by element from bytes that a stranger sent, and written for certificates of our own. To
 * a reader a span is the cursor; every value lies inside it. Private to the room; pure.
 *
 * Reading takes lengths that are longer than they need to be, as the library that verifies does: a description that is stricter
 * than the verification would only lose certificates.
 *
 * Rejected: the library's own parser (DecodedCert): its members differ from build to build, so code against it that fits both our
 * build and a distribution's would have to guess.
 */
#ifndef TLS_TLS_DER_H
#define TLS_TLS_DER_H

#include "base/span.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_NUMERIC_STRING = 0x12,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_VISIBLE_STRING = 0x1a,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};

struct der_element {
    uint8_t tag;
    struct span value;
    struct span whole; /* with tag and length */
};

/* Takes the element at the front of *from. False: there is none that ends within it. Tags of several bytes, which X.509
 * doesn't have, and indefinite lengths count as malformed. */
static inline bool der_take(struct span *from, struct der_element *element) {
    size_t head = 2, len;
    if (from->len < 2 || (from->at[0] & 0x1f) == 0x1f)
        return false;
    len = from->at[1];
    if (len >= 0x80) {
        size_t octets = len & 0x7f;
        if (octets == 0 || octets > 4 || from->len < 2 + octets)
            return false;
        len = 0;
        for (size_t i = 0; i < octets; i++)
            len = len << 8 | from->at[2 + i];
        head += octets;
    }
    if (len > from->len - head)
        return false;
    element->tag = from->at[0];
    element->whole = span_of(from->at, head + len);
    element->value = span_of(from->at + head, len);
    *from = span_skip(*from, head + len);
    return true;
}

/* The same for an element that must have this tag. */
static inline bool der_expect(struct span *from, unsigned tag, struct der_element *element) {
    struct span rest = *from;
    if (!der_take(&rest, element) || element->tag != tag)
        return false;
    *from = rest;
    return true;
}

/* Passes over an element with this tag if the next one is that. False: malformed. */
static inline bool der_skip_optional(struct span *from, unsigned tag) {
    struct der_element element;
    return !from->len || from->at[0] != tag || der_take(from, &element);
}

/* Writes to the caller's memory; what doesn't fit is left out and makes it full, which is asked once, at the end. */
struct der_writer {
    uint8_t *at;
    size_t len, room;
    bool full;
};
/* An element that others, or raw bytes, lie in: what der_begin returned goes to der_end. */
size_t der_begin(struct der_writer *writer, unsigned tag);
void der_end(struct der_writer *writer, size_t begun);
void der_add_raw(struct der_writer *writer, struct span bytes);
void der_add(struct der_writer *writer, unsigned tag, struct span value);
/* An unsigned INTEGER of big-endian octets, or a small one. */
void der_add_unsigned(struct der_writer *writer, struct span octets);
void der_add_small(struct der_writer *writer, uint8_t value);
void der_add_true(struct der_writer *writer);
/* A time as certificates hold it (RFC 5280 4.1.2.5): UTCTime until 2049. False: outside of the years 1950 to 9999. */
bool der_add_time(struct der_writer *writer, int64_t seconds);

static inline bool der_is(struct span value, const char *bytes, size_t count) {
    return value.len == count && memcmp(value.at, bytes, count) == 0;
}

#endif
