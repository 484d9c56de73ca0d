/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * expect_why.c: phrases and sentences in the caller's memory: why an expression is refused, and
 * how an answer is not what was expected. They end as C strings in logs, records and on terminals,
 * so they hold no NUL and no half character of their own making; what else a server sent stays as
 * it came, for only the output knows what must be escaped. Any thread.
 *
 * Rejected: handing out the parts and leaving the sentence to the outputs. Five outputs would tell
 * it in five ways.
 */
#include <stdarg.h>
#include <stdio.h>

#include "expect/expect_private.h"

static bool is_continuation(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

/* How much of the first `len` bytes ends at a character's border, if a cut there splits one.
 * Broken text has bytes that continue nothing; three of them are the most that a character has. */
static size_t at_border(const uint8_t *at, size_t len) {
    size_t back = 0;
    while (back < 3 && back < len && is_continuation(at[len - back]))
        back++;
    return is_continuation(at[len - back]) ? len : len - back;
}

void why_init(struct why *why, char *at, size_t room) {
    *why = (struct why){.at = at, .room = room, .full = room == 0};
    if (room)
        at[0] = '\0';
}

static void add_bytes(struct why *why, const char *bytes, size_t len) {
    if (why->full)
        return;
    size_t left = why->room - why->len - 1;
    if (len > left) {
        why->full = true;
        len = at_border((const uint8_t *)bytes, left);
    }
    memcpy(why->at + why->len, bytes, len);
    why->len += len;
    why->at[why->len] = '\0';
}

void why_add(struct why *why, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0)
        add_bytes(why, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

void why_add_span(struct why *why, struct span text) {
    char copy[WHY_QUOTE_MAX];
    size_t len = text.len > WHY_QUOTE_MAX ? at_border(text.at, WHY_QUOTE_MAX) : text.len;
    for (size_t i = 0; i < len; i++)
        copy[i] = text.at[i] ? (char)text.at[i] : ' ';
    if (len)
        add_bytes(why, copy, len);
    if (len < text.len)
        why_add(why, "…");
}

void why_quote(struct why *why, struct span text) {
    why_add(why, "\"");
    why_add_span(why, text);
    why_add(why, "\"");
}

void why_add_subject(struct why *why, const struct expectation *expectation) {
    why_add(why, "%s", subject_infos[expectation->subject].name);
    if (expectation->name) {
        why_add(why, " ");
        why_add_span(why, span_text(expectation->name));
    }
}

void why_add_ops(struct why *why, unsigned ops) {
    static const enum expect_op order[OPS] = {
        OP_EQUAL,  OP_UNEQUAL, OP_LESS,        OP_AT_MOST,  OP_MORE,  OP_AT_LEAST, OP_IN,
        OP_NOT_IN, OP_MATCHES, OP_MATCHES_NOT, OP_CONTAINS, OP_LACKS, OP_EXISTS,   OP_ABSENT,
    };
    const char *comma = "";
    for (unsigned i = 0; i < OPS; i++) {
        if (ops & OP_BIT(order[i])) {
            why_add(why, "%s%s", comma, op_names[order[i]]);
            comma = ", ";
        }
    }
}
