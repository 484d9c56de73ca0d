/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_fuzz.c: whatever a page or a document says: parsers stay inside of it, what they report is UTF-8 and stands in the document, a page's
 * title is the same whole or with white space behind, and a sitemap gives the same in pieces of any size. Input: a byte that
 * says the kind, the charset and the size of pieces, then the document. Build with clang
 * -fsanitize=fuzzer,address,undefined, engine/document and engine/base; start from corpus/document.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "document/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

struct seen {
    size_t len;
    uint64_t hash, count;
};

static void digest(struct seen *seen, const struct document_link *link) {
    CHECK(link->url.len > 0);
    CHECK(link->line >= 1 && link->line <= seen->len + 1);
    CHECK(link->column >= 1 && link->column <= seen->len + 1);
    for (size_t i = 0; i < link->url.len; i++) {
        CHECK(link->url.at[i] != 0 && link->url.at[i] != 0xFF);
        seen->hash = (seen->hash ^ link->url.at[i]) * UINT64_C(0x100000001b3);
    }
    seen->hash = (seen->hash ^ link->line) * 31 + link->column;
    seen->count++;
}

static bool on_link(void *context, const struct document_link *link) {
    digest(context, link);
    return true;
}

static bool on_entry(void *context, enum sitemap_entry entry, const struct document_link *link) {
    (void)entry;
    digest(context, link);
    return true;
}

static bool feed(struct span text, size_t piece, struct seen *seen) {
    char why[200];
    struct sitemap *sitemap = sitemap_open(on_entry, seen);
    CHECK(sitemap);
    for (size_t at = 0; at < text.len; at += piece)
        sitemap_feed(sitemap, span_of(text.at + at, text.len - at < piece ? text.len - at : piece),
                     why, sizeof why);
    bool is_good = sitemap_end(sitemap, why, sizeof why);
    sitemap_close(sitemap);
    return is_good;
}

/* Of a broken one the parser may have seen more or less before it noticed. */
static void feed_twice(struct span text, size_t piece) {
    struct seen whole = {.len = text.len}, pieces = {.len = text.len};
    bool is_good = feed(text, text.len + 1, &whole);
    CHECK(feed(text, piece, &pieces) == is_good);
    if (is_good)
        CHECK(whole.hash == pieces.hash && whole.count == pieces.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len) {
    static const char *const charsets[] = {NULL, "utf-8", "utf-16le", "shift_jis"};
    if (!len)
        return 0;
    enum document_kind kind = input[0] & 3, guessed;
    const char *charset = charsets[input[0] >> 2 & 3];
    struct span text = span_of(input + 1, len - 1);
    struct seen seen = {.len = text.len};
    char why[200], title[40];
    CHECK(document_links(kind, text, charset, on_link, &seen, why, sizeof why) == !*why);
    document_title(text, charset, title, sizeof title);
    CHECK(strlen(title) < sizeof title);
    struct span fragment = span_of(text.at, text.len < 5 ? text.len : 5);
    document_has_name(kind, text, charset, fragment);
    document_guess("x.xml", text, &guessed);
    document_charset(text, why, sizeof why);
    if (kind == DOCUMENT_SITEMAP)
        feed_twice(text, 1 + (input[0] >> 4));
    return 0;
}
