/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_name.c: name templates. A template is parsed once into parts; expanding it cleans each value as it is put in, so
 * that no value can bring a '/', and then goes over the whole component by component.
 *
 * Rejected: expanding first and cleaning afterwards, which can't tell the user's '/' from the server's.
 */
#include "output/file_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/span.h"
#include "output/file_component.h"

enum name_kind {
    NAME_LITERAL,
    NAME_N,
    NAME_HOST,
    NAME_PATH,
    NAME_BASENAME,
    NAME_EXT,
    NAME_STATUS,
    NAME_TAG,
    NAME_SHA256,
    NAME_KINDS
};

static const char *const placeholders[NAME_KINDS] = {"",    "n",      "host", "path",  "basename",
                                                     "ext", "status", "tag",  "sha256"};

enum { NUMBER_WIDTH_MAX = 20, RAW_BYTES_MAX = 32768 };

struct name_part {
    enum name_kind kind;
    unsigned width;      /* of a number: zeros in front up to it */
    struct span literal; /* in name_template.text */
};

struct name_template {
    struct name_part *parts;
    size_t count;
    char *text;
};

/* ---- parsing -------------------------------------------------------------------------------------- */

/* "n", "n:06", "basename": what stands between the braces. */
static bool parse_placeholder(struct name_part *part, struct span inner) {
    const uint8_t *colon = memchr(inner.at, ':', inner.len);
    struct span word = span_of(inner.at, colon ? (size_t)(colon - inner.at) : inner.len);
    for (size_t kind = NAME_N; kind < NAME_KINDS; kind++) {
        if (!span_is(word, placeholders[kind]))
            continue;
        part->kind = (enum name_kind)kind;
        if (!colon)
            return true;
        struct span width = span_skip(inner, word.len + 1);
        if (kind != NAME_N || !width.len || width.len > 3)
            return false;
        for (size_t i = 0; i < width.len; i++) {
            if (width.at[i] < '0' || width.at[i] > '9')
                return false;
            part->width = part->width * 10 + (width.at[i] - '0');
        }
        return part->width <= NUMBER_WIDTH_MAX;
    }
    return false;
}

/* Parses one part at the beginning of `rest`; returns how many bytes it took, 0 with a line in `why`. */
static size_t parse_part(struct name_part *part, struct span rest, char *why, size_t why_size) {
    *part = (struct name_part){.kind = NAME_LITERAL};
    uint8_t first = rest.at[0];
    if ((first == '{' || first == '}') && rest.len > 1 && rest.at[1] == first) {
        part->literal = span_of(rest.at, 1);
        return 2;
    }
    if (first == '{') {
        const uint8_t *end = memchr(rest.at, '}', rest.len);
        size_t len = end ? (size_t)(end - rest.at) + 1 : rest.len;
        if (end && parse_placeholder(part, span_of(rest.at + 1, len - 2)))
            return len;
        snprintf(why, why_size, "--name: unknown placeholder %.*s", (int)(len < 64 ? len : 64),
                 (const char *)rest.at);
        return 0;
    }
    if (first == '}') {
        snprintf(why, why_size, "--name: a single '}'; write }} for a brace");
        return 0;
    }
    size_t len = 1;
    while (len < rest.len && rest.at[len] != '{' && rest.at[len] != '}')
        len++;
    part->literal = span_of(rest.at, len);
    return len;
}

/* The user's own mistakes in a name are refused, whatever would become of them. */
static const char *path_fault(const char *text) {
    if (!*text)
        return "is empty";
    if (*text == '/')
        return "is absolute; it is taken beneath the directory";
    for (const char *at = text; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || !at[2]))
            return "leads out of the directory";
    if (text[strlen(text) - 1] == '/')
        return "ends in a slash";
    return NULL;
}

struct name_template *name_template_parse(const char *text, char *why, size_t why_size) {
    const char *fault = path_fault(text);
    if (fault) {
        snprintf(why, why_size, "--name: \"%.80s\" %s", text, fault);
        return NULL;
    }
    size_t len = strlen(text);
    struct name_template *name = calloc(1, sizeof *name);
    CHECK(name);
    name->text = strdup(text);
    name->parts = calloc(len, sizeof *name->parts);
    CHECK(name->text && name->parts);
    struct span rest = span_of(name->text, len);
    while (rest.len) {
        size_t took = parse_part(&name->parts[name->count], rest, why, why_size);
        if (!took) {
            name_template_free(name);
            return NULL;
        }
        name->count++;
        rest = span_skip(rest, took);
    }
    return name;
}

void name_template_free(struct name_template *name) {
    if (!name)
        return;
    free(name->parts);
    free(name->text);
    free(name);
}

static bool has_kind(const struct name_template *name, enum name_kind kind) {
    for (size_t i = 0; i < name->count; i++)
        if (name->parts[i].kind == kind)
            return true;
    return false;
}

bool name_needs_status(const struct name_template *name) {
    return has_kind(name, NAME_STATUS);
}

bool name_needs_sha256(const struct name_template *name) {
    return has_kind(name, NAME_SHA256);
}

/* ---- what a URL offers ------------------------------------------------------------------------------ */

/* A normalised URL needs no parser: the authority ends at the first '/', the path at '?' or '#'. */
static struct span authority_in(const char *url) {
    const char *colon = strchr(url, ':');
    const char *authority = colon && colon[1] == '/' && colon[2] == '/' ? colon + 3 : url;
    return span_of(authority, strcspn(authority, "/?#"));
}

/* With its first '/', or empty. */
static struct span path_in(const char *url) {
    struct span authority = authority_in(url);
    const char *path = (const char *)authority.at + authority.len;
    return span_of(path, strcspn(path, "?#"));
}

/* Without brackets. */
static struct span host_in(const char *url) {
    struct span authority = authority_in(url);
    const char *at = memrchr(authority.at, '@', authority.len);
    const char *host = at ? at + 1 : (const char *)authority.at;
    size_t len = authority.len - (size_t)(host - (const char *)authority.at);
    const char *bracket = memchr(host, ']', len), *colon = memrchr(host, ':', len);
    if (*host == '[' && bracket)
        return span_of(host + 1, (size_t)(bracket - host) - 1);
    return span_of(host, colon ? (size_t)(colon - host) : len);
}

static int hex_digit(uint8_t c) {
    uint8_t lower = ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static size_t percent_decode(char *out, struct span text) {
    size_t put = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.at[i] == '%' && i + 2 < text.len) {
            high = hex_digit(text.at[i + 1]);
            low = hex_digit(text.at[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[put++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[put++] = (char)text.at[i];
        }
    }
    return put;
}

/* ---- expanding -------------------------------------------------------------------------------------- */

struct raw_name {
    size_t len;
    bool full;
    char at[RAW_BYTES_MAX];
};

static void put_raw(struct raw_name *raw, struct span bytes) {
    if (bytes.len > RAW_BYTES_MAX - raw->len) {
        raw->full = true;
        return;
    }
    memcpy(raw->at + raw->len, bytes.at, bytes.len);
    raw->len += bytes.len;
}

static void put_value(struct raw_name *raw, struct span value) {
    if (value.len > RAW_BYTES_MAX - raw->len) {
        raw->full = true;
        return;
    }
    raw->len += component_clean(raw->at + raw->len, (const char *)value.at, value.len);
}

/* A segment of the path: decoded, then cleaned, so that %2F can't become a '/' of ours. */
static void put_segment(struct raw_name *raw, struct span segment) {
    if (segment.len > RAW_BYTES_MAX - raw->len) {
        raw->full = true;
        return;
    }
    char *at = raw->at + raw->len;
    raw->len += component_clean(at, at, percent_decode(at, segment));
}

static struct span last_segment(struct span path) {
    const uint8_t *slash = path.len ? memrchr(path.at, '/', path.len) : NULL;
    size_t skip = slash ? (size_t)(slash - path.at) + 1 : 0;
    struct span last = span_skip(path, skip);
    return last.len ? last : span_text("index.html");
}

static void put_path(struct raw_name *raw, struct span path) {
    struct span last = last_segment(path);
    while (path.len) {
        path = span_skip(path, 1); /* the '/' */
        const uint8_t *slash = memchr(path.at, '/', path.len);
        if (!slash)
            break;
        struct span segment = span_of(path.at, (size_t)(slash - path.at));
        put_segment(raw, segment);
        if (segment.len)
            put_raw(raw, span_text("/"));
        path = span_skip(path, segment.len);
    }
    put_segment(raw, last);
}

static void put_extension(struct raw_name *raw, struct span path) {
    struct span last = last_segment(path);
    const uint8_t *dot = memrchr(last.at, '.', last.len);
    if (dot && dot != last.at)
        put_segment(raw, span_skip(last, (size_t)(dot - last.at) + 1));
}

static void put_number(struct raw_name *raw, uint64_t number, unsigned width) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%0*llu", (int)width, (unsigned long long)number);
    put_raw(raw, span_of(digits, (size_t)len));
}

static void put_part(struct raw_name *raw, const struct name_part *part,
                     const struct name_facts *facts) {
    switch (part->kind) {
    case NAME_N:
        put_number(raw, facts->n, part->width);
        break;
    case NAME_HOST:
        put_value(raw, host_in(facts->url));
        break;
    case NAME_PATH:
        put_path(raw, path_in(facts->url));
        break;
    case NAME_BASENAME:
        put_segment(raw, last_segment(path_in(facts->url)));
        break;
    case NAME_EXT:
        put_extension(raw, path_in(facts->url));
        break;
    case NAME_STATUS:
        put_number(raw, facts->status, 3);
        break;
    case NAME_TAG:
        put_value(raw, span_text(facts->tag ? facts->tag : ""));
        break;
    case NAME_SHA256:
        put_value(raw, span_text(facts->sha256 ? facts->sha256 : ""));
        break;
    case NAME_LITERAL:
    case NAME_KINDS:
        put_raw(raw, part->literal);
        break;
    }
}

/* The raw name's components, each made safe and empty ones left out, become the path. */
static bool join_components(char *path, const struct raw_name *raw) {
    size_t put = 0, components = 0;
    for (size_t i = 0; i < raw->len;) {
        const char *slash = memchr(raw->at + i, '/', raw->len - i);
        size_t len = slash ? (size_t)(slash - raw->at) - i : raw->len - i;
        if (len) {
            char component[FILE_NAME_BYTES_MAX];
            size_t count = component_finish(component, raw->at + i, len);
            if (put + 1 + count > FILE_PATH_BYTES_MAX || ++components > FILE_COMPONENTS_MAX)
                return false;
            if (put)
                path[put++] = '/';
            memcpy(path + put, component, count);
            put += count;
        }
        i += len + 1;
    }
    if (!put || raw->at[raw->len - 1] == '/') {
        /* Only placeholders without a value can leave the last component empty. */
        if (put + sizeof "/index.html" > FILE_PATH_BYTES_MAX)
            return false;
        put += (size_t)sprintf(path + put, "%sindex.html", put ? "/" : "");
    }
    path[put] = '\0';
    return true;
}

bool name_expand(const struct name_template *name, const struct name_facts *facts, char *path) {
    struct raw_name raw; /* 32 KiB that need no clearing */
    raw.len = 0;
    raw.full = false;
    for (size_t i = 0; i < name->count; i++)
        put_part(&raw, &name->parts[i], facts);
    return !raw.full && join_components(path, &raw);
}

bool name_check_wanted(const char *wanted, char *path) {
    if (path_fault(wanted))
        return false;
    size_t put = 0, components = 0;
    for (const char *at = wanted; *at;) {
        size_t len = strcspn(at, "/");
        if (len > FILE_NAME_BYTES_MAX || put + 1 + len > FILE_PATH_BYTES_MAX)
            return false;
        if (len && !(len == 1 && *at == '.')) {
            if (++components > FILE_COMPONENTS_MAX)
                return false;
            if (put)
                path[put++] = '/';
            memcpy(path + put, at, len);
            put += len;
        } else if (!at[len]) {
            return false; /* "." or "a/." is a directory */
        }
        at += len + (at[len] == '/');
    }
    path[put] = '\0';
    return put > 0;
}

/* ---- names beside a name ---------------------------------------------------------------------------- */

static void surround(char *out, const char *before, const char *name, const char *after) {
    size_t lead = strlen(before), tail = strlen(after);
    memcpy(out, before, lead);
    size_t put =
        component_shorten(out + lead, name, strlen(name), FILE_NAME_BYTES_MAX - lead - tail);
    memcpy(out + lead + put, after, tail + 1);
}

void name_with_suffix(char *out, const char *name, unsigned suffix) {
    char after[16];
    snprintf(after, sizeof after, ".%u", suffix);
    surround(out, "", name, after);
}

void name_temporary(char *out, const char *name, unsigned pid, unsigned once) {
    char after[32];
    snprintf(after, sizeof after, ".%u.%u.part", pid, once);
    surround(out, ".", name, after);
}

void name_part(char *out, const char *name) {
    surround(out, ".", name, ".part");
}

void name_part_meta(char *out, const char *name) {
    surround(out, ".", name, ".part.meta");
}
