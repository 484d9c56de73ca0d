/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * template_fill.c: makes a message of a template: text is copied, holes are filled. Runs for every request that has holes, on the
 * worker's thread, in the worker's memory, which stops growing after the first few. What it shares with other threads is one counter for each
 * file.
 *
 * The body's length stands before the body and is known after it: room for the longest number is left, and the little that is before it
 * is moved up to the digits in the end. Rejected: to fill the body first (a second buffer), or to send chunks (which not all servers take).
 */
#include "load/template_private.h"

static void put(struct bytes *into, struct pool *pool, const void *at, size_t len) {
    bytes_add(into, pool, span_of(at, len));
}

static void put_unsigned(struct bytes *into, struct pool *pool, uint64_t number) {
    char digits[DECIMAL_BYTES_MAX], *end = digits + sizeof digits;
    char *first = decimal_before(end, number);
    put(into, pool, first, (size_t)(end - first));
}

static void put_random(struct bytes *into, struct pool *pool, const struct template_part *part,
                       struct random *random) {
    uint64_t step = 0;
    if (random)
        step = part->count ? random_below(random, part->count) : random_next(random);
    /* Two's complement: the sum is right whatever the signs. */
    uint64_t bits = (uint64_t)part->low + step;
    bool negative = bits >> 63;
    if (negative)
        put(into, pool, "-", 1);
    put_unsigned(into, pool, negative ? 0 - bits : bits);
}

/* RFC 9562, 5.4: all random but version and variant. */
static void put_uuid(struct bytes *into, struct pool *pool, struct random *random) {
    static const char hex[] = "0123456789abcdef";
    uint64_t high = random ? random_next(random) : 0, low = random ? random_next(random) : 0;
    high = (high & ~UINT64_C(0xf000)) | 0x4000;
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    char text[36];
    size_t at = 0;
    for (unsigned digit = 0; digit < 32; digit++) {
        uint64_t half = digit < 16 ? high : low;
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20)
            text[at++] = '-';
        text[at++] = hex[half >> (60 - 4 * (digit & 15)) & 15];
    }
    put(into, pool, text, sizeof text);
}

/* RFC 3986, 2.3, and the slash, so that a list of paths is of use. */
static bool is_plain(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '/';
}

static void put_percent(struct bytes *into, struct pool *pool, struct span line) {
    static const char hex[] = "0123456789ABCDEF";
    while (line.len) {
        size_t plain = 0;
        while (plain < line.len && is_plain(line.at[plain]))
            plain++;
        put(into, pool, line.at, plain);
        line = span_skip(line, plain);
        if (line.len) {
            char code[3] = {'%', hex[line.at[0] >> 4], hex[line.at[0] & 15]};
            put(into, pool, code, sizeof code);
            line = span_skip(line, 1);
        }
    }
}

static void put_line(struct bytes *into, struct pool *pool, const struct template_part *part,
                     bool take) {
    struct template_file *file = part->file;
    uint64_t index = take ? atomic_fetch_add_explicit(&file->cursor, 1, memory_order_relaxed) : 0;
    struct span line = template_file_line(file, index);
    if (part->percent)
        put_percent(into, pool, line);
    else
        bytes_add(into, pool, line);
}

/* The head up to `length_at` moves up to the digits, which end where the room for them did. */
static struct span put_length(struct bytes *into, size_t length_at, uint64_t length) {
    char digits[DECIMAL_BYTES_MAX], *end = digits + sizeof digits;
    char *first = decimal_before(end, length);
    size_t unused = (size_t)(first - digits);
    memmove(into->at + unused, into->at, length_at);
    memcpy(into->at + length_at + unused, first, (size_t)(end - first));
    return span_of(into->at + unused, into->len - unused);
}

/* `random` NULL: for showing. */
static struct span fill(const struct template *template, uint64_t seq, struct random *random,
                        struct bytes *into, struct pool *pool) {
    static const char room[DECIMAL_BYTES_MAX];
    size_t length_at = 0, body_at = 0;
    if (template->constant)
        return template->text;
    into->len = 0;
    for (unsigned i = 0; i < template->part_count; i++) {
        const struct template_part *part = &template->part[i];
        if (i == template->body_part)
            body_at = into->len;
        switch ((enum part_kind)part->kind) {
        case PART_TEXT:
            put(into, pool, template->text.at + part->from, part->len);
            break;
        case PART_SEQ:
            put_unsigned(into, pool, seq);
            break;
        case PART_RANDOM:
            put_random(into, pool, part, random);
            break;
        case PART_UUID:
            put_uuid(into, pool, random);
            break;
        case PART_LINE:
            put_line(into, pool, part, random);
            break;
        case PART_LENGTH:
            length_at = into->len;
            put(into, pool, room, sizeof room);
            break;
        }
    }
    return template->has_length ? put_length(into, length_at, into->len - body_at)
                                : bytes_span(into);
}

struct span template_fill(const struct template *template, uint64_t seq, struct random *random,
                          struct bytes *into, struct pool *pool) {
    return fill(template, seq, random, into, pool);
}

struct span template_sample(const struct template *template, struct bytes *into,
                            struct pool *pool) {
    return fill(template, 1, NULL, into, pool);
}
