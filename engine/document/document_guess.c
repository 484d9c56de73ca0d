/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_guess.c: what kind of document something is. A name's ending decides where it is clear; XML and things without a name are
 * looked at. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "document/document_private.h"

static const struct {
    const char *ending;
    enum document_kind kind;
} endings[] = {
    {".html", DOCUMENT_HTML},         {".htm", DOCUMENT_HTML},       {".xhtml", DOCUMENT_HTML},
    {".xht", DOCUMENT_HTML},          {".shtml", DOCUMENT_HTML},     {".md", DOCUMENT_MARKDOWN},
    {".markdown", DOCUMENT_MARKDOWN}, {".mdown", DOCUMENT_MARKDOWN}, {".mkd", DOCUMENT_MARKDOWN},
    {".mkdn", DOCUMENT_MARKDOWN},     {".mdx", DOCUMENT_MARKDOWN},   {".txt", DOCUMENT_TEXT},
    {".text", DOCUMENT_TEXT},         {".rst", DOCUMENT_TEXT},       {".adoc", DOCUMENT_TEXT},
    {".asciidoc", DOCUMENT_TEXT},     {".org", DOCUMENT_TEXT},
};

static bool ends_with(struct span name, const char *ending) {
    size_t len = strlen(ending);
    return name.len > len && span_is_nocase(span_of(name.at + name.len - len, len), ending);
}

/* Past white space, comments and processing instructions. */
static struct span prolog_end(struct span text) {
    for (;;) {
        const char *closing;
        while (text.len && html_is_space(text.at[0]))
            text = span_skip(text, 1);
        if (text.len >= 4 && memcmp(text.at, "<!--", 4) == 0)
            closing = "-->";
        else if (text.len >= 2 && memcmp(text.at, "<?", 2) == 0)
            closing = "?>";
        else
            return text;
        const uint8_t *end = memmem(text.at, text.len, closing, strlen(closing));
        if (!end)
            return span_of(text.at, 0);
        text = span_skip(text, (size_t)(end - text.at) + strlen(closing));
    }
}

static bool begins_element(struct span text, const char *element) {
    size_t len = strlen(element);
    if (text.len <= len + 1 || text.at[0] != '<' ||
        !span_is_nocase(span_of(text.at + 1, len), element))
        return false;
    uint8_t next = text.at[len + 1];
    return next == '>' || next == '/' || html_is_space(next);
}

static bool guess_by_content(struct span text, enum document_kind *kind) {
    static const char *const pages[] = {"!doctype html", "html", "head", "body", "title", NULL};
    text = prolog_end(text);
    for (const char *const *page = pages; *page; page++) {
        if (begins_element(text, *page)) {
            *kind = DOCUMENT_HTML;
            return true;
        }
    }
    *kind = DOCUMENT_SITEMAP;
    /* A sitemap's root may have a prefix, which nobody writes. */
    return begins_element(text, "urlset") || begins_element(text, "sitemapindex");
}

static bool guess_by_begin(struct span begin, enum document_kind *kind) {
    struct text_view view;
    if (!begin.len || !text_view_open(&view, begin, NULL, false))
        return false;
    bool is_known = guess_by_content(view.utf8, kind);
    text_view_close(&view);
    return is_known;
}

bool document_guess(const char *name, struct span begin, enum document_kind *kind) {
    struct span path = span_text(name);
    const uint8_t *slash = path.len ? memrchr(path.at, '/', path.len) : NULL;
    if (slash)
        path = span_skip(path, (size_t)(slash - path.at) + 1);
    if (ends_with(path, ".gz"))
        path.len -= 3;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (ends_with(path, endings[i].ending)) {
            *kind = endings[i].kind;
            return true;
        }
    }
    if (guess_by_begin(begin, kind))
        return true;
    *kind = DOCUMENT_SITEMAP;
    return ends_with(path, ".xml") && path.len > 7 &&
           span_is_nocase(span_of(path.at, 7), "sitemap");
}
