/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * document_charset.c: which charset a document is in. Labels mean what browsers take them for (WHATWG Encoding): "latin1" and
 * "ascii" are windows-1252, because that is what their authors wrote; all others are iconv's. Pure; any thread.
 *
 * Rejected: guessing from frequencies of letters. A wrong guess depends on the text's length, and the same page would have
 * two titles.
 */
#include <errno.h>
#include <stdio.h>

#include "document/document_private.h"

struct charset_alias {
    const char *label, *name;
};
/* UTF-16 as a label of bytes that could be read as ASCII can't be right; BOMs are looked at before. */
static const struct charset_alias aliases[] = {
    {"utf-8", ""},
    {"utf8", ""},
    {"unicode-1-1-utf-8", ""},
    {"x-unicode20utf8", ""},
    {"ascii", "WINDOWS-1252"},
    {"us-ascii", "WINDOWS-1252"},
    {"ansi_x3.4-1968", "WINDOWS-1252"},
    {"iso-8859-1", "WINDOWS-1252"},
    {"iso8859-1", "WINDOWS-1252"},
    {"iso_8859-1", "WINDOWS-1252"},
    {"iso88591", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"},
    {"latin-1", "WINDOWS-1252"},
    {"l1", "WINDOWS-1252"},
    {"x-cp1252", "WINDOWS-1252"},
    {"cp1252", "WINDOWS-1252"},
    {"iso-8859-9", "WINDOWS-1254"},
    {"latin5", "WINDOWS-1254"},
    {"iso-8859-11", "CP874"},
    {"tis-620", "CP874"},
    {"windows-874", "CP874"},
    {"iso-8859-8-i", "ISO-8859-8"},
    {"x-cp1250", "WINDOWS-1250"},
    {"x-cp1251", "WINDOWS-1251"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"x-gbk", "GB18030"},
    {"chinese", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"x-x-big5", "BIG5-HKSCS"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"x-sjis", "CP932"},
    {"windows-31j", "CP932"},
    {"x-euc-jp", "EUC-JP"},
    {"euc-kr", "CP949"},
    {"ks_c_5601-1987", "CP949"},
    {"korean", "CP949"},
    {"windows-949", "CP949"},
    {"koi", "KOI8-R"},
    {"koi8", "KOI8-R"},
    {"x-mac-cyrillic", "MAC-CYRILLIC"},
    {"utf-16", "UTF-16LE"},
    {"unicode", "UTF-16LE"},
    {"ucs-2", "UTF-16LE"},
};

static struct span trim(struct span text) {
    while (text.len && html_is_space(text.at[0]))
        text = span_skip(text, 1);
    while (text.len && html_is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* iconv reads slashes as options and an empty name as the locale's. */
static bool is_name(struct span label) {
    if (!label.len || label.len >= CHARSET_MAX)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = ascii_lower(label.at[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-_.:+()", c, 7)))
            return false;
    }
    return true;
}

bool charset_from_label(struct span label, char name[CHARSET_MAX]) {
    label = trim(label);
    if (!is_name(label))
        return false;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (span_is_nocase(label, aliases[i].label)) {
            snprintf(name, CHARSET_MAX, "%s", aliases[i].name);
            return true;
        }
    }
    snprintf(name, CHARSET_MAX, "%.*s", (int)label.len, (const char *)label.at);
    iconv_t converter = iconv_open("UTF-8", name);
    if (converter == (iconv_t)-1)
        return false;
    iconv_close(converter);
    return true;
}

/* ---- what the document says of itself ---- */

struct span charset_parameter(struct span text) {
    static const char word[] = "charset";
    for (; text.len > sizeof word; text = span_skip(text, 1)) {
        if (!span_is_nocase(span_of(text.at, sizeof word - 1), word))
            continue;
        struct span value = trim(span_skip(text, sizeof word - 1));
        if (!value.len || value.at[0] != '=')
            continue;
        value = trim(span_skip(value, 1));
        uint8_t quote = value.len ? value.at[0] : 0;
        bool is_quoted = quote == '"' || quote == '\'';
        if (is_quoted)
            value = span_skip(value, 1);
        size_t len = 0;
        while (len < value.len && (is_quoted ? value.at[len] != quote
                                             : value.at[len] != ';' && value.at[len] != ',' &&
                                                   !html_is_space(value.at[len])))
            len++;
        return span_of(value.at, len);
    }
    return span_of(NULL, 0);
}

static bool charset_of_meta(const struct html_tag *tag, char name[CHARSET_MAX]) {
    struct html_attribute attribute;
    if (html_attribute_find(tag, "charset", &attribute))
        return charset_from_label(attribute.value, name);
    return html_attribute_find(tag, "http-equiv", &attribute) &&
           span_is_nocase(trim(attribute.value), "content-type") &&
           html_attribute_find(tag, "content", &attribute) &&
           charset_from_label(charset_parameter(attribute.value), name);
}

/* <?xml version="1.0" encoding="..."?> */
static bool charset_of_declaration(struct span text, char name[CHARSET_MAX]) {
    static const char begin[] = "<?xml", word[] = "encoding";
    if (text.len < sizeof begin || memcmp(text.at, begin, sizeof begin - 1) != 0)
        return false;
    const uint8_t *end = memchr(text.at, '>', text.len < META_BYTES ? text.len : META_BYTES);
    struct span declaration = span_of(text.at, end ? (size_t)(end - text.at) : 0);
    for (; declaration.len > sizeof word; declaration = span_skip(declaration, 1)) {
        if (memcmp(declaration.at, word, sizeof word - 1) != 0)
            continue;
        struct span value = trim(span_skip(declaration, sizeof word - 1));
        value = value.len && value.at[0] == '=' ? trim(span_skip(value, 1)) : span_of(NULL, 0);
        const uint8_t *quote =
            value.len > 1 ? memchr(value.at + 1, value.at[0], value.len - 1) : NULL;
        return quote &&
               charset_from_label(span_of(value.at + 1, (size_t)(quote - value.at) - 1), name);
    }
    return false;
}

static bool charset_of_itself(struct span text, bool is_html, char name[CHARSET_MAX]) {
    struct html_tags tags;
    struct html_tag tag;
    bool is_known = charset_of_declaration(text, name);
    if (!is_known && is_html) {
        /* A tag that begins within the first bytes may end behind them. */
        html_tags_begin(&tags, text.len < 4 * META_BYTES ? text : span_of(text.at, 4 * META_BYTES));
        while (!is_known && html_tags_next(&tags, &tag))
            is_known =
                !tag.is_end && span_is_nocase(tag.name, "meta") && charset_of_meta(&tag, name);
    }
    if (is_known && strncmp(name, "UTF-16", 6) == 0)
        *name = 0;
    return is_known;
}

/* UTF-16 without BOM and without a word from the transport: markup begins with ASCII. */
static const char *utf16_without_bom(struct span text) {
    if (text.len < 4 || text.at[0] == text.at[1])
        return NULL;
    if (text.at[0] == '<' && !text.at[1] && text.at[2] && !text.at[3])
        return "UTF-16LE";
    return !text.at[0] && text.at[1] == '<' && !text.at[2] && text.at[3] ? "UTF-16BE" : NULL;
}

static size_t charset_of_bom(struct span text, char name[CHARSET_MAX]) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *name;
    } boms[] = {{"\xEF\xBB\xBF", 3, ""}, {"\xFF\xFE", 2, "UTF-16LE"}, {"\xFE\xFF", 2, "UTF-16BE"}};
    for (size_t i = 0; i < sizeof boms / sizeof *boms; i++) {
        if (text.len >= boms[i].len && memcmp(text.at, boms[i].bytes, boms[i].len) == 0) {
            snprintf(name, CHARSET_MAX, "%s", boms[i].name);
            return boms[i].len;
        }
    }
    return 0;
}

size_t charset_choose(struct span text, const char *transport, bool is_html,
                      char name[CHARSET_MAX]) {
    const char *guess;
    size_t bom = charset_of_bom(text, name);
    if (bom || (transport && charset_from_label(span_text(transport), name)))
        return bom;
    if ((guess = utf16_without_bom(text)))
        snprintf(name, CHARSET_MAX, "%s", guess);
    else if (!charset_of_itself(text, is_html, name))
        snprintf(name, CHARSET_MAX, "%s", utf8_is_valid(text) ? "" : "WINDOWS-1252");
    return 0;
}

bool document_charset(struct span content_type, char *charset, size_t size) {
    char name[CHARSET_MAX];
    struct span label = trim(charset_parameter(content_type));
    const uint8_t *parameters = memchr(content_type.at, ';', content_type.len);
    if (!parameters || label.at < parameters || label.len >= size ||
        !charset_from_label(label, name))
        return false;
    for (size_t i = 0; i < label.len; i++)
        charset[i] = (char)ascii_lower(label.at[i]);
    charset[label.len] = 0;
    return true;
}
