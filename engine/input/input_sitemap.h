/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_sitemap.h: the URLs of a sitemap, and of all sitemaps that a sitemap index names, in the order in which they stand. The file
 * at hand is streamed, so its size costs no memory; what an index names is fetched, one at a time, indexes in it to a depth
 * of 5, each URL once. What can't be fetched or is broken is one record, and the row goes on. On the input's thread.
 */
#ifndef INPUT_INPUT_SITEMAP_H
#define INPUT_INPUT_SITEMAP_H

#include "input/input_context.h"
#include "input/input_stream.h"

/* The sitemap at hand, and indexes in indexes: 5. */
enum { SITEMAP_DEPTH_MAX = 5 };

struct sitemaps;
struct sitemaps *sitemaps_open(struct input_context *context); /* NULL: no memory */
void sitemaps_close(struct sitemaps *sitemaps);                /* NULL is allowed */

/* Begins with this one, forgetting what was visited before, whose stream is taken over, its descriptor not. `name`: its path or URL; `final_url`: NULL for a file;
 * `base`: what the user says relative URLs are relative to, or NULL; all copied. False: no memory. */
bool sitemaps_begin(struct sitemaps *sitemaps, const char *name, const char *final_url,
                    const char *base, struct input_stream *stream);

/* INPUT_RECORD, INPUT_INTERRUPTED, or INPUT_END. */
enum input_step sitemaps_next(struct sitemaps *sitemaps, struct input_record *record);
/* Whether sitemaps_next has a record at hand. */
bool sitemaps_hold_record(const struct sitemaps *sitemaps);

#endif
