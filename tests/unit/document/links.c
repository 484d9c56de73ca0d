/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "links.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char *shown;
static size_t shown_len, shown_room;

static bool is_utf8(struct span text) {
    for (size_t i = 0; i < text.len;) {
        uint8_t c = text.at[i];
        size_t more = c < 0x80 ? 0 : c < 0xC2 ? 9 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF5 ? 3 : 9;
        if (more == 9 || i + more >= text.len)
            return false;
        for (size_t k = 1; k <= more; k++)
            if ((text.at[i + k] & 0xC0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

static void show(const char *text, size_t len) {
    if (shown_len + len + 1 > shown_room) {
        shown_room = 2 * (shown_len + len + 1);
        shown = realloc(shown, shown_room);
        assert_non_null(shown);
    }
    memcpy(shown + shown_len, text, len);
    shown_len += len;
    shown[shown_len] = 0;
}

static bool on_link(void *context, const struct document_link *link) {
    char place[64];
    uint32_t *last_line = context;
    assert_true(link->url.len > 0);
    assert_true(is_utf8(link->url));
    assert_true(link->line >= *last_line && link->column >= 1);
    *last_line = link->line;
    show(place, (size_t)snprintf(place, sizeof place, "%u:%u %s", link->line, link->column,
                                 link->is_base ? "base " : ""));
    show((const char *)link->url.at, link->url.len);
    show("\n", 1);
    return true;
}

const char *links_of(enum document_kind kind, struct span text, const char *charset) {
    char why[200];
    uint32_t line = 1;
    shown_len = 0;
    show("", 0);
    if (text.len <= 1 << 20)
        text.at = guard_copy(text.at, text.len);
    bool is_good = document_links(kind, text, charset, on_link, &line, why, sizeof why);
    assert_int_equal(is_good, !*why);
    if (!is_good) {
        show("! ", 2);
        show(why, strlen(why));
    }
    return shown;
}

void expect_links(enum document_kind kind, const struct links_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *links = links_of(kind, span_text(cases[i].text), NULL);
        if (strcmp(links, cases[i].links) != 0)
            fail_msg("of\n%s\nexpected:\n%s\nfound:\n%s", cases[i].text, cases[i].links, links);
    }
}

static bool count_entry(void *context, enum sitemap_entry entry, const struct document_link *link) {
    (void)entry;
    ++*(size_t *)context;
    assert_true(link->url.len > 0);
    return true;
}

static void ask_sitemap(struct span text) {
    char why[200];
    size_t count = 0;
    struct sitemap *sitemap = sitemap_open(count_entry, &count);
    assert_non_null(sitemap);
    for (size_t i = 0; i < text.len; i += 7)
        sitemap_feed(sitemap, span_of(text.at + i, text.len - i < 7 ? text.len - i : 7), why,
                     sizeof why);
    sitemap_end(sitemap, why, sizeof why);
    sitemap_close(sitemap);
}

void ask_everything(enum document_kind kind, struct span text, const char *charset) {
    char title[30];
    enum document_kind guessed;
    if (text.len <= 1 << 20)
        text.at = guard_copy(text.at, text.len);
    links_of(kind, text, charset);
    document_title(text, charset, title, sizeof title);
    assert_true(is_utf8(span_text(title)));
    document_has_name(kind, text, charset, span_text("no-such-name-1"));
    document_guess("x", text, &guessed);
    if (kind == DOCUMENT_SITEMAP)
        ask_sitemap(text);
}

uint8_t *repeat(const char *piece, size_t count, const char *tail, size_t *len) {
    size_t one = strlen(piece);
    uint8_t *text = malloc(one * count + strlen(tail) + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * one, piece, one);
    memcpy(text + one * count, tail, strlen(tail) + 1);
    *len = one * count + strlen(tail);
    return text;
}

double seconds_used(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

double seconds_allowed(double seconds) {
    const char *slow = getenv("RINGFETCH_SLOW");
    return seconds * (slow && atoi(slow) > 1 ? atoi(slow) : 1);
}
