/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * http_date.h: the three forms of an HTTP-date (RFC 9110, 5.6.7). Pure; any thread.
 */
#ifndef HTTP_HTTP_DATE_H
#define HTTP_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Unix time in *unix_s; false if malformed. `now_s` decides the century of the form with two digits for the year. */
bool http_date_parse(struct span text, int64_t now_s, int64_t *unix_s);

#endif
