/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * links.h: a document's links as text, a line each: "2:13 https://…", a base "2:13 base https://…". Documents are laid before a
 * forbidden page, so that reading behind them ends the test.
 */
#ifndef TESTS_DOCUMENT_LINKS_H
#define TESTS_DOCUMENT_LINKS_H

#include "document/document.h"

struct links_case {
    const char *text, *links;
};

/* The links, and behind them "! why" if the document is broken. Valid until the next call. */
const char *links_of(enum document_kind kind, struct span text, const char *charset);
/* Fails the test that runs on the first document whose links are others. */
void expect_links(enum document_kind kind, const struct links_case *cases, size_t count);
/* Everything that can be asked of a document, and nothing asked of the answers but that they are well-formed. */
void ask_everything(enum document_kind kind, struct span text, const char *charset);
/* `count` times `piece`, then `tail`. malloc'd; *len without a NUL. */
uint8_t *repeat(const char *piece, size_t count, const char *tail, size_t *len);
/* The processor's time that this process took, in seconds; a limit for it, longer under sanitizers. */
double seconds_used(void);
double seconds_allowed(double seconds);

#define CASES(array) array, sizeof array / sizeof *array

#endif
