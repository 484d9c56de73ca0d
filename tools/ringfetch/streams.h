/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * streams.h: the three standard descriptors at the start and at the end of the process. Main
 * thread.
 */
#ifndef TOOLS_STREAMS_H
#define TOOLS_STREAMS_H

#include <stdbool.h>

/* Puts /dev/null where one of the descriptors 0 to 2 is closed, so that no socket or file of
 * ours is ever given that number and receives somebody's printf. Standard input is opened for
 * writing and standard output for reading: who reads or writes them after all gets EBADF, rather
 * than an empty list or a lost body and exit status 0. False: /dev/null can't be opened. */
bool streams_fill(void);

/* Ends a subcommand that printed its answer on standard output: flushes it and returns `status`,
 * or RF_LOCAL_FAULT with a line on stderr when not everything could be written. */
int streams_end(int status);

#endif
