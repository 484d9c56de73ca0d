/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_line.c: plain lines, and what all lines have in common. A plain line costs three memchr over its bytes and no
 * copy: the record's spans point into the read buffer. On the input's thread.
 */
#include "input/input_line.h"

#include <stdlib.h>

#include "base/assert.h"

void line_parser_init(struct line_parser *parser) {
    *parser = (struct line_parser){0};
}

static bool is_white(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim(struct span text) {
    while (text.len && is_white(text.at[0]))
        text = span_skip(text, 1);
    while (text.len && is_white(text.at[text.len - 1]))
        text.len--;
    return text;
}

bool line_is_blank(struct span line) {
    return trim(line).len == 0;
}

bool line_is_silent(struct span line) {
    size_t i = 0;
    while (i < line.len && is_white(line.at[i]))
        i++;
    return i == line.len || line.at[i] == '#';
}

static int32_t line_detail(uint64_t line) {
    return line > INT32_MAX ? INT32_MAX : (int32_t)line;
}

void line_fail(struct input_record *record, enum err_kind kind, const char *why,
               struct span shown) {
    record->err = err_make(STAGE_INPUT, kind, line_detail(record->line));
    record->why = why;
    if (!record->url.at)
        record->url = shown;
    if (record->url.len > LINE_URL_SHOWN_MAX)
        record->url.len = LINE_URL_SHOWN_MAX;
}

static void begin_record(struct input_record *record, uint64_t number) {
    *record = (struct input_record){.line = number, .size = -1};
}

bool line_too_long(struct span begin, uint64_t number, struct input_record *record) {
    begin_record(record, number);
    struct span text = trim(begin);
    if (text.len && text.at[0] == '#')
        return false;
    line_fail(record, ERR_LINE_TOO_LONG, "the line is longer than 1 MiB", text);
    return true;
}

/* `line` is trimmed but for its front: a tab there means that the URL before it is missing. */
static void parse_plain(struct span line, struct input_record *record) {
    const uint8_t *tab = memchr(line.at, '\t', line.len);
    if (LIKELY(!tab)) {
        record->url = trim(line);
        return;
    }
    size_t url_len = (size_t)(tab - line.at);
    struct span name = span_skip(line, url_len + 1);
    struct span url = trim(span_of(line.at, url_len));
    if (!url.len) {
        line_fail(record, ERR_BAD_LINE, "there is no URL before the tab", name);
        return;
    }
    record->url = url;
    if (memchr(name.at, '\t', name.len))
        line_fail(record, ERR_BAD_LINE, "more than one tab; a line is URL, tab, name", name);
    else
        record->name = trim(name);
}

bool line_parse(struct line_parser *parser, struct span line, uint64_t number,
                struct input_record *record) {
    struct span text = trim(line);
    if (!text.len || text.at[0] == '#')
        return false;
    begin_record(record, number);
    if (UNLIKELY(memchr(text.at, 0, text.len) != NULL))
        line_fail(record, ERR_BAD_LINE, "a NUL byte in the line; is the file text in UTF-8?", text);
    else if (text.at[0] == '{')
        line_parse_json(parser, text, record);
    else
        parse_plain(span_of(line.at, (size_t)(text.at + text.len - line.at)), record);
    return true;
}

/* Where the last UTF-8 sequence begins, if it lacks bytes; else the text's length. */
static size_t whole_utf8_len(const char *text, size_t len) {
    size_t tail = 0;
    while (tail < len && tail < 3 && ((uint8_t)text[len - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail == len)
        return len;
    uint8_t lead = (uint8_t)text[len - 1 - tail];
    size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    return want > tail ? len - 1 - tail : len;
}

int input_shown_len(const char *text, size_t bytes_max) {
    size_t len = strnlen(text, bytes_max);
    return (int)(text[len] ? whole_utf8_len(text, len) : len);
}

void input_one_line(char *text, size_t size) {
    size_t len = size ? strnlen(text, size - 1) : 0;
    if (!size)
        return;
    text[whole_utf8_len(text, len)] = 0;
    for (char *at = text; *at; at++)
        if ((uint8_t)*at < ' ' || *at == 0x7f)
            *at = '?';
}
