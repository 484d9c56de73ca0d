/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_sitemap.c: sitemaps and sitemap indexes, in pieces, through expat's push parser. A document type is refused, and with
 * it all entities, so none can grow and none can load a file. Expat keeps every name that it meets and a record of each
 * open element, and begins again at a construct that a piece cuts: all of these are bounded here.
 *
 * Expat gets UTF-8 only. The bytes it has been fed and that lie behind the last event are kept, and from them the place of
 * each URL is counted; a sitemap in another charset is converted as a whole first, which is rare and small.
 *
 * Rejected: libxml2, whose libraries (ICU, libstdc++) cost every start of a program over a millisecond. Expat's own lines
 * and columns, which count CR and characters. Namespaces: sitemaps are written with wrong ones, or none.
 */
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "document/document_private.h"

enum {
    PIECE_BYTES = 16 << 10, /* fed at once: bounds what is kept */
    CONSTRUCT_BYTES_MAX =
        256 << 10, /* of a tag, a comment or a loc; browsers' URLs end at 2 MB, servers' at 8 KiB */
    /* Of a construct whose end isn't there yet; expat 2.6 waits for twice as much as it had. */
    WAITING_BYTES_MAX = 2 * CONSTRUCT_BYTES_MAX + PIECE_BYTES,
    DEPTH_MAX = 256, /* of elements; a sitemap has 3, with its extensions 6 */
    NAME_BYTES_MAX = 1000,
    NAMES_BYTES_MAX =
        64 << 10, /* of the set: 6,000 names; sitemaps and their extensions have some 60 */
    FOREIGN_BYTES_MAX = 64 << 20, /* a sitemap may have 50 MiB (sitemaps.org) */
    WHY_BYTES = 200,
};

enum sitemap_place { PLACE_OUTSIDE, PLACE_ROOT, PLACE_ENTRY, PLACE_LOC };

struct buffer {
    uint8_t *at;
    size_t len, room;
};

struct sitemap {
    sitemap_fn *found;
    void *context;
    XML_Parser parser;
    struct document_names *names; /* of elements and attributes */
    enum sitemap_place place;
    enum sitemap_entry entry;
    unsigned depth;      /* of open elements */
    unsigned skip_depth; /* beneath an element that means nothing here; 0: we are not */
    bool is_enough, is_broken, has_begun, has_root;
    char why[WHY_BYTES];
    struct buffer
        fed; /* what the parser has got, the first `passed` bytes of which are done with */
    size_t passed;
    size_t kept_at;        /* the offset in the stream of what is not */
    uint32_t line, column; /* of the same */
    size_t given;          /* the offset up to which expat has got the stream */
    size_t event_end;      /* that behind its last event */
    struct buffer loc;
    struct buffer
        begin; /* the first bytes, until there are enough to know the charset, or the whole document to convert */
    char charset[CHARSET_MAX];
    bool is_foreign; /* not UTF-8: gathered in `begin`, parsed at the end */
    struct text_view *view;
};

static bool append(struct buffer *buffer, struct span piece) {
    if (buffer->room - buffer->len < piece.len) {
        size_t room = buffer->room ? buffer->room : 1024;
        while (room - buffer->len < piece.len)
            room *= 2;
        uint8_t *grown = realloc(buffer->at, room);
        if (!grown)
            return false;
        buffer->at = grown;
        buffer->room = room;
    }
    if (piece.len)
        memcpy(buffer->at + buffer->len, piece.at, piece.len);
    buffer->len += piece.len;
    return true;
}

/* Only the first reason is kept. */
__attribute__((format(printf, 2, 3))) static void fail(struct sitemap *sitemap, const char *format,
                                                       ...) {
    va_list arguments;
    if (!sitemap->is_broken && !sitemap->is_enough) {
        va_start(arguments, format);
        vsnprintf(sitemap->why, sizeof sitemap->why, format, arguments);
        va_end(arguments);
        sitemap->is_broken = true;
    }
    XML_StopParser(sitemap->parser, XML_FALSE);
}

static void fail_for_memory(struct sitemap *sitemap) {
    fail(sitemap, "out of memory");
}

static void fail_for_length(struct sitemap *sitemap) {
    fail(sitemap, "line %u: a tag, comment or text of over %d KiB", sitemap->line,
         CONSTRUCT_BYTES_MAX >> 10);
}

static bool is_over(const struct sitemap *sitemap) {
    return sitemap->is_broken || sitemap->is_enough;
}

/* ---- places ---- */

static struct span kept(const struct sitemap *sitemap) {
    if (!sitemap->fed.at)
        return span_text("");
    return span_of(sitemap->fed.at + sitemap->passed, sitemap->fed.len - sitemap->passed);
}

/* Forgets what lies before this offset, counting its lines. */
static void advance(struct sitemap *sitemap, size_t offset) {
    size_t count = offset > sitemap->kept_at ? offset - sitemap->kept_at : 0;
    struct span passed = kept(sitemap);
    const uint8_t *newline;
    if (count < passed.len)
        passed.len = count;
    sitemap->passed += passed.len;
    sitemap->kept_at += passed.len;
    while (passed.len && (newline = memchr(passed.at, '\n', passed.len))) {
        sitemap->line++;
        sitemap->column = 1;
        passed = span_skip(passed, (size_t)(newline - passed.at) + 1);
    }
    sitemap->column += (uint32_t)passed.len;
}

/* Keeps what is about to be fed. */
static bool keep(struct sitemap *sitemap, struct span piece) {
    if (sitemap->passed) {
        struct span rest = kept(sitemap);
        memmove(sitemap->fed.at, rest.at, rest.len);
        sitemap->fed.len = rest.len;
        sitemap->passed = 0;
    }
    return append(&sitemap->fed, piece);
}

/* From behind <loc> to its first character that counts. */
static size_t loc_text_begin(struct span text) {
    static const char cdata[] = "<![CDATA[";
    size_t at = 0;
    while (at < text.len) {
        if (html_is_space(text.at[at]))
            at++;
        else if (text.len - at > sizeof cdata && memcmp(text.at + at, cdata, sizeof cdata - 1) == 0)
            at += sizeof cdata - 1;
        else
            break;
    }
    return at;
}

/* ---- events ---- */

static void report(struct sitemap *sitemap) {
    struct span url = span_of(sitemap->loc.at, sitemap->loc.len);
    while (url.len && html_is_space(url.at[0]))
        url = span_skip(url, 1);
    while (url.len && html_is_space(url.at[url.len - 1]))
        url.len--;
    advance(sitemap, sitemap->kept_at + loc_text_begin(kept(sitemap)));
    if (!url.len)
        return;
    struct document_link link = {.url = url, .line = sitemap->line, .column = sitemap->column};
    if (sitemap->view)
        text_view_locate(sitemap->view, sitemap->kept_at, &link.line, &link.column);
    if (!sitemap->found(sitemap->context, sitemap->entry, &link)) {
        sitemap->is_enough = true;
        XML_StopParser(sitemap->parser, XML_FALSE);
    }
}

/* Every event comes by here first. What it and all before it are made of is done with, but for a loc, whose place is told at
 * its end. False: nothing more is wanted, though expat may have some events left. */
static bool pass_event(struct sitemap *sitemap) {
    if (is_over(sitemap))
        return false;
    size_t begin = (size_t)XML_GetCurrentByteIndex(sitemap->parser);
    sitemap->event_end = begin + (size_t)XML_GetCurrentByteCount(sitemap->parser);
    if (sitemap->place == PLACE_LOC)
        begin = sitemap->kept_at;
    if (sitemap->event_end - begin > CONSTRUCT_BYTES_MAX)
        fail_for_length(sitemap);
    else if (sitemap->place != PLACE_LOC)
        advance(sitemap, sitemap->event_end);
    return !is_over(sitemap);
}

static void note_name(struct sitemap *sitemap, const char *name) {
    struct span text = span_text(name);
    if (text.len > NAME_BYTES_MAX)
        fail(sitemap, "line %u: a name of over %d bytes", sitemap->line, NAME_BYTES_MAX);
    else if (!names_add(sitemap->names, text))
        fail_for_memory(sitemap);
    else if (document_names_bytes(sitemap->names) > NAMES_BYTES_MAX)
        fail(sitemap, "line %u: too many names of elements and attributes", sitemap->line);
}

static struct span local_name(const char *name) {
    struct span text = span_text(name);
    const uint8_t *colon = memchr(text.at, ':', text.len);
    return colon > text.at ? span_skip(text, (size_t)(colon - text.at) + 1) : text;
}

static void on_start(void *context, const char *name, const char **attributes) {
    struct sitemap *sitemap = context;
    struct span local = local_name(name);
    if (!pass_event(sitemap))
        return;
    note_name(sitemap, name);
    for (; *attributes; attributes += 2)
        note_name(sitemap, *attributes);
    if (++sitemap->depth > DEPTH_MAX)
        fail(sitemap, "line %u: elements over %d deep", sitemap->line, DEPTH_MAX);
    if (sitemap->skip_depth)
        return;
    if (sitemap->place == PLACE_OUTSIDE) {
        if (!span_is(local, "urlset") && !span_is(local, "sitemapindex"))
            fail(sitemap, "line %u: no sitemap: its root is <%.40s>", sitemap->line, name);
        sitemap->place = PLACE_ROOT;
        sitemap->has_root = true;
    } else if (sitemap->place == PLACE_ROOT &&
               (span_is(local, "url") || span_is(local, "sitemap"))) {
        sitemap->entry = span_is(local, "url") ? SITEMAP_URL : SITEMAP_SITEMAP;
        sitemap->place = PLACE_ENTRY;
    } else if (sitemap->place == PLACE_ENTRY && span_is(local, "loc")) {
        sitemap->place = PLACE_LOC;
        sitemap->loc.len = 0;
    } else {
        sitemap->skip_depth = sitemap->depth;
    }
}

static void on_end(void *context, const char *name) {
    struct sitemap *sitemap = context;
    (void)name;
    if (!pass_event(sitemap))
        return;
    if (sitemap->skip_depth) {
        if (sitemap->skip_depth == sitemap->depth)
            sitemap->skip_depth = 0;
    } else {
        if (sitemap->place == PLACE_LOC)
            report(sitemap);
        if (sitemap->place != PLACE_OUTSIDE)
            sitemap->place--;
    }
    sitemap->depth--;
    if (sitemap->place != PLACE_LOC)
        advance(sitemap, sitemap->event_end);
}

static void on_text(void *context, const char *text, int len) {
    struct sitemap *sitemap = context;
    if (pass_event(sitemap) && sitemap->place == PLACE_LOC && !sitemap->skip_depth &&
        !append(&sitemap->loc, span_of(text, (size_t)len)))
        fail_for_memory(sitemap);
}

/* Comments, processing instructions, what stands around the root. */
static void on_other(void *context, const char *text, int len) {
    (void)text, (void)len;
    pass_event(context);
}

/* With one come entities, which can be bombs or files. A page of HTML, which servers send for a sitemap that isn't there, ends
 * here too. */
static void on_doctype(void *context, const char *name, const char *system_id,
                       const char *public_id, int has_subset) {
    struct sitemap *sitemap = context;
    (void)system_id, (void)public_id, (void)has_subset;
    fail(sitemap, "line %u: no sitemap: it has a document type, %.40s", sitemap->line, name);
}

/* What expat says in place of "there is too little". */
static bool is_cut_off(enum XML_Error error) {
    return error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN ||
           error == XML_ERROR_UNCLOSED_CDATA_SECTION || error == XML_ERROR_PARTIAL_CHAR;
}

static void fail_as_parser(struct sitemap *sitemap) {
    enum XML_Error error = XML_GetErrorCode(sitemap->parser);
    if (error == XML_ERROR_NO_MEMORY) {
        fail_for_memory(sitemap);
        return;
    }
    advance(sitemap,
            is_cut_off(error) ? SIZE_MAX : (size_t)XML_GetCurrentByteIndex(sitemap->parser));
    if (is_cut_off(error))
        fail(sitemap, "line %u: it ends %s", sitemap->line,
             sitemap->has_root ? "in the middle" : "before it begins");
    else
        fail(sitemap, "line %u: %s", sitemap->line, XML_ErrorString(error));
}

/* ---- feeding ---- */

/* Expat's own word about the charset doesn't count: the bytes are UTF-8 already. */
static bool begin_parser(struct sitemap *sitemap) {
    sitemap->parser = XML_ParserCreate("UTF-8");
    if (!sitemap->parser)
        return false;
    XML_SetUserData(sitemap->parser, sitemap);
    XML_SetElementHandler(sitemap->parser, on_start, on_end);
    XML_SetCharacterDataHandler(sitemap->parser, on_text);
    XML_SetStartDoctypeDeclHandler(sitemap->parser, on_doctype);
    XML_SetDefaultHandler(sitemap->parser, on_other);
    return true;
}

struct sitemap *sitemap_open(sitemap_fn *found, void *context) {
    struct sitemap *sitemap = calloc(1, sizeof *sitemap);
    if (!sitemap)
        return NULL;
    sitemap->found = found;
    sitemap->context = context;
    sitemap->line = sitemap->column = 1;
    sitemap->names = document_names_open(DOCUMENT_SITEMAP, span_of(NULL, 0), NULL);
    if (sitemap->names && begin_parser(sitemap))
        return sitemap;
    sitemap_close(sitemap);
    return NULL;
}

void sitemap_close(struct sitemap *sitemap) {
    if (!sitemap)
        return;
    XML_ParserFree(sitemap->parser);
    document_names_close(sitemap->names);
    free(sitemap->fed.at);
    free(sitemap->loc.at);
    free(sitemap->begin.at);
    free(sitemap);
}

/* What is kept and expat hasn't got. */
static struct span waiting(const struct sitemap *sitemap) {
    return span_skip(kept(sitemap), sitemap->given - sitemap->kept_at);
}

static void hand_over(struct sitemap *sitemap) {
    struct span rest = waiting(sitemap);
    sitemap->given += rest.len;
    if (XML_Parse(sitemap->parser, (const char *)rest.at, (int)rest.len, 0) != XML_STATUS_OK)
        fail_as_parser(sitemap);
    else if (sitemap->given - sitemap->event_end > WAITING_BYTES_MAX)
        fail_for_length(sitemap);
}

/* Expat reads a construct that is not yet whole from its beginning at every call: it gets the next bytes when they are as many
 * as it has in vain, so that a hostile server's single bytes don't cost the square of their number. */
static void parse(struct sitemap *sitemap, struct span utf8) {
    while (utf8.len && !is_over(sitemap)) {
        size_t len = utf8.len < PIECE_BYTES ? utf8.len : PIECE_BYTES;
        if (!keep(sitemap, span_of(utf8.at, len))) {
            fail_for_memory(sitemap);
            return;
        }
        size_t due = sitemap->given - sitemap->event_end;
        if (waiting(sitemap).len >= (due < PIECE_BYTES ? due : PIECE_BYTES))
            hand_over(sitemap);
        utf8 = span_skip(utf8, len);
    }
}

static void end_parser(struct sitemap *sitemap) {
    if (!is_over(sitemap))
        hand_over(sitemap);
    if (!is_over(sitemap) && XML_Parse(sitemap->parser, "", 0, 1) != XML_STATUS_OK)
        fail_as_parser(sitemap);
}

/* The whole of a document that may be in any charset. */
static void parse_whole(struct sitemap *sitemap, struct span text, const char *charset) {
    struct text_view view;
    if (!text_view_open(&view, text, charset, false)) {
        fail_for_memory(sitemap);
        return;
    }
    sitemap->view = &view;
    parse(sitemap, view.utf8);
    end_parser(sitemap);
    sitemap->view = NULL;
    text_view_close(&view);
}

/* What has come so far tells the charset. */
static void begin(struct sitemap *sitemap) {
    struct span text = span_of(sitemap->begin.at, sitemap->begin.len);
    size_t bom = charset_choose(text, NULL, false, sitemap->charset);
    sitemap->has_begun = true;
    sitemap->is_foreign = *sitemap->charset != 0;
    if (sitemap->is_foreign)
        return;
    parse(sitemap, span_skip(text, bom));
    sitemap->begin.len = 0;
}

static bool verdict(const struct sitemap *sitemap, char *why, size_t why_size) {
    if (is_over(sitemap) && why_size)
        snprintf(why, why_size, "%s", sitemap->why);
    return !is_over(sitemap);
}

bool sitemap_feed(struct sitemap *sitemap, struct span bytes, char *why, size_t why_size) {
    if (is_over(sitemap))
        return verdict(sitemap, why, why_size);
    if (sitemap->has_begun && !sitemap->is_foreign) {
        parse(sitemap, bytes);
    } else if (sitemap->begin.len + bytes.len > FOREIGN_BYTES_MAX && sitemap->is_foreign) {
        fail(sitemap, "over %d MiB in %s: only UTF-8 may be as large", FOREIGN_BYTES_MAX >> 20,
             sitemap->charset);
    } else if (!append(&sitemap->begin, bytes)) {
        fail_for_memory(sitemap);
    } else if (!sitemap->has_begun && sitemap->begin.len >= META_BYTES) {
        begin(sitemap);
    }
    return verdict(sitemap, why, why_size);
}

bool sitemap_end(struct sitemap *sitemap, char *why, size_t why_size) {
    if (is_over(sitemap))
        return verdict(sitemap, why, why_size);
    if (!sitemap->has_begun && sitemap->begin.len)
        begin(sitemap);
    if (sitemap->is_foreign)
        parse_whole(sitemap, span_of(sitemap->begin.at, sitemap->begin.len), sitemap->charset);
    else
        end_parser(sitemap);
    return verdict(sitemap, why, why_size);
}

/* ---- a sitemap that is there whole ---- */

struct whole {
    document_link_fn *found;
    void *context;
};

static bool on_whole_entry(void *context, enum sitemap_entry entry,
                           const struct document_link *link) {
    const struct whole *whole = context;
    (void)entry;
    return whole->found(whole->context, link);
}

bool sitemap_links(struct span text, const char *charset, document_link_fn *found, void *context,
                   char *why, size_t why_size) {
    struct whole whole = {.found = found, .context = context};
    struct sitemap *sitemap = sitemap_open(on_whole_entry, &whole);
    if (!sitemap) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    parse_whole(sitemap, text, charset);
    bool is_good = !sitemap->is_broken;
    verdict(sitemap, why, why_size);
    sitemap_close(sitemap);
    return is_good;
}
