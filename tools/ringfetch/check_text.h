/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_text.h: figures and names as the live table and the summary show them, beyond what text.h has. Manners as there: a
 * buffer ends in NUL, is never overrun, and is returned.
 */
#ifndef TOOLS_CHECK_TEXT_H
#define TOOLS_CHECK_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "7", "1,234", "100,000,000". */
char *check_text_count(char *out, size_t size, uint64_t count);
/* "97.2%"; what is neither none nor all is never shown as that. "" of nothing. */
char *check_text_share(char *out, size_t size, uint64_t count, uint64_t of);
/* "0.12 ms", "4.5 ms", "123 ms", "1.23 s", "12.3 s", "2:03". */
char *check_text_ms(char *out, size_t size, double ms);
/* At most `width` (at least 3) ASCII characters: escaped, and with "..." in the middle of what is too long. */
char *check_text_host(char *out, size_t size, unsigned width, const char *host);

#endif
