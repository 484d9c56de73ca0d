/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection_parts.h: what the files of the connection share; nobody else includes it.
 */
#ifndef ORIGIN_CONNECTION_PARTS_H
#define ORIGIN_CONNECTION_PARTS_H

#include "connection.h"

/* Bytes that have arrived, borrowed. */
void connection_read(struct connection *connection, struct span bytes);
/* A response is out: looks for further requests in what has arrived meanwhile. */
void connection_resume(struct connection *connection);
void connection_release_input(struct connection *connection);

/* Carries out a plan. */
void connection_follow(struct connection *connection, struct plan plan);
/* The plan's output and body have left. */
void connection_sent(struct connection *connection);

/* The client will send nothing more; `is_told`: it has said so by close_notify. What is being sent is finished. */
void connection_on_end(struct connection *connection, bool is_told);
/* Closes it as a polite server does: over TLS it says so first. Nothing may be under way. */
void connection_end(struct connection *connection);
/* All is said: closes it for writing, and altogether once the client has gone, or has had time to. */
void connection_linger(struct connection *connection);

#endif
