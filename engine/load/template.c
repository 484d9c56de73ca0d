/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * template.c: cuts texts at their placeholders and puts messages together from the pieces: all plain text lies in one block, and a list
 * of parts says which stretch of it, or which value, comes next. Used by the thread that makes the plan, before the run.
 *
 * What is a placeholder is decided by its beginning alone: a brace, one of the four names, and then a colon, the closing brace or the end.
 * Rejected: to take all that isn't well-formed for text. A {rand:1-9} that is sent as it stands measures another page than the user
 * believes, and nothing would ever say so.
 */
#include "load/template.h"

#include <stdio.h>

#include "load/template_private.h"

enum { SHOWN_BYTES_MAX = 60 };

/* ---- cutting ---------------------------------------------------------------------------------- */

static bool begins_hole(struct span text) {
    static const char *const names[] = {"seq", "rand", "uuid", "line"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len = strlen(names[i]);
        if (text.len < 1 + len || memcmp(text.at + 1, names[i], len) != 0)
            continue;
        return text.len == 1 + len || text.at[1 + len] == ':' || text.at[1 + len] == '}';
    }
    return false;
}

static bool is_double(struct span text, uint8_t brace) {
    return text.len > 1 && text.at[0] == brace && text.at[1] == brace;
}

/* Whether something other than text begins here. */
static bool is_special(const struct template_scan *scan, struct span text) {
    if (text.at[0] == '}')
        return scan->open && is_double(text, '}');
    return text.at[0] == '{' && (is_double(text, '{') || begins_hole(text));
}

static struct template_piece take(struct template_scan *scan, enum piece_kind kind, size_t len,
                                  size_t used) {
    struct template_piece piece = {.kind = kind, .text = span_of(scan->rest.at, len)};
    scan->rest = span_skip(scan->rest, used);
    return piece;
}

struct template_piece template_next(struct template_scan *scan) {
    struct span rest = scan->rest;
    if (!rest.len)
        return (struct template_piece){.kind = PIECE_END};
    if (!is_special(scan, rest)) {
        size_t len = 1;
        while (len < rest.len && !is_special(scan, span_skip(rest, len)))
            len++;
        return take(scan, PIECE_TEXT, len, len);
    }
    if (is_double(rest, '{')) {
        scan->open++;
        return take(scan, PIECE_TEXT, 1, 2);
    }
    if (rest.at[0] == '}') {
        scan->open--;
        return take(scan, PIECE_TEXT, 1, 2);
    }
    const uint8_t *end = memchr(rest.at, '}', rest.len);
    size_t len = end ? (size_t)(end - rest.at) + 1 : rest.len;
    return take(scan, PIECE_HOLE, len, len);
}

bool template_has_holes(struct span text) {
    struct template_scan scan = {.rest = text};
    for (;;) {
        struct template_piece piece = template_next(&scan);
        if (piece.kind != PIECE_TEXT)
            return piece.kind == PIECE_HOLE;
    }
}

/* ---- placeholders ------------------------------------------------------------------------------ */

static enum template_result refuse(struct span source, const char *reason, char *why,
                                   size_t why_size) {
    bool cut = source.len > SHOWN_BYTES_MAX;
    snprintf(why, why_size, "placeholder \"%.*s%s\": %s", cut ? SHOWN_BYTES_MAX : (int)source.len,
             (const char *)source.at, cut ? "..." : "", reason);
    return TEMPLATE_BAD;
}

static bool parse_number(struct span text, int64_t *number) {
    bool negative = text.len && text.at[0] == '-';
    if (negative)
        text = span_skip(text, 1);
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.at[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_sub_overflow(*number, negative ? digit : -digit, number))
            return false;
    }
    return text.len > 0;
}

/* "A:B" */
static enum template_result parse_random(struct span source, struct span arguments,
                                         struct template_part *part, char *why, size_t why_size) {
    const uint8_t *colon = arguments.len ? memchr(arguments.at, ':', arguments.len) : NULL;
    size_t first = colon ? (size_t)(colon - arguments.at) : 0;
    int64_t high;
    if (!colon || !parse_number(span_of(arguments.at, first), &part->low) ||
        !parse_number(span_skip(arguments, first + 1), &high))
        return refuse(source, "{rand:A:B} takes two whole numbers (of 64 bits)", why, why_size);
    if (part->low > high)
        return refuse(source, "the first number is above the second", why, why_size);
    part->kind = PART_RANDOM;
    part->count = (uint64_t)high - (uint64_t)part->low + 1;
    return TEMPLATE_OK;
}

static enum template_result parse_line(struct template_shared *shared, struct span source,
                                       struct span path, enum template_where where,
                                       struct template_part *part, char *why, size_t why_size) {
    if (!path.len || memchr(path.at, 0, path.len))
        return refuse(source, "{line:FILE} takes the name of a file", why, why_size);
    enum template_result result = template_file_open(shared, path, &part->file, why, why_size);
    if (result != TEMPLATE_OK)
        return result;
    if (where == TEMPLATE_FIELD && part->file->breaks)
        return refuse(source, "a line of the file holds CR or NUL, which no field may", why,
                      why_size);
    part->kind = PART_LINE;
    part->percent = where == TEMPLATE_URL;
    return TEMPLATE_OK;
}

static enum template_result parse_hole(struct template_shared *shared, struct span source,
                                       enum template_where where, struct template_part *part,
                                       char *why, size_t why_size) {
    if (source.at[source.len - 1] != '}')
        return refuse(source, "its closing brace is missing", why, why_size);
    struct span inner = span_of(source.at + 1, source.len - 2);
    const uint8_t *colon = memchr(inner.at, ':', inner.len);
    struct span name = span_of(inner.at, colon ? (size_t)(colon - inner.at) : inner.len);
    struct span arguments = span_skip(inner, colon ? name.len + 1 : name.len);
    *part = (struct template_part){0};
    if (span_is(name, "rand"))
        return parse_random(source, arguments, part, why, why_size);
    if (span_is(name, "line"))
        return parse_line(shared, source, arguments, where, part, why, why_size);
    part->kind = span_is(name, "seq") ? PART_SEQ : PART_UUID;
    return colon ? refuse(source, "it takes no arguments", why, why_size) : TEMPLATE_OK;
}

/* ---- putting together -------------------------------------------------------------------------- */

/* Parts and their text, growing. */
struct parts {
    struct bytes text;
    struct template_part *part;
    unsigned count, room;
};

struct template_builder {
    struct template_shared *shared;
    struct parts parts;
    unsigned body_part;
    bool has_body;
};

static void parts_add(struct parts *parts, struct pool *pool, const struct template_part *part) {
    if (parts->count == parts->room) {
        unsigned room = parts->room ? parts->room * 2 : 8;
        struct template_part *grown = pool_acquire(pool, room * sizeof *grown);
        if (parts->count)
            memcpy(grown, parts->part, parts->count * sizeof *grown);
        pool_release(pool, parts->part, parts->room * sizeof *grown);
        parts->part = grown;
        parts->room = room;
    }
    parts->part[parts->count++] = *part;
}

/* Longer by it is the last part if that is text and not before `from`. */
static void parts_add_text(struct parts *parts, struct pool *pool, struct span text,
                           unsigned from) {
    if (!text.len)
        return;
    struct template_part part = {.kind = PART_TEXT, .from = parts->text.len, .len = text.len};
    bytes_add(&parts->text, pool, text);
    if (parts->count > from && parts->part[parts->count - 1].kind == PART_TEXT)
        parts->part[parts->count - 1].len += text.len;
    else
        parts_add(parts, pool, &part);
}

static void parts_release(struct parts *parts, struct pool *pool) {
    bytes_release(&parts->text, pool);
    pool_release(pool, parts->part, parts->room * sizeof *parts->part);
    *parts = (struct parts){0};
}

struct template_builder *template_begin(struct template_shared *shared) {
    struct template_builder *builder = pool_acquire_zeroed(shared->pool, sizeof *builder);
    builder->shared = shared;
    return builder;
}

void template_add_text(struct template_builder *builder, struct span text) {
    parts_add_text(&builder->parts, builder->shared->pool, text, builder->body_part);
}

enum template_result template_add(struct template_builder *builder, struct span text,
                                  enum template_where where, char *why, size_t why_size) {
    struct template_scan scan = {.rest = text};
    for (;;) {
        struct template_piece piece = template_next(&scan);
        struct template_part part;
        if (piece.kind == PIECE_END)
            return TEMPLATE_OK;
        if (piece.kind == PIECE_TEXT) {
            template_add_text(builder, piece.text);
            continue;
        }
        enum template_result result =
            parse_hole(builder->shared, piece.text, where, &part, why, why_size);
        if (result != TEMPLATE_OK)
            return result;
        parts_add(&builder->parts, builder->shared->pool, &part);
    }
}

void template_add_length(struct template_builder *builder) {
    parts_add(&builder->parts, builder->shared->pool, &(struct template_part){.kind = PART_LENGTH});
}

void template_add_body(struct template_builder *builder) {
    builder->body_part = builder->parts.count;
    builder->has_body = true;
}

/* The length of the body if it is always the same. */
static bool body_is_constant(const struct template_builder *builder, uint64_t *length) {
    *length = 0;
    if (!builder->has_body)
        return true;
    for (unsigned i = builder->body_part; i < builder->parts.count; i++) {
        if (builder->parts.part[i].kind != PART_TEXT)
            return false;
        *length += builder->parts.part[i].len;
    }
    return true;
}

char *decimal_before(char *end, uint64_t number) {
    do
        *--end = (char)('0' + number % 10);
    while (number /= 10);
    return end;
}

/* A length that is known now becomes text, and what that makes neighbours of becomes one part. */
static void merge(const struct template_builder *builder, struct parts *merged,
                  struct template *template) {
    struct pool *pool = builder->shared->pool;
    char digits[DECIMAL_BYTES_MAX], *end = digits + sizeof digits;
    uint64_t length;
    bool known = body_is_constant(builder, &length);
    for (unsigned i = 0; i < builder->parts.count; i++) {
        const struct template_part *part = &builder->parts.part[i];
        if (i == builder->body_part && !known)
            template->body_part = merged->count;
        if (part->kind == PART_TEXT) {
            parts_add_text(merged, pool, span_of(builder->parts.text.at + part->from, part->len),
                           template->body_part);
        } else if (part->kind == PART_LENGTH && known) {
            char *first = decimal_before(end, length);
            parts_add_text(merged, pool, span_of(first, (size_t)(end - first)), 0);
        } else {
            parts_add(merged, pool, part);
            template->has_length |= part->kind == PART_LENGTH;
            template->has_seq |= part->kind == PART_SEQ;
        }
    }
}

void template_end(struct template_builder *builder, struct template *template) {
    struct pool *pool = builder->shared->pool;
    struct parts merged = {0};
    *template = (struct template){.constant = true};
    merge(builder, &merged, template);
    uint8_t *text = pool_acquire(pool, merged.text.len);
    if (merged.text.len)
        memcpy(text, merged.text.at, merged.text.len);
    template->text = span_of(text, merged.text.len);
    for (unsigned i = 0; i < merged.count; i++)
        template->constant &= merged.part[i].kind == PART_TEXT;
    if (!template->constant) {
        template->part_count = merged.count;
        template->part = pool_acquire(pool, merged.count * sizeof *template->part);
        memcpy(template->part, merged.part, merged.count * sizeof *template->part);
    }
    parts_release(&merged, pool);
    template_abandon(builder);
}

void template_abandon(struct template_builder *builder) {
    if (!builder)
        return;
    struct pool *pool = builder->shared->pool;
    parts_release(&builder->parts, pool);
    pool_release(pool, builder, sizeof *builder);
}

void template_deinit(struct template *template, struct pool *pool) {
    pool_release(pool, (void *)(uintptr_t) template->text.at, template->text.len);
    pool_release(pool, template->part, template->part_count * sizeof *template->part);
    *template = (struct template){0};
}
