/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_cache_file.h: the file behind --cache: a header and pages of entries, a power of two of them, mapped shared. A URL's page is
 * named by the low bits of its hash and it stands nowhere else, so that looking for it touches one page of the disk, and doubling
 * splits each page into two. Everything is in the machine's byte order; a file of another is refused.
 *
 * One process at a time has it, by flock. check_cache.c owns it and sees to the locking of threads. Rejected: a write-ahead log.
 * What a crash may lose or tear is one entry each, which the entry's own check tells, and its URL is asked once more.
 */
#ifndef TOOLS_CHECK_CACHE_FILE_H
#define TOOLS_CHECK_CACHE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check_hash.h"

enum {
    CACHE_PAGE_BYTES = 4096,
    CACHE_PAGE_ENTRIES = 128,
    CACHE_PAGES_MIN = 64, /* the stripes of check_cache.c: a page never changes its stripe */
    CACHE_VERSION = 1
};

/* All zero: empty, and no entry of the page stands behind it. With a wrong `check`: removed or torn, which may be written again. */
struct cache_entry {
    struct check_hash hash;
    uint64_t checked_s; /* since 1970 */
    uint16_t status;
    uint16_t run; /* of the file, that wrote it */
    uint32_t check;
};

struct cache_page {
    struct cache_entry entry[CACHE_PAGE_ENTRIES];
};

/* The file's first page; the rest of it is zero. */
struct cache_header {
    char magic[8];
    uint32_t version, byte_order, page_bytes, entry_bytes;
    uint64_t page_count;
    struct check_key key;
    uint64_t check; /* of all above */
    uint64_t used;  /* entries that are not empty; true only if `is_open` is 0 */
    uint32_t run;   /* how often it was opened */
    uint32_t is_open;
};

struct cache_file {
    char *path;
    int fd;
    struct cache_header *header; /* the mapping */
    struct cache_page *pages;    /* behind it */
    uint64_t page_count, used;
};

/* Opens the file or makes it. False: one line in `why`, which names the file; nothing of it has been changed. */
bool cache_file_open(struct cache_file *file, const char *path, char *why, size_t why_size);
void cache_file_close(struct cache_file *file);

/* Moves what was checked at `since_s` or later to a new file, twice as large if need be, which takes the place and the
 * name of this one. 0, or an errno: then all is as it was. */
int cache_file_grow(struct cache_file *file, uint64_t since_s);

struct cache_page *cache_file_page(const struct cache_file *file, struct check_hash hash);

bool cache_entry_is_empty(const struct cache_entry *entry);
bool cache_entry_is_whole(const struct cache_entry *entry);
uint32_t cache_entry_check(const struct cache_entry *entry);

#endif
