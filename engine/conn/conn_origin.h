/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_origin.h: what conn_origin.c offers the room beyond conn_pool.h.
 */
#ifndef CONN_CONN_ORIGIN_H
#define CONN_CONN_ORIGIN_H

#include "conn/conn.h"

/* 0, or negative with a line in `why` naming the first entry that is not HOST1:PORT1:HOST2:PORT2. */
int origin_check_connect_to(const char *const *entries, char *why, size_t why_size);

#endif
