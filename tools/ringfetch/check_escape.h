/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_escape.h: strangers' text in reports. All of it goes through text_escape first, so that no
 * control character, no invalid UTF-8 and nothing that hides or reorders text is left, whatever the
 * format could hold; what is longer than ESCAPE_BYTES_MAX so far ends in "...". Pure; any thread.
 */
#ifndef TOOLS_CHECK_ESCAPE_H
#define TOOLS_CHECK_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { ESCAPE_BYTES_MAX = 4096 };

/* Both as an element's content and as an attribute's value. NULL is "", here and below. */
void escape_xml(FILE *out, const char *text);

/* As text in GitHub's Markdown, in a cell of a table too: nothing in it is markup, a mention or a
 * link. At most `max` bytes before escaping. */
void escape_markdown(FILE *out, const char *text, size_t max);
/* The text of a URL; a link if it is one to follow: http or https. */
void escape_markdown_url(FILE *out, const char *url, size_t max);

/* A JSON string. */
void escape_json(FILE *out, const char *text);

/* As an RFC 3986 URI reference: what may not stand in one is percent-encoded. `path`: of a file, so
 * that ':', '?', '#' and '%' mean nothing. */
void escape_uri(FILE *out, const char *text, bool path);

/* As a workflow command's message, and as one of its properties. */
void escape_command(FILE *out, const char *text);
void escape_command_property(FILE *out, const char *text);

#endif
