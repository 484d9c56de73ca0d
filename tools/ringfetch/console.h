/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * console.h: stderr, shared by the progress thread and the workers that report results. Lines and
 * the bar go through one lock, each in one write, so that they never mix. No colour is ever used,
 * which is how NO_COLOR is obeyed.
 */
#ifndef TOOLS_CONSOLE_H
#define TOOLS_CONSOLE_H

#include <stdbool.h>

/* Main thread, before the others exist. */
void console_open(void);

/* True if stderr is a terminal that can redraw a line (TERM is set and not "dumb"). */
bool console_is_terminal(void);
/* Its width now, 80 where it can't be told. */
unsigned console_columns(void);

/* Writes one line, a newline added; the bar is taken away before and drawn again after. Text
 * from strangers must have been escaped. Any thread. */
__attribute__((format(printf, 1, 2))) void console_line(const char *format, ...);

/* Draws the bar (ASCII, no wider than the terminal), or removes it with NULL. On what is no
 * terminal the bar is a line like any other. Draws nothing while the process is in the
 * terminal's background. Any thread. */
void console_bar(const char *text);

#endif
