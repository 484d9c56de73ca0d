/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_html.c: which attributes of which HTML elements are links, and the values that hold more than a URL: srcset, a
 * refresh. And the names in a page that a fragment can lead to. Needs no tree: a tag is enough for all of it. Pure.
 */
#include <stdlib.h>

#include "document/document_private.h"

enum value_form { VALUE_URL, VALUE_SRCSET };

static const struct link_rule {
    const char *element, *attribute;
    enum value_form form;
} rules[] = {
    {"a", "href", VALUE_URL},           {"area", "href", VALUE_URL},
    {"link", "href", VALUE_URL},        {"link", "imagesrcset", VALUE_SRCSET},
    {"img", "src", VALUE_URL},          {"img", "srcset", VALUE_SRCSET},
    {"script", "src", VALUE_URL},       {"iframe", "src", VALUE_URL},
    {"frame", "src", VALUE_URL},        {"source", "src", VALUE_URL},
    {"source", "srcset", VALUE_SRCSET}, {"video", "src", VALUE_URL},
    {"video", "poster", VALUE_URL},     {"audio", "src", VALUE_URL},
    {"track", "src", VALUE_URL},        {"embed", "src", VALUE_URL},
    {"object", "data", VALUE_URL},      {"form", "action", VALUE_URL},
    {"input", "src", VALUE_URL},        {"blockquote", "cite", VALUE_URL},
    {"q", "cite", VALUE_URL},           {"del", "cite", VALUE_URL},
    {"ins", "cite", VALUE_URL},         {"base", "href", VALUE_URL},
};
enum { RULES = sizeof rules / sizeof *rules };
_Static_assert(RULES <= 32, "a bit each in uint32_t");

struct html_search {
    html_link_fn *found;
    void *context;
    bool has_base; /* the first <base href> counts, others don't */
};

static struct span trim(struct span text) {
    while (text.len && html_is_space(text.at[0]))
        text = span_skip(text, 1);
    while (text.len && html_is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* ---- values ---- */

/* Where a candidate's descriptors end: a comma outside of parentheses (HTML, 4.8.4.2.1). */
static size_t descriptors_end(struct span text, size_t at) {
    bool is_inside = false;
    for (; at < text.len; at++) {
        if (text.at[at] == '(')
            is_inside = true;
        else if (text.at[at] == ')')
            is_inside = false;
        else if (text.at[at] == ',' && !is_inside)
            break;
    }
    return at;
}

static bool report_srcset(struct html_search *search, struct span text) {
    size_t at = 0;
    for (;;) {
        while (at < text.len && (html_is_space(text.at[at]) || text.at[at] == ','))
            at++;
        if (at == text.len)
            return true;
        size_t begin = at;
        while (at < text.len && !html_is_space(text.at[at]))
            at++;
        size_t end = at;
        while (text.at[end - 1] == ',')
            end--;
        if (end == at)
            at = descriptors_end(text, at);
        if (!search->found(search->context, span_of(text.at + begin, end - begin), false))
            return false;
    }
}

/* What is behind "url =", which may be missing. */
static struct span behind_url_word(struct span text) {
    if (text.len <= 3 || !span_is_nocase(span_of(text.at, 3), "url"))
        return text;
    struct span value = trim(span_skip(text, 3));
    return value.len && value.at[0] == '=' ? trim(span_skip(value, 1)) : text;
}

static struct span without_quotes(struct span text) {
    if (!text.len || (text.at[0] != '"' && text.at[0] != '\''))
        return text;
    const uint8_t *quote = memchr(text.at + 1, text.at[0], text.len - 1);
    return span_of(text.at + 1, quote ? (size_t)(quote - text.at) - 1 : text.len - 1);
}

/* The URL of "5; url='...'" (HTML, 4.6.7.3); an empty span if it has none. */
static struct span refresh_url(struct span text) {
    size_t at = 0;
    text = trim(text);
    while (at < text.len && ((text.at[at] >= '0' && text.at[at] <= '9') || text.at[at] == '.'))
        at++;
    struct span rest = trim(span_skip(text, at));
    if (!at || !rest.len)
        return span_of(NULL, 0);
    if (rest.at[0] == ';' || rest.at[0] == ',')
        rest = trim(span_skip(rest, 1));
    return without_quotes(behind_url_word(rest));
}

static bool report_refresh(struct html_search *search, const struct html_tag *tag) {
    struct html_attribute attribute;
    if (!html_attribute_find(tag, "http-equiv", &attribute) ||
        !span_is_nocase(trim(attribute.value), "refresh") ||
        !html_attribute_find(tag, "content", &attribute))
        return true;
    struct span url = refresh_url(attribute.value);
    return !url.len || search->found(search->context, url, false);
}

/* ---- elements ---- */

/* Whether `text`, of words between white space, has this one. */
static bool has_word(struct span text, const char *word) {
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && !html_is_space(text.at[end]))
            end++;
        if (span_is_nocase(span_of(text.at + at, end - at), word))
            return true;
        at = end + 1;
    }
    return false;
}

/* A hint to the browser is no link: there need be nothing at the host's root. A form that POSTs can't be asked. */
static bool is_no_link(const struct html_tag *tag) {
    struct html_attribute attribute;
    if (span_is_nocase(tag->name, "link") && html_attribute_find(tag, "rel", &attribute))
        return has_word(attribute.value, "preconnect") || has_word(attribute.value, "dns-prefetch");
    return span_is_nocase(tag->name, "form") && html_attribute_find(tag, "method", &attribute) &&
           (span_is_nocase(trim(attribute.value), "post") ||
            span_is_nocase(trim(attribute.value), "dialog"));
}

static bool report_value(struct html_search *search, const struct link_rule *rule,
                         struct span value) {
    bool is_base = strcmp(rule->element, "base") == 0;
    if (rule->form == VALUE_SRCSET)
        return report_srcset(search, value);
    if (is_base && search->has_base)
        return true;
    search->has_base |= is_base;
    return search->found(search->context, value, is_base);
}

/* The bits of the rules for this element. */
static uint32_t rules_of(struct span element) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < RULES; i++)
        if (span_is_nocase(element, rules[i].element))
            bits |= UINT32_C(1) << i;
    return bits;
}

/* Of attributes that are there twice the first counts. */
static bool report_tag(struct html_search *search, const struct html_tag *tag) {
    struct html_attribute attribute;
    struct span rest = tag->attributes;
    if (span_is_nocase(tag->name, "meta"))
        return report_refresh(search, tag);
    uint32_t left = rules_of(tag->name);
    if (!left || is_no_link(tag))
        return true;
    while (left && html_attribute_next(&rest, &attribute)) {
        for (unsigned i = 0; i < RULES; i++) {
            if (!(left >> i & 1) || !span_is_nocase(attribute.name, rules[i].attribute))
                continue;
            left &= ~(UINT32_C(1) << i);
            if (!report_value(search, &rules[i], attribute.value))
                return false;
        }
    }
    return true;
}

void html_links(struct span text, html_link_fn *found, void *context) {
    struct html_search search = {.found = found, .context = context};
    struct html_tags tags;
    struct html_tag tag;
    html_tags_begin(&tags, text);
    while (html_tags_next(&tags, &tag))
        if (!tag.is_end && !report_tag(&search, &tag))
            return;
}

/* ---- names ---- */

/* `room` of `decoded` is used again for the next value. */
struct name_search {
    struct document_names *names;
    uint8_t *decoded;
    size_t room;
};

static bool add_name(struct name_search *search, struct span raw) {
    if (!raw.len)
        return true;
    if (!memchr(raw.at, '&', raw.len) && !memchr(raw.at, 0, raw.len))
        return names_add(search->names, raw);
    if (DECODE_ROOM(raw.len) > search->room) {
        free(search->decoded);
        search->room = DECODE_ROOM(raw.len);
        search->decoded = malloc(search->room);
        if (!search->decoded)
            return false;
    }
    size_t len = html_decode(raw, DECODE_ATTRIBUTE, search->decoded);
    return names_add(search->names, span_of(search->decoded, len));
}

static bool add_names_of(struct name_search *search, const struct html_tag *tag) {
    struct html_attribute attribute;
    struct span rest = tag->attributes;
    bool is_a = span_is_nocase(tag->name, "a");
    while (html_attribute_next(&rest, &attribute))
        if ((span_is_nocase(attribute.name, "id") ||
             (is_a && span_is_nocase(attribute.name, "name"))) &&
            !add_name(search, attribute.value))
            return false;
    return true;
}

bool html_names(struct span text, struct document_names *names) {
    struct name_search search = {.names = names};
    struct html_tags tags;
    struct html_tag tag;
    bool has_memory = true;
    html_tags_begin(&tags, text);
    while (has_memory && html_tags_next(&tags, &tag))
        has_memory = tag.is_end || add_names_of(&search, &tag);
    free(search.decoded);
    return has_memory;
}
