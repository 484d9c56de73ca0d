/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * console.h: stderr, shared by the progress thread and the workers that report results. Lines and what is drawn below
 * them, a bar of one line or a block of several, go through one lock, each in one write, so that they never
 * mix. Whoever colours a block asks console_has_colour first; nothing else is ever coloured.
 */
#ifndef TOOLS_CONSOLE_H
#define TOOLS_CONSOLE_H

#include <stdbool.h>

enum { CONSOLE_BLOCK_BYTES_MAX = 16384 };

/* Main thread, before the others exist. */
void console_open(void);

/* True if stderr is a terminal that can redraw a line (TERM is set and not "dumb"). */
bool console_is_terminal(void);
/* True if it is such a terminal, and NO_COLOR is not set. */
bool console_has_colour(void);
/* Its width and height now, 80 and 24 where they can't be told. */
unsigned console_columns(void);
unsigned console_rows(void);

/* Writes one line, a newline added; the bar or block is taken away before and drawn again after. Text
 * from strangers must have been escaped. Any thread. */
__attribute__((format(printf, 1, 2))) void console_line(const char *format, ...);

/* Draws the bar (ASCII, no wider than the terminal), or removes it with NULL. On what is no
 * terminal the bar is a line like any other. Draws nothing while the process is in the
 * terminal's background. Any thread. */
void console_bar(const char *text);

/* The same with several lines, separated by \n, ASCII but for colours (ESC [ ... m, off again at each line's end), each narrower
 * than the terminal and no more than it has rows. Only where console_is_terminal says so. What was drawn is forgotten, and left
 * where it is, when the process was stopped or in the background: what stands above the cursor is then somebody else's. */
void console_block(const char *text);

#endif
