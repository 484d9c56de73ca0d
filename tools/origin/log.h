/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * log.h: one line a request: time, method, target, status (`-` when there was no response to begin
 * with). Written when the answer begins, so that a client that was answered finds its line. Any
 * thread: stdio's own lock keeps lines whole.
 */
#ifndef ORIGIN_LOG_H
#define ORIGIN_LOG_H

#include <stdio.h>

#include "request.h"

/* `head` begins with the status line, or is empty. */
void log_request(FILE *log, const struct request *request, struct span head);

#endif
