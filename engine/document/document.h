/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document.h: what pages and documents say: the links of HTML, Markdown and plain text with the places where they stand, the URLs of
 * sitemaps, a page's title, the names that fragments may point to. Bytes in, facts out; no descriptor, no network: an
 * external entity is never loaded, whatever a document asks for. Input is hostile: of any content and nesting, bounded time and
 * memory (a few times the document's).
 *
 * Sitemaps through expat, Markdown through md4c; HTML's tags are cut here (document_tags.c has the reason).
 */
#ifndef DOCUMENT_DOCUMENT_H
#define DOCUMENT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum document_kind { DOCUMENT_HTML, DOCUMENT_MARKDOWN, DOCUMENT_TEXT, DOCUMENT_SITEMAP };

/* Versions of the libraries, "expat 2.5.0, ..." */
const char *document_libraries(void);

struct document_link {
    /* As written, entities decoded, valid UTF-8, without outer white space and line breaks; never empty. */
    struct span url;
    /* From 1, as an editor shows them: of the link's first character in the document's bytes, or of its element where that can't
     * be told. Columns count bytes; a BOM is none of them; lines end with LF. */
    uint32_t line, column;
    bool is_base; /* <base href>: what later links of this document are relative to */
};
/* False: enough. */
typedef bool document_link_fn(void *context, const struct document_link *link);

/* Calls `found` for every link in the order of the document; duplicates too, but a reference definition of Markdown once, where it stands. HTML: a, area, link (not rel=preconnect, dns-prefetch), img
 * (src, srcset), script, iframe, frame, source, video (src, poster), audio, track, embed, object, form action (GET only), input src,
 * blockquote/q/del/ins cite, meta refresh, base (the first). Markdown (CommonMark, and GitHub's tables and bare URLs): links, images, autolinks, reference definitions that are used, and what
 * HTML in it has; not code. Text: URLs with http:// or https:// as people write them, without the punctuation around.
 * Sitemap: loc of url and sitemap. `charset` is the transport's, or NULL. False: the document is broken where that matters (XML that is
 * not well-formed or has a document type, memory); `why` then has a phrase with the line. Links found before that were reported. */
bool document_links(enum document_kind kind, struct span text, const char *charset,
                    document_link_fn *found, void *context, char *why, size_t why_size);

/* A sitemap or sitemap index that comes in pieces, so that one of millions of URLs needs no memory. Once it is false feeding does nothing. NULL: out of memory. */
enum sitemap_entry { SITEMAP_URL, SITEMAP_SITEMAP };
typedef bool sitemap_fn(void *context, enum sitemap_entry entry, const struct document_link *link);
struct sitemap;
struct sitemap *sitemap_open(sitemap_fn *found, void *context);
/* False: broken, or `found` said enough; `why` has a phrase with the line (empty in the latter case). */
bool sitemap_feed(struct sitemap *sitemap, struct span bytes, char *why, size_t why_size);
/* The end: false as above if something is missing. */
bool sitemap_end(struct sitemap *sitemap, char *why, size_t why_size);
void sitemap_close(struct sitemap *sitemap); /* NULL is allowed */

/* The HTML page's title in UTF-8, white space joined, cut to `size` at a character's border; "" where there is none. `text` may be the
 * page's beginning only. The charset: a BOM, else the transport's, else the page's meta, else UTF-8 if it is that, else windows-1252. */
void document_title(struct span text, const char *charset, char *title, size_t size);

/* The names in a document that fragments can lead to: an id or an a's name in HTML; the heading slugs of GitHub, and ids in HTML,
 * in Markdown; of other kinds none. Read once, in linear time; kept as keyed hashes of 64 bits, so of names of any length in
 * at most 32 bytes a name. */
struct document_names;
/* The text is not needed afterwards. NULL: out of memory. */
struct document_names *document_names_open(enum document_kind kind, struct span text,
                                           const char *charset);
/* Whether a fragment (percent-decoded, without #) leads anywhere. "" and "top" (HTML) always do; of a text fragment
 * (":~:text=") what stands before it counts. */
bool document_names_has(const struct document_names *names, struct span fragment);
size_t document_names_bytes(const struct document_names *names); /* the memory that it takes */
void document_names_close(struct document_names *names);         /* NULL is allowed */
/* The same for a single fragment: reads the whole document. False as well when memory is out. */
bool document_has_name(enum document_kind kind, struct span text, const char *charset,
                       struct span fragment);

/* "utf-8" of "text/html; charset=UTF-8": the parameter of a content type, lower case, in `charset`; false: none, or none that iconv knows. */
bool document_charset(struct span content_type, char *charset, size_t size);

/* What it is, by its name ("page.html", "README.md", "sitemap.xml") and its first bytes; false: can't tell. */
bool document_guess(const char *name, struct span begin, enum document_kind *kind);

#endif
