/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_text.c: URLs in plain text, as people write them: in sentences, in brackets, in quotes. What surely doesn't belong to
 * a URL ends it; punctuation at its end belongs to the sentence; a closing bracket belongs to the URL if its opening one does
 * ("https://en.wikipedia.org/wiki/Ring_(disambiguation)"). Linear. Pure.
 */
#include "document/document_private.h"

/* Where the host begins behind "http://" or "https://"; 0: no URL begins here. */
static size_t scheme_length(struct span text) {
    if (text.len > 7 && span_is_nocase(span_of(text.at, 7), "http://"))
        return 7;
    return text.len > 8 && span_is_nocase(span_of(text.at, 8), "https://") ? 8 : 0;
}

/* Punctuation of other scripts, and the quotes and spaces of typography: never meant as a part. */
static bool is_foreign_end(const uint8_t *at, size_t len) {
    static const char *const ends[] = {"\u00A0", "\u00AB", "\u00BB", "\u201C", "\u201D", "\u201E",
                                       "\u2018", "\u2019", "\u2026", "\u2028", "\u2029", "\u3000",
                                       "\u3001", "\u3002", "\u300C", "\u300D", "\u300E", "\u300F",
                                       "\u3010", "\u3011", "\uFF08", "\uFF09", "\uFF0C", "\uFF1A",
                                       "\uFF1B", "\uFF01", "\uFF1F", "\uFEFF", "\uFFFD"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strlen(ends[i]) == len && memcmp(ends[i], at, len) == 0)
            return true;
    return false;
}

static size_t end_of_url(struct span text, size_t at) {
    while (at < text.len) {
        uint8_t c = text.at[at];
        size_t len = c < 0x80 ? 1 : utf8_length(text.at + at, text.len - at);
        if (c <= ' ' || c == 0x7F || (c < 0x80 && memchr("<>\"`{}|\\^", c, 9)) || !len)
            break;
        if (len > 1 && is_foreign_end(text.at + at, len))
            break;
        at += len;
    }
    return at;
}

/* How many more `open` than `close` there are. */
struct balance {
    long round, square;
};

static void count(struct balance *balance, uint8_t c, long by) {
    if (c == '(' || c == ')')
        balance->round += c == '(' ? by : -by;
    else if (c == '[' || c == ']')
        balance->square += c == '[' ? by : -by;
}

/* What remains without the sentence's punctuation; never shorter than `least`. */
static size_t without_punctuation(struct span url, size_t least) {
    struct balance balance = {0, 0};
    for (size_t i = 0; i < url.len; i++)
        count(&balance, url.at[i], 1);
    while (url.len > least) {
        uint8_t last = url.at[url.len - 1];
        bool is_closing = (last == ')' && balance.round < 0) || (last == ']' && balance.square < 0);
        if (!is_closing && !memchr(".,;:!?'*_~", last, 10))
            break;
        count(&balance, last, -1);
        url.len--;
    }
    return url.len;
}

/* "shttp://" is no scheme of ours, "git+https://" neither. */
static bool is_behind_name(struct span text, size_t at) {
    uint8_t before = at ? text.at[at - 1] : ' ', lower = ascii_lower(before);
    return (lower >= 'a' && lower <= 'z') || (before >= '0' && before <= '9') || before == '+';
}

void text_links(struct link_sink *sink) {
    struct span text = sink->view->utf8;
    for (size_t at = 0; at < text.len;) {
        const uint8_t *colon = memmem(text.at + at, text.len - at, "://", 3);
        if (!colon)
            return;
        size_t next = (size_t)(colon - text.at) + 3;
        for (size_t before = 4; before <= 5 && (size_t)(colon - text.at) >= at + before; before++) {
            size_t begin = (size_t)(colon - text.at) - before;
            size_t scheme = scheme_length(span_skip(text, begin));
            if (scheme != before + 3 || is_behind_name(text, begin))
                continue;
            struct span url = span_of(text.at + begin, end_of_url(text, next) - begin);
            next = begin + url.len;
            url.len = without_punctuation(url, scheme);
            if (url.len > scheme && !link_report(sink, url, begin, LINK_PLAIN, false))
                return;
            break;
        }
        at = next;
    }
}
