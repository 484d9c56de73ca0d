/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_diff_json.c: see check_diff_json.h. RFC 8259, read in one pass by recursive descent, with two liberties: bytes that are no
 * UTF-8 are let through (URLs are compared, not shown), and of a number only the characters are looked at. A cursor
 * never passes `end`; a fault is kept in it, and everything ends at the first.
 */
#include "check_diff_json.h"

#include <string.h>

enum { DEPTH_MAX = 32 }; /* records have 3; the limit keeps a hostile line from the stack's end */

struct cursor {
    char *at, *end;
    const char *fault;
};

static bool fail(struct cursor *c, const char *fault) {
    c->fault = c->fault ? c->fault : fault;
    return false;
}

static void skip_space(struct cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r')) {
        c->at++;
    }
}

/* Takes the byte if it is next, after white space. */
static bool take(struct cursor *c, char byte) {
    skip_space(c);
    if (c->at < c->end && *c->at == byte) {
        c->at++;
        return true;
    }
    return false;
}

/* ---- strings ------------------------------------------------------------------------------------ */

/* A high bit for each of the eight bytes that is a quote, a backslash or a control character. Those above the lowest may be
 * false alarms (a borrow), the lowest never is. */
static inline uint64_t specials(uint64_t word) {
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    uint64_t control = (word - ones * 0x20) & ~word;
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | control) & highs;
}

/* To the next byte of a string that means something, or to the end. */
static inline char *plain_end(char *at, const char *end) {
    for (uint64_t word; end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof word);
        uint64_t found =
            specials(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word));
        if (found) {
            return at + __builtin_ctzll(found) / 8;
        }
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20) {
        at++;
    }
    return at;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u; -1 if there are none. */
static int32_t take_hex(struct cursor *c) {
    int32_t code = 0;
    if (c->end - c->at < 4) {
        return -1;
    }
    for (unsigned i = 0; i < 4; i++) {
        int digit = hex_digit(*c->at++);
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

/* At most 4 bytes for a sequence of at least 6: what is written never overtakes what is read. */
static char *put_utf8(char *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xE0 | code >> 12);
        } else {
            *out++ = (char)(0xF0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

static bool take_unicode(struct cursor *c, char **out) {
    int32_t code = take_hex(c);
    if (code < 0) {
        return fail(c, "a \\u without four hex digits");
    }
    if (code >= 0xD800 && code < 0xDC00 && c->end - c->at >= 6 && c->at[0] == '\\' &&
        c->at[1] == 'u') {
        struct cursor ahead = {.at = c->at + 2, .end = c->end};
        int32_t low = take_hex(&ahead);
        if (low >= 0xDC00 && low < 0xE000) {
            c->at = ahead.at;
            *out = put_utf8(*out,
                            0x10000 + ((uint32_t)(code - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
            return true;
        }
    }
    bool lone = code >= 0xD800 && code < 0xE000;
    *out = put_utf8(*out, lone ? 0xFFFD : (uint32_t)code);
    return true;
}

/* The cursor stands behind a backslash. */
static bool take_escape(struct cursor *c, char **out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (c->at == c->end) {
        return fail(c, "the line ends in a string");
    }
    char letter = *c->at++;
    if (letter == 'u') {
        return take_unicode(c, out);
    }
    const char *found = letter ? strchr(from, letter) : NULL;
    if (!found) {
        return fail(c, "an unknown escape sequence");
    }
    *(*out)++ = to[found - from];
    return true;
}

/* The cursor stands behind the opening quote. */
static bool take_string(struct cursor *c, struct json_text *text) {
    char *begin = c->at, *out = c->at;
    for (;;) {
        char *stop = plain_end(c->at, c->end);
        size_t count = (size_t)(stop - c->at);
        if (out != c->at && count) {
            memmove(out, c->at, count);
        }
        out += count;
        c->at = stop;
        if (stop == c->end) {
            return fail(c, "the line ends in a string");
        }
        c->at++;
        if (*stop == '"') {
            *text = (struct json_text){.at = begin, .count = (size_t)(out - begin)};
            return true;
        }
        if (*stop != '\\') {
            return fail(c, "a control character in a string");
        }
        if (!take_escape(c, &out)) {
            return false;
        }
    }
}

/* ---- values ------------------------------------------------------------------------------------- */

static bool take_word(struct cursor *c, const char *word) {
    size_t count = strlen(word);
    if ((size_t)(c->end - c->at) >= count && memcmp(c->at, word, count) == 0) {
        c->at += count;
        return true;
    }
    return fail(c, "no JSON value");
}

static bool is_number_byte(char byte) {
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' ||
           byte == 'e' || byte == 'E';
}

static bool skip_number(struct cursor *c) {
    char *begin = c->at;
    while (c->at < c->end && is_number_byte(*c->at)) {
        c->at++;
    }
    return c->at > begin ? true : fail(c, "no JSON value");
}

static bool skip_value(struct cursor *c, unsigned depth);

static bool skip_key(struct cursor *c) {
    struct json_text ignored;
    if (!take(c, '"')) {
        return fail(c, "a member without a name");
    }
    return take_string(c, &ignored) && (take(c, ':') || fail(c, "a member without a value"));
}

/* An array or object, behind its opening bracket. */
static bool skip_all(struct cursor *c, char close, unsigned depth) {
    if (depth == DEPTH_MAX) {
        return fail(c, "too many brackets");
    }
    if (take(c, close)) {
        return true;
    }
    do {
        if ((close == '}' && !skip_key(c)) || !skip_value(c, depth + 1)) {
            return false;
        }
    } while (take(c, ','));
    return take(c, close) || fail(c, "a bracket that is not closed");
}

static bool skip_value(struct cursor *c, unsigned depth) {
    struct json_text ignored;
    skip_space(c);
    switch (c->at < c->end ? *c->at : '\0') {
    case '"':
        c->at++;
        return take_string(c, &ignored);
    case '{':
        c->at++;
        return skip_all(c, '}', depth);
    case '[':
        c->at++;
        return skip_all(c, ']', depth);
    case 't':
        return take_word(c, "true");
    case 'f':
        return take_word(c, "false");
    case 'n':
        return take_word(c, "null");
    default:
        return skip_number(c);
    }
}

/* ---- members ------------------------------------------------------------------------------------ */

static bool read_text(struct cursor *c, struct json_text *text) {
    *text = (struct json_text){0};
    if (take(c, '"')) {
        return take_string(c, text);
    }
    return take_word(c, "null");
}

static bool read_bool(struct cursor *c, bool *value) {
    skip_space(c);
    *value = c->at < c->end && *c->at == 't';
    return take_word(c, *value ? "true" : "false");
}

/* A whole number below 100000, or null (0). */
static bool read_number(struct cursor *c, unsigned *value) {
    skip_space(c);
    *value = 0;
    if (c->at < c->end && *c->at == 'n') {
        return take_word(c, "null");
    }
    char *begin = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9' && *value < 10000; c->at++) {
        *value = *value * 10 + (unsigned)(*c->at - '0');
    }
    return c->at > begin && (c->at == c->end || !is_number_byte(*c->at))
               ? true
               : fail(c, "a number that is none");
}

typedef bool read_member_fn(struct cursor *c, struct json_record *record, struct json_text name);

static bool is_name(struct json_text name, const char *wanted) {
    return name.count == strlen(wanted) && memcmp(name.at, wanted, name.count) == 0;
}

/* The members of an object; each must be taken whole by `read`. */
static bool read_object(struct cursor *c, struct json_record *record, read_member_fn *read) {
    if (!take(c, '{')) {
        return fail(c, "no JSON object");
    }
    if (take(c, '}')) {
        return true;
    }
    do {
        struct json_text name;
        if (!take(c, '"')) {
            return fail(c, "a member without a name");
        }
        if (!take_string(c, &name)) {
            return false;
        }
        if (!take(c, ':')) {
            return fail(c, "a member without a value");
        }
        if (!read(c, record, name)) {
            return false;
        }
    } while (take(c, ','));
    return take(c, '}') || fail(c, "a bracket that is not closed");
}

static bool read_tls_member(struct cursor *c, struct json_record *record, struct json_text name) {
    return is_name(name, "fingerprint") ? read_text(c, &record->fingerprint) : skip_value(c, 2);
}

static bool read_error_member(struct cursor *c, struct json_record *record, struct json_text name) {
    return is_name(name, "fault") ? read_text(c, &record->fault) : skip_value(c, 2);
}

static bool read_inner(struct cursor *c, struct json_record *record, read_member_fn *read) {
    skip_space(c);
    if (c->at < c->end && *c->at == '{') {
        return read_object(c, record, read);
    }
    return take_word(c, "null");
}

static bool read_version(struct cursor *c, struct json_record *record) {
    unsigned version;
    if (!read_number(c, &version)) {
        return false;
    }
    record->wrong_version = version != 1;
    return true;
}

static bool read_member(struct cursor *c, struct json_record *record, struct json_text name) {
    if (is_name(name, "url")) {
        return read_text(c, &record->url);
    }
    if (is_name(name, "ok")) {
        record->has_ok = true;
        return read_bool(c, &record->ok);
    }
    if (is_name(name, "verdict")) {
        return read_text(c, &record->verdict);
    }
    if (is_name(name, "status")) {
        return read_number(c, &record->status);
    }
    if (is_name(name, "final_url")) {
        return read_text(c, &record->final_url);
    }
    if (is_name(name, "tls")) {
        return read_inner(c, record, read_tls_member);
    }
    if (is_name(name, "error")) {
        return read_inner(c, record, read_error_member);
    }
    if (is_name(name, "skipped")) {
        return read_bool(c, &record->skipped);
    }
    return is_name(name, "v") ? read_version(c, record) : skip_value(c, 1);
}

const char *json_record_read(struct json_record *record, char *line, size_t count) {
    struct cursor c = {.at = line, .end = line + count};
    *record = (struct json_record){0};
    if (!read_object(&c, record, read_member)) {
        return c.fault;
    }
    skip_space(&c);
    if (c.at < c.end) {
        return "text after the record";
    }
    if (record->wrong_version) {
        return "a record of another version than 1";
    }
    return record->url.at && record->has_ok ? NULL : "no \"url\" or no \"ok\"";
}
