/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_sitemap.c: sitemaps and sitemap indexes, in pieces, through libxml2's push parser. Every context has handlers of its own, among them
 * the one for errors, so nothing is printed and nothing is global. A document type is refused, and with it all entities, so
 * none can grow and none can load a file. What gives no event for CONSTRUCT_BYTES_MAX is refused, because
 * libxml2 2.9 compares each attribute of a tag with all before it.
 *
 * libxml2 gets UTF-8 only. The bytes it has been fed and that lie behind the last event are kept, and from them the place of
 * each URL is counted; a sitemap in another charset is converted as a whole first, which is rare and small.
 *
 * Rejected: libxml2's own columns, which count characters, stop at 65535 lines in nodes and point behind the tag.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "document/document_private.h"

enum {
    PIECE_BYTES = 16 << 10, /* fed at once: bounds what is kept */
    CONSTRUCT_BYTES_MAX =
        256 << 10, /* of a tag, a comment or a loc; browsers' URLs end at 2 MB, servers' at 8 KiB */
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
    xmlParserCtxtPtr parser;
    enum sitemap_place place;
    enum sitemap_entry entry;
    unsigned depth;      /* of open elements */
    unsigned skip_depth; /* beneath an element that means nothing here; 0: we are not */
    bool is_enough, is_broken, has_begun, has_root, is_ending;
    char why[WHY_BYTES];
    struct buffer
        fed; /* what the parser has got, the first `passed` bytes of which are done with */
    size_t passed;
    size_t kept_at;        /* the offset in the stream of what is not */
    uint32_t line, column; /* of the same */
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
    if (sitemap->parser)
        xmlStopParser(sitemap->parser);
}

static void fail_for_memory(struct sitemap *sitemap) {
    fail(sitemap, "out of memory");
}

/* ---- places ---- */

/* How far the parser is in the stream of UTF-8. */
static size_t parser_offset(const struct sitemap *sitemap) {
    const xmlParserInput *input = sitemap->parser->input;
    return input ? input->consumed + (size_t)(input->cur - input->base) : sitemap->kept_at;
}

static struct span kept(const struct sitemap *sitemap) {
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

/* From the `>` of <loc> to its first character that counts. */
static size_t loc_text_begin(struct span text) {
    static const char cdata[] = "<![CDATA[";
    size_t at = 0;
    while (at < text.len) {
        if (html_is_space(text.at[at]) || text.at[at] == '>')
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
        xmlStopParser(sitemap->parser);
    }
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **namespace, int attributes, int defaulted,
                     const xmlChar **attribute) {
    struct sitemap *sitemap = context;
    struct span local = span_text((const char *)name);
    (void)prefix, (void)uri, (void)namespaces, (void)namespace;
    (void)attributes, (void)defaulted, (void)attribute;
    sitemap->depth++;
    if (sitemap->place != PLACE_LOC)
        advance(sitemap, parser_offset(sitemap));
    if (sitemap->skip_depth)
        return;
    if (sitemap->place == PLACE_OUTSIDE) {
        if (!span_is(local, "urlset") && !span_is(local, "sitemapindex"))
            fail(sitemap, "line %u: no sitemap: its root is <%.40s>", sitemap->line,
                 (const char *)name);
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

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
    struct sitemap *sitemap = context;
    (void)name, (void)prefix, (void)uri;
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
        advance(sitemap, parser_offset(sitemap));
}

static void on_text(void *context, const xmlChar *text, int len) {
    struct sitemap *sitemap = context;
    if (sitemap->place != PLACE_LOC)
        advance(sitemap, parser_offset(sitemap));
    else if (!sitemap->skip_depth && len > 0 && !append(&sitemap->loc, span_of(text, (size_t)len)))
        fail_for_memory(sitemap);
}

static void on_comment(void *context, const xmlChar *text) {
    on_text(context, text, 0);
}

/* With one come entities, which can be bombs or files. A page of HTML, which servers send for a sitemap that isn't there, ends
 * here too. */
static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system) {
    struct sitemap *sitemap = context;
    (void)external, (void)system;
    fail(sitemap, "line %u: no sitemap: it has a document type, %.40s", sitemap->line,
         (const char *)name);
}

/* Five predefined ones, and no others. */
static xmlEntityPtr on_entity(void *context, const xmlChar *name) {
    (void)context;
    return xmlGetPredefinedEntity(name);
}

/* One line, without the library's own full stop or newline. */
static void on_error(void *context, xmlErrorPtr error) {
    struct sitemap *sitemap = context;
    if (error->code == XML_ERR_NO_MEMORY) {
        fail_for_memory(sitemap);
        return;
    }
    /* Names without a namespace declaration are not well-formed only in a sense that doesn't matter here. */
    if (error->level == XML_ERR_WARNING || error->domain == XML_FROM_NAMESPACE)
        return;
    if (sitemap->is_ending && error->code == XML_ERR_DOCUMENT_END &&
        (sitemap->depth || !sitemap->has_root)) {
        fail(sitemap, "line %d: it ends %s", error->line,
             sitemap->has_root ? "in the middle" : "before it begins");
        return;
    }
    const char *text = error->message ? error->message : "not well-formed";
    fail(sitemap, "line %d: %.*s", error->line, (int)strcspn(text, "\n"), text);
}

/* ---- feeding ---- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static bool begin_parser(struct sitemap *sitemap) {
    xmlSAXHandler handlers = {.initialized = XML_SAX2_MAGIC,
                              .internalSubset = on_doctype,
                              .startElementNs = on_start,
                              .endElementNs = on_end,
                              .characters = on_text,
                              .cdataBlock = on_text,
                              .comment = on_comment,
                              .getEntity = on_entity,
                              .serror = on_error};
    pthread_once(&library_once, xmlInitParser);
    sitemap->parser = xmlCreatePushParserCtxt(&handlers, sitemap, NULL, 0, NULL);
    if (!sitemap->parser)
        return false;
    xmlCtxtUseOptions(sitemap->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    return true;
}

struct sitemap *sitemap_open(sitemap_fn *found, void *context) {
    struct sitemap *sitemap = calloc(1, sizeof *sitemap);
    if (!sitemap)
        return NULL;
    sitemap->found = found;
    sitemap->context = context;
    sitemap->line = sitemap->column = 1;
    if (!begin_parser(sitemap)) {
        free(sitemap);
        return NULL;
    }
    return sitemap;
}

void sitemap_close(struct sitemap *sitemap) {
    if (!sitemap)
        return;
    xmlFreeParserCtxt(sitemap->parser);
    free(sitemap->fed.at);
    free(sitemap->loc.at);
    free(sitemap->begin.at);
    free(sitemap);
}

static bool is_over(const struct sitemap *sitemap) {
    return sitemap->is_broken || sitemap->is_enough;
}

static void parse(struct sitemap *sitemap, struct span utf8) {
    while (utf8.len && !is_over(sitemap)) {
        size_t len = utf8.len < PIECE_BYTES ? utf8.len : PIECE_BYTES;
        if (!keep(sitemap, span_of(utf8.at, len)))
            fail_for_memory(sitemap);
        else if (kept(sitemap).len > CONSTRUCT_BYTES_MAX)
            fail(sitemap, "line %u: a tag, comment or text of over %d KiB", sitemap->line,
                 CONSTRUCT_BYTES_MAX >> 10);
        else if (xmlParseChunk(sitemap->parser, (const char *)utf8.at, (int)len, 0) ==
                 XML_ERR_NO_MEMORY)
            fail_for_memory(sitemap);
        utf8 = span_skip(utf8, len);
    }
}

static void end_parser(struct sitemap *sitemap) {
    if (is_over(sitemap))
        return;
    sitemap->is_ending = true;
    xmlParseChunk(sitemap->parser, NULL, 0, 1);
    if (!is_over(sitemap) && (!sitemap->parser->wellFormed || !sitemap->has_begun))
        fail(sitemap, "line %u: not well-formed", sitemap->line);
}

/* The whole of a document that may be in any charset. */
static void parse_whole(struct sitemap *sitemap, struct span text, const char *charset) {
    struct text_view view;
    if (!text_view_open(&view, text, charset, false)) {
        fail_for_memory(sitemap);
        return;
    }
    sitemap->view = &view;
    sitemap->has_begun = view.utf8.len > 0;
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
