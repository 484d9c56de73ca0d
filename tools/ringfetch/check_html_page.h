/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_page.h: the HTML report's page as it lies in tools/ringfetch/page/, inside the program. The template names with {{rows}}
 * and {{run}} where the two parts go that only a run knows; everything else is filled in here. One thread at a time.
 */
#ifndef TOOLS_CHECK_HTML_PAGE_H
#define TOOLS_CHECK_HTML_PAGE_H

#include <stdio.h>

enum { PAGE_NONCE_BYTES = 33 }; /* 128 bits in hexadecimal, NUL included */

struct page {
    const char *at; /* what of the template has not been written yet */
    char nonce[PAGE_NONCE_BYTES];
};

/* The page's script and style run by a nonce of this page alone: what a stranger might smuggle in has none. */
void page_begin(struct page *page);
/* Writes up to the next {{rows}} or {{run}} and passes it, or to the end. `out` remembers errors. */
void page_copy(struct page *page, FILE *out);

#endif
