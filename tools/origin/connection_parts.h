/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * connection_parts.h: what the two files of the connection share; nobody else includes it.
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

#endif
