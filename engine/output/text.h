/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text.h: a growing text, for records. Whoever writes a value first asks for the room that it needs at most, then
 * stores without further checks: that is what keeps a record below a microsecond. The owner takes care of locking.
 *
 * Rejected: printf into fixed buffers, ten times slower and with a length to guess.
 */
#ifndef OUTPUT_TEXT_H
#define OUTPUT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    char *at; /* malloc'd; not NUL-terminated */
    size_t len, size;
};

/* Makes room for `more` bytes and returns where they go; the caller adds to len what it stored. Ends the process
 * when memory is out, as pool_acquire does. */
char *text_room(struct text *text, size_t more);

static inline void text_put(struct text *text, const void *bytes, size_t count) {
    memcpy(text_room(text, count), bytes, count);
    text->len += count;
}
static inline void text_put_string(struct text *text, const char *string) {
    text_put(text, string, strlen(string));
}
void text_put_number(struct text *text, uint64_t number);
void text_put_signed(struct text *text, int64_t number);
/* Milliseconds with one to three decimals: 6.0, 0.125. `ms` must not be negative; what is no number or larger than ten thousand
 * years becomes 0.0. */
void text_put_ms(struct text *text, double ms);
/* RFC 3339 in UTC with milliseconds. The years 0000 to 9999; anything else is cut to them. */
void text_put_time(struct text *text, int64_t time_us);
/* The same without milliseconds, of seconds since 1970. */
void text_put_time_s(struct text *text, int64_t time_s);

#endif
