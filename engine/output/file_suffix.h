/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_suffix.h: which number comes next for a name that is taken. Without it, ten thousand URLs with one basename would try
 * fifty million names. Any thread.
 *
 * Keyed by a 64-bit hash of the name alone: should two names ever share one, a number is left out.
 */
#ifndef OUTPUT_FILE_SUFFIX_H
#define OUTPUT_FILE_SUFFIX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct file_suffixes {
    pthread_mutex_t lock;
    struct file_suffix *slots; /* open addressing, a power of two; key 0 is free */
    size_t slot_count;
    atomic_size_t used;
};

void file_suffixes_init(struct file_suffixes *suffixes);
void file_suffixes_deinit(struct file_suffixes *suffixes);

/* The next number of a name that was found taken before, from 1; 0 if it never was. */
unsigned file_suffix_known(struct file_suffixes *suffixes, const char *path);
/* The next number; the name is taken. */
unsigned file_suffix_next(struct file_suffixes *suffixes, const char *path);

#endif
