/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_tags.c: the tags of HTML and their attributes, cut as browsers cut them (HTML, 13.2.5): comments, raw text of scripts
 * and titles, CDATA in SVG, values with and without quotes. Where a page is broken, it is broken in the same way. Spans point
 * into the text, so that every value's place is known. Linear time, no memory, no nesting. Pure; any thread.
 *
 * Rejected: libxml2's HTML parser (2.9). It takes 9 s for a tag with 100,000 attributes and 19 s for 100,000 <b> and as many
 * </i> (both under 1 MB, both growing with the square), knows no place of a value, reads <textarea> and <title> as markup, and
 * writes to stderr past the context's own error handler.
 */
#include "document/document_private.h"

bool html_is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(uint8_t c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool is_one_of(struct span name, const char *const *names) {
    for (; *names; names++)
        if (span_is_nocase(name, *names))
            return true;
    return false;
}

void html_tags_begin(struct html_tags *tags, struct span text) {
    *tags = (struct html_tags){.text = text};
}

/* ---- attributes ---- */

static size_t skip_space(struct span text, size_t at) {
    while (at < text.len && html_is_space(text.at[at]))
        at++;
    return at;
}

/* The value that begins at `at`, behind `=` and white space. Returns where it ends, or SIZE_MAX when its quote never does. */
static size_t take_value(struct span text, size_t at, struct span *value) {
    uint8_t quote = at < text.len ? text.at[at] : 0;
    if (quote == '"' || quote == '\'') {
        const uint8_t *end = memchr(text.at + at + 1, quote, text.len - at - 1);
        if (!end)
            return SIZE_MAX;
        *value = span_of(text.at + at + 1, (size_t)(end - text.at) - at - 1);
        return at + value->len + 2;
    }
    size_t end = at;
    while (end < text.len && !html_is_space(text.at[end]) && text.at[end] != '>')
        end++;
    *value = span_of(text.at + at, end - at);
    return end;
}

/* One attribute from `at` on, which is no white space, `/` nor `>`. Returns as take_value. */
static size_t take_attribute(struct span text, size_t at, struct html_attribute *attribute) {
    size_t end = at + 1; /* a leading `=` belongs to the name */
    while (end < text.len && !html_is_space(text.at[end]) && text.at[end] != '/' &&
           text.at[end] != '>' && text.at[end] != '=')
        end++;
    attribute->name = span_of(text.at + at, end - at);
    attribute->value = span_of(text.at + end, 0);
    size_t equals = skip_space(text, end);
    if (equals >= text.len || text.at[equals] != '=')
        return end;
    return take_value(text, skip_space(text, equals + 1), &attribute->value);
}

bool html_attribute_next(struct span *rest, struct html_attribute *attribute) {
    size_t at = 0;
    while (at < rest->len && (html_is_space(rest->at[at]) || rest->at[at] == '/'))
        at++;
    if (at == rest->len)
        return false;
    size_t end = take_attribute(*rest, at, attribute);
    *rest = span_skip(*rest, end > rest->len ? rest->len : end);
    return end != SIZE_MAX;
}

bool html_attribute_find(const struct html_tag *tag, const char *name,
                         struct html_attribute *attribute) {
    struct span rest = tag->attributes;
    while (html_attribute_next(&rest, attribute))
        if (span_is_nocase(attribute->name, name))
            return true;
    return false;
}

/* Where the `>` is that ends the tag whose attributes begin at `at`; SIZE_MAX if none does. */
static size_t tag_close(struct span text, size_t at) {
    struct html_attribute attribute;
    while (at < text.len && text.at[at] != '>') {
        if (html_is_space(text.at[at]) || text.at[at] == '/')
            at++;
        else if ((at = take_attribute(text, at, &attribute)) == SIZE_MAX)
            return SIZE_MAX;
    }
    return at < text.len ? at : SIZE_MAX;
}

/* ---- what is no tag ---- */

/* Behind the first `what` from `at` on, or the text's end. */
static size_t skip_past(struct span text, size_t at, const char *what) {
    const uint8_t *found =
        at < text.len ? memmem(text.at + at, text.len - at, what, strlen(what)) : NULL;
    return found ? (size_t)(found - text.at) + strlen(what) : text.len;
}

static bool begins(struct span text, size_t at, const char *what) {
    size_t len = strlen(what);
    return text.len - at >= len && memcmp(text.at + at, what, len) == 0;
}

/* "-->" or "--!>"; "<!-->" and "<!--->" are whole comments. */
static size_t skip_comment(struct span text, size_t at) {
    at += 4;
    if (begins(text, at, ">"))
        return at + 1;
    if (begins(text, at, "->"))
        return at + 2;
    for (;;) {
        const uint8_t *dashes = at < text.len ? memmem(text.at + at, text.len - at, "--", 2) : NULL;
        if (!dashes)
            return text.len;
        at = (size_t)(dashes - text.at) + 2;
        if (begins(text, at, ">"))
            return at + 1;
        if (begins(text, at, "!>"))
            return at + 2;
        at--; /* "--->": the last two dashes count */
    }
}

/* `<!`, `<?`, `</` before what is no name. */
static size_t skip_declaration(const struct html_tags *tags, size_t at) {
    if (begins(tags->text, at, "<!--"))
        return skip_comment(tags->text, at);
    if (tags->foreign_depth && begins(tags->text, at, "<![CDATA["))
        return skip_past(tags->text, at, "]]>");
    return skip_past(tags->text, at, ">");
}

/* Where `</raw` begins, followed by what ends a name; the text's end if it never does. */
static size_t raw_end(const struct html_tags *tags) {
    struct span text = tags->text;
    size_t name_len = strlen(tags->raw);
    for (size_t at = tags->at; (at = skip_past(text, at, "</")) < text.len;) {
        if (text.len - at <= name_len ||
            !span_is_nocase(span_of(text.at + at, name_len), tags->raw))
            continue;
        uint8_t next = text.at[at + name_len];
        if (html_is_space(next) || next == '/' || next == '>')
            return at - 2;
    }
    return text.len;
}

/* ---- tags ---- */

static const char *const foreign_roots[] = {"svg", "math", NULL};
/* What may not stand in SVG and MathML: a page that has it there forgot to close them (HTML, 13.2.6.5). */
static const char *const breakouts[] = {
    "b",      "big",  "blockquote", "body",  "br",  "center", "code", "dd",      "div",
    "dl",     "dt",   "em",         "embed", "h1",  "h2",     "h3",   "h4",      "h5",
    "h6",     "head", "hr",         "i",     "img", "li",     "menu", "meta",    "nobr",
    "ol",     "p",    "pre",        "ruby",  "s",   "small",  "span", "sub",     "strong",
    "strike", "sup",  "table",      "tt",    "u",   "ul",     "var",  "listing", NULL};

static const char *raw_text_of(struct span name) {
    static const char *const elements[] = {"script", "style",   "title",    "textarea",  "xmp",
                                           "iframe", "noembed", "noframes", "plaintext", NULL};
    for (const char *const *element = elements; *element; element++)
        if (span_is_nocase(name, *element))
            return *element;
    return NULL;
}

static void enter_or_leave(struct html_tags *tags, struct html_tag *tag) {
    bool is_root = is_one_of(tag->name, foreign_roots);
    bool is_self_closing =
        tag->attributes.len && tag->attributes.at[tag->attributes.len - 1] == '/';
    if (tag->is_end) {
        if (is_root && tags->foreign_depth)
            tags->foreign_depth--;
        return;
    }
    if (is_root && !is_self_closing)
        tags->foreign_depth++;
    else if (tags->foreign_depth && is_one_of(tag->name, breakouts))
        tags->foreign_depth = 0;
    tag->is_foreign = tags->foreign_depth > 0;
    if (!tag->is_foreign)
        tags->raw = raw_text_of(tag->name);
}

static bool take_tag(struct html_tags *tags, size_t at, struct html_tag *tag) {
    struct span text = tags->text;
    bool is_end = text.at[at + 1] == '/';
    size_t name = at + 1 + is_end, name_end = name;
    while (name_end < text.len && !html_is_space(text.at[name_end]) && text.at[name_end] != '/' &&
           text.at[name_end] != '>')
        name_end++;
    size_t close = tag_close(text, name_end);
    if (close == SIZE_MAX) {
        tags->at = text.len; /* a tag that is cut off is none */
        return false;
    }
    *tag = (struct html_tag){.name = span_of(text.at + name, name_end - name),
                             .attributes = span_of(text.at + name_end, close - name_end),
                             .at = at,
                             .end = close + 1,
                             .is_end = is_end};
    tags->at = tag->end;
    tags->raw = NULL;
    enter_or_leave(tags, tag);
    return true;
}

bool html_tags_next(struct html_tags *tags, struct html_tag *tag) {
    struct span text = tags->text;
    if (tags->raw)
        tags->at = raw_end(tags);
    while (tags->at < text.len) {
        const uint8_t *less = memchr(text.at + tags->at, '<', text.len - tags->at);
        size_t at = less ? (size_t)(less - text.at) : text.len;
        uint8_t next = at + 1 < text.len ? text.at[at + 1] : 0;
        uint8_t after = at + 2 < text.len ? text.at[at + 2] : 0;
        if (is_letter(next) || (next == '/' && is_letter(after)))
            return take_tag(tags, at, tag);
        if (next == '!' || next == '?' || next == '/')
            tags->at = skip_declaration(tags, at);
        else
            tags->at = at + 1;
    }
    tags->at = text.len;
    return false;
}
