/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_private.h: what the files of this room share: a document as UTF-8 that still knows its bytes, a tokenizer of
 * HTML's tags, and the sink that links go to. Everything lives on the caller's stack for one call; nothing is shared between
 * calls, so any thread may call at any time.
 */
#ifndef DOCUMENT_DOCUMENT_PRIVATE_H
#define DOCUMENT_DOCUMENT_PRIVATE_H

#include <iconv.h>

#include "document/document.h"

enum {
    CHARSET_MAX = 40, /* a charset's name, its NUL included */
    META_BYTES =
        1024, /* where a page's own word about its charset is looked for (HTML, 13.2.3.2) */
    REPLACEMENT_BYTES = 3,      /* U+FFFD in UTF-8 */
    REPLACEMENT_POINT = 0xFFFD, /* what stands for bytes that are no character */
};

/* ---- bytes and characters (document_text_view.c, document_charset.c) ---- */

/* A document in UTF-8, and the way back from a place in it to line and column of the document's own bytes. UTF-8 documents are
 * not copied: `utf8` may then have invalid sequences, which decoding replaces. */
struct text_view {
    struct span utf8;          /* without a BOM */
    struct span source;        /* without a BOM */
    uint8_t *owned;            /* utf8's memory if it was converted */
    char charset[CHARSET_MAX]; /* iconv's name, "" for UTF-8 */
    /* The cursor: how far lines were counted. It only moves on; an earlier place starts again. */
    size_t at, line_start;               /* in utf8 */
    size_t source_at, source_line_start; /* in source */
    iconv_t converter;                   /* stands at source_at; only with a charset */
    uint32_t line;
};
/* `is_html`: the page's meta counts. False: out of memory. */
bool text_view_open(struct text_view *view, struct span text, const char *charset, bool is_html);
void text_view_close(struct text_view *view);
/* Where the character at this offset of utf8 stands in the document. */
void text_view_locate(struct text_view *view, size_t offset, uint32_t *line, uint32_t *column);

/* iconv's name of what a label (of a content type, a meta, an XML declaration) means; false: not known. "" is UTF-8. */
bool charset_from_label(struct span label, char name[CHARSET_MAX]);
/* The charset of a document and the length of its BOM. */
size_t charset_choose(struct span text, const char *transport, bool is_html,
                      char name[CHARSET_MAX]);
/* "charset=..." in the text of a content type or of a meta's content; an empty span if there is none. */
struct span charset_parameter(struct span text);

/* Length of the valid UTF-8 sequence at `at`, 0 where there is none (RFC 3629). */
size_t utf8_length(const uint8_t *at, size_t left);
/* One sequence of at most 4 bytes; what is no character becomes U+FFFD. Returns the length. */
size_t utf8_put(uint8_t *to, uint32_t point);
/* Whether it is UTF-8, but for a sequence that its end cuts off. */
bool utf8_is_valid(struct span text);

/* ---- character references (document_decode.c) ---- */

enum decode_place { DECODE_ATTRIBUTE, DECODE_TEXT };
/* Decodes HTML's character references and replaces NUL and what is not UTF-8. `to` has room for DECODE_ROOM bytes. Returns
 * the length. */
#define DECODE_ROOM(len) ((len)*REPLACEMENT_BYTES + 1)
size_t html_decode(struct span raw, enum decode_place place, uint8_t *to);
/* The same without character references. */
size_t utf8_repair(struct span raw, uint8_t *to);

/* ---- the names of character references (document_entity.c) ---- */

enum { ENTITY_NAME_MAX = 8 };
struct html_entity {
    char name[ENTITY_NAME_MAX +
              1]; /* no pointer, so that nothing is relocated when a program starts */
    uint16_t point;
};
extern const struct html_entity html_entities[];
extern const size_t html_entities_count;
/* The character that a name of letters and digits, without & and ;, stands for; 0: there is no such name. */
uint32_t html_entity_point(struct span name);

/* ---- HTML's tags (document_tags.c) ---- */

struct html_tag {
    struct span name;       /* as written */
    struct span attributes; /* what is between the name and `>` */
    size_t at, end;         /* offsets of `<` and behind `>` */
    bool is_end;
    bool is_foreign; /* in SVG or MathML, where a title is no page's title */
};
struct html_attribute {
    struct span name, value; /* as written, without quotes */
};
struct html_tags {
    struct span text;
    size_t at;
    unsigned foreign_depth;
    const char *raw; /* the element whose text is no markup, which we are in */
};
/* Begins at the text's first byte. */
void html_tags_begin(struct html_tags *tags, struct span text);
/* The next whole tag; false: the end. Linear in the text, all calls together. */
bool html_tags_next(struct html_tags *tags, struct html_tag *tag);
/* Takes the next attribute off `rest`. */
bool html_attribute_next(struct span *rest, struct html_attribute *attribute);
/* The first attribute of that name; false: none. */
bool html_attribute_find(const struct html_tag *tag, const char *name,
                         struct html_attribute *attribute);
bool html_is_space(uint8_t c);

/* ---- links ---- */

struct link_sink {
    document_link_fn *found;
    void *context;
    struct text_view *view;
    uint8_t *text; /* decoded URLs, one after another in the same place */
    size_t room;
    bool is_enough, is_out_of_memory;
};
enum link_form { LINK_HTML, LINK_PLAIN };
/* Decodes, trims and reports `raw`, whose first byte is at this offset of the view's utf8. False: enough, or no memory. */
bool link_report(struct link_sink *sink, struct span raw, size_t at, enum link_form form,
                 bool is_base);

/* A link in HTML: raw is in the text that was given. */
typedef bool html_link_fn(void *context, struct span raw, bool is_base);
/* Calls `found` for each in order, until it returns false. */
void html_links(struct span text, html_link_fn *found, void *context);

/* ---- names ---- */

/* False: out of memory. */
bool names_add(struct document_names *names, struct span name);
/* Of Markdown; headings of the same slug are counted. */
bool names_add_heading(struct document_names *names, struct span slug);
/* Each adds what it finds. False: out of memory. */
bool html_names(struct span text, struct document_names *names);
bool markdown_names(struct span text, struct document_names *names);

/* The slug that GitHub makes of a heading's text (without markup), into SLUG_ROOM bytes. Returns its length. */
#define SLUG_ROOM(len) (2 * (len) + 1)
size_t slug_make(struct span heading, uint8_t *to);
/* Of a fragment such as "intro-2" the length of "intro", and 2; SIZE_MAX: it has no such number. */
size_t slug_base(struct span fragment, uint64_t *number);

/* ---- Markdown, text, sitemaps ---- */

/* Each reports to the sink. False: broken, with `why`. */
bool markdown_links(struct link_sink *sink, char *why, size_t why_size);
void text_links(struct link_sink *sink);
bool sitemap_links(struct span text, const char *charset, document_link_fn *found, void *context,
                   char *why, size_t why_size);

#endif
