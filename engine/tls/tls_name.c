/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_name.c: distinguished names (RFC 5280 4.1.2.4) and SANs to text. Strings come in half a dozen encodings, some
 * mislabelled; whatever they hold, the text is valid UTF-8 and fits one line: what can't be shown is escaped by hexadecimal
 * pairs, which RFC 4514 (2.4) reads back to the same bytes. Pure; any thread.
 *
 * Rejected: the library's one-line form ("/CN=..."), which escapes nothing and exists with OPENSSL_EXTRA only.
 */
#include "tls/tls_name.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "tls/tls_der.h"

/* Relative names that are shown, the most specific ones; real certificates have up to a dozen. */
enum { RDNS_MAX = 32 };

/* Text that grows by whole pieces (a character and its escape) and never beyond its room. */
struct text {
    char *at;
    size_t len, room;
    bool cut;
};

static const char ELLIPSIS[] = "...";

static void text_add(struct text *text, const char *piece, size_t len) {
    if (text->cut || len > text->room - text->len - sizeof ELLIPSIS) {
        text->cut = true;
        return;
    }
    memcpy(text->at + text->len, piece, len);
    text->len += len;
}

static void text_end(struct text *text) {
    if (text->cut) {
        memcpy(text->at + text->len, ELLIPSIS, sizeof ELLIPSIS - 1);
        text->len += sizeof ELLIPSIS - 1;
    }
    text->at[text->len] = 0;
}

static const char HEX[] = "0123456789ABCDEF";

static void text_add_hex(struct text *text, struct span bytes) {
    for (size_t i = 0; i < bytes.len && !text->cut; i++)
        text_add(text, (char[]){HEX[bytes.at[i] >> 4], HEX[bytes.at[i] & 15]}, 2);
}

/* One piece, so that no escape is cut in two. */
static void text_add_escaped_bytes(struct text *text, const uint8_t *bytes, size_t count) {
    char piece[12];
    for (size_t i = 0; i < count; i++) {
        piece[3 * i] = '\\';
        piece[3 * i + 1] = HEX[bytes[i] >> 4];
        piece[3 * i + 2] = HEX[bytes[i] & 15];
    }
    text_add(text, piece, 3 * count);
}

/* Length of the character's UTF-8. Surrogates and what lies above U+10FFFF become U+FFFD. */
static size_t utf8_encode(uint32_t c, uint8_t utf8[static 4]) {
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        c = 0xfffd;
    if (c < 0x80) {
        utf8[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        utf8[0] = (uint8_t)(0xc0 | c >> 6);
        utf8[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        utf8[0] = (uint8_t)(0xe0 | c >> 12);
        utf8[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        utf8[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    utf8[0] = (uint8_t)(0xf0 | c >> 18);
    utf8[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    utf8[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    utf8[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* Length of the UTF-8 sequence at the front, with its character; 0: none (RFC 3629). */
static size_t utf8_decode(struct span bytes, uint32_t *c) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes.at[0];
    size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len == 0 || first >= 0xf8 || bytes.len < len)
        return 0;
    *c = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((bytes.at[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (bytes.at[i] & 0x3f);
    }
    return *c >= least[len] && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff) ? len : 0;
}

/* The escapes of RFC 4514 (2.4). `first` and `last` tell where in its value the character stands. */
static void text_add_character(struct text *text, uint32_t c, bool first, bool last) {
    uint8_t utf8[4];
    size_t len = utf8_encode(c, utf8);
    bool special = c && c < 0x80 && strchr("\"+,;<>\\", (int)c);
    if (c < ' ' || (c >= 0x7f && c < 0xa0))
        text_add_escaped_bytes(text, utf8, len);
    else if (special || (c == ' ' && (first || last)) || (c == '#' && first))
        text_add(text, (char[]){'\\', (char)c}, 2);
    else
        text_add(text, (const char *)utf8, len);
}

static void text_add_utf8(struct text *text, struct span value) {
    struct span rest = value;
    while (rest.len && !text->cut) {
        uint32_t c = 0;
        size_t len = utf8_decode(rest, &c);
        if (len)
            text_add_character(text, c, rest.at == value.at, rest.len == len);
        else
            text_add_escaped_bytes(text, rest.at, len = 1);
        rest = span_skip(rest, len);
    }
}

/* Characters of 1, 2 or 4 octets: Latin-1 (what T61String is used for), UCS-2, UCS-4. */
static void text_add_wide(struct text *text, struct span value, size_t octets) {
    for (size_t i = 0; i < value.len && !text->cut; i += octets) {
        uint32_t c = 0;
        for (size_t k = 0; k < octets; k++)
            c = c << 8 | value.at[i + k];
        text_add_character(text, c, i == 0, i + octets == value.len);
    }
}

static void text_add_value(struct text *text, const struct der_element *value, bool named) {
    size_t octets = value->tag == DER_BMP_STRING         ? 2
                    : value->tag == DER_UNIVERSAL_STRING ? 4
                    : value->tag == DER_T61_STRING       ? 1
                                                         : 0;
    bool is_utf8 = value->tag == DER_UTF8_STRING || value->tag == DER_PRINTABLE_STRING ||
                   value->tag == DER_IA5_STRING || value->tag == DER_NUMERIC_STRING ||
                   value->tag == DER_VISIBLE_STRING;
    if (named && is_utf8) {
        text_add_utf8(text, value->value);
    } else if (named && octets && value->value.len % octets == 0) {
        text_add_wide(text, value->value, octets);
    } else {
        text_add(text, "#", 1);
        text_add_hex(text, value->whole);
    }
}

static const struct {
    const char *oid;
    uint8_t oid_bytes;
    const char *name;
} ATTRIBUTES[] = {
    {"\x55\x04\x03", 3, "CN"},
    {"\x55\x04\x0a", 3, "O"},
    {"\x55\x04\x0b", 3, "OU"},
    {"\x55\x04\x07", 3, "L"},
    {"\x55\x04\x08", 3, "ST"},
    {"\x55\x04\x06", 3, "C"},
    {"\x55\x04\x09", 3, "street"},
    {"\x55\x04\x05", 3, "serialNumber"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10, "DC"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10, "UID"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, "emailAddress"},
};

static const char *attribute_name(struct span oid) {
    for (size_t i = 0; i < sizeof ATTRIBUTES / sizeof *ATTRIBUTES; i++)
        if (der_is(oid, ATTRIBUTES[i].oid, ATTRIBUTES[i].oid_bytes))
            return ATTRIBUTES[i].name;
    return NULL;
}

/* X.690 8.19: base 128, the first two arcs in one number. False: malformed, or an arc beyond 63 bits. */
static bool text_add_oid(struct text *text, struct span oid) {
    uint64_t arc = 0;
    bool first = true;
    if (!oid.len || oid.at[oid.len - 1] & 0x80)
        return false;
    for (size_t i = 0; i < oid.len; i++) {
        char piece[32];
        if (arc >> 56)
            return false;
        arc = arc << 7 | (oid.at[i] & 0x7f);
        if (oid.at[i] & 0x80)
            continue;
        unsigned root = arc < 80 ? (unsigned)arc / 40 : 2;
        if (first)
            snprintf(piece, sizeof piece, "%u.%" PRIu64, root, arc - root * 40u);
        else
            snprintf(piece, sizeof piece, ".%" PRIu64, arc);
        text_add(text, piece, strlen(piece));
        first = false;
        arc = 0;
    }
    return true;
}

/* A relative name may hold several attributes, joined by '+'. */
static bool text_add_rdn(struct text *text, struct span rdn) {
    struct der_element pair, type, value;
    bool first = true;
    if (!rdn.len)
        return false;
    while (rdn.len) {
        if (!der_expect(&rdn, DER_SEQUENCE, &pair) || !der_expect(&pair.value, DER_OID, &type) ||
            !der_take(&pair.value, &value) || pair.value.len)
            return false;
        if (!first)
            text_add(text, "+", 1);
        const char *name = attribute_name(type.value);
        if (name)
            text_add(text, name, strlen(name));
        else if (!text_add_oid(text, type.value))
            return false;
        text_add(text, "=", 1);
        text_add_value(text, &value, name != NULL);
        first = false;
    }
    return true;
}

int tls_name_text(struct span rdns, char text[static TLS_NAME_TEXT_MAX]) {
    struct text out = {.at = text, .room = TLS_NAME_TEXT_MAX};
    struct span latest[RDNS_MAX];
    size_t count = 0;
    while (rdns.len) {
        struct der_element rdn;
        if (!der_expect(&rdns, DER_SET, &rdn))
            return -1;
        latest[count++ % RDNS_MAX] = rdn.value;
    }
    size_t shown = count < RDNS_MAX ? count : RDNS_MAX;
    for (size_t i = 0; i < shown; i++) {
        if (i)
            text_add(&out, ", ", 2);
        if (!text_add_rdn(&out, latest[(count - 1 - i) % RDNS_MAX]))
            return -1;
    }
    out.cut |= shown < count;
    text_end(&out);
    return (int)out.len;
}

size_t tls_san_dns_text(struct span name, char text[static TLS_SAN_TEXT_MAX]) {
    struct text out = {.at = text, .room = TLS_SAN_TEXT_MAX};
    for (size_t i = 0; i < name.len && !out.cut; i++) {
        uint8_t c = name.at[i];
        if (c > ' ' && c < 0x7f && c != '\\')
            text_add(&out, (const char *)&c, 1);
        else
            text_add_escaped_bytes(&out, &c, 1);
    }
    text_end(&out);
    return out.len;
}

size_t tls_san_ip_text(struct span address, char text[static TLS_SAN_TEXT_MAX]) {
    struct text out = {.at = text, .room = TLS_SAN_TEXT_MAX};
    int family = address.len == 4 ? AF_INET : AF_INET6;
    if ((address.len == 4 || address.len == 16) &&
        inet_ntop(family, address.at, text, TLS_SAN_TEXT_MAX))
        return strlen(text);
    text_add(&out, "#", 1);
    text_add_hex(&out, address);
    text_end(&out);
    return out.len;
}
