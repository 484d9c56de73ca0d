/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text.h: text for people: escaping what strangers wrote, sizes, counts and durations. Pure; any
 * thread. Every function that fills a buffer ends it in NUL, never writes past `size` (at least 1)
 * and returns it, so that it can stand in a printf's arguments.
 */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Makes text from servers and input files harmless on a terminal: control bytes, ESC, C1
 * controls, bidirectional and invisible format characters and what is no UTF-8 become \xNN or
 * \u{NNNN}. What does not fit ends in "...". */
char *text_escape(char *out, size_t size, const char *text);

/* "0 B", "512 B", "1.5 KiB", "97.7 MiB": powers of 1024, as sizes on the command line are. */
char *text_bytes(char *out, size_t size, double bytes);
/* "7", "950", "12.3k", "1.2M": powers of 1000. */
char *text_count(char *out, size_t size, double count);
/* "0:07", "4:05", "2:03:04". */
char *text_clock(char *out, size_t size, double seconds);
/* "0.42 s", "12.3 s", "4:05", "2:03:04". */
char *text_seconds(char *out, size_t size, double seconds);

/* Adds formatted text at out[used]; returns the new length, at most size - 1. */
__attribute__((format(printf, 4, 5))) size_t text_add(char *out, size_t size, size_t used,
                                                      const char *format, ...);

/* Prints text as a JSON string, quotes included; what is no UTF-8 becomes U+FFFD. */
void text_json(FILE *out, const char *text);

#endif
