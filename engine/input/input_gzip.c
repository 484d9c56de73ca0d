/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_gzip.c: a zlib stream and where it stands between members. Lengths and checksums are zlib's to verify. Owned by
 * its input_stream, on the input's thread.
 */
#include "input/input_gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

/* 15 is the largest window; 16 more asks for gzip's header and trailer. */
enum { GZIP_WINDOW = 15 + 16 };

struct gunzip {
    z_stream z;
    bool is_between; /* a member has ended and no other has begun */
    bool is_full;    /* the room was used up, so zlib may hold more */
};

bool gunzip_is_magic(struct span begin) {
    return begin.len >= 2 && begin.at[0] == 0x1f && begin.at[1] == 0x8b;
}

struct gunzip *gunzip_open(void) {
    struct gunzip *gunzip = calloc(1, sizeof *gunzip);
    if (gunzip && inflateInit2(&gunzip->z, GZIP_WINDOW) != Z_OK) {
        free(gunzip);
        return NULL;
    }
    return gunzip;
}

void gunzip_close(struct gunzip *gunzip) {
    if (!gunzip)
        return;
    inflateEnd(&gunzip->z);
    free(gunzip);
}

bool gunzip_is_whole(const struct gunzip *gunzip) {
    return gunzip->is_between;
}

/* True: another member begins at the front of *in. */
static bool begin_member(struct gunzip *gunzip, struct span *in) {
    while (in->len && in->at[0] == 0)
        *in = span_skip(*in, 1);
    if (!in->len)
        return false;
    inflateReset(&gunzip->z);
    gunzip->is_between = false;
    return true;
}

static uInt at_most(size_t count) {
    return count < INT_MAX ? (uInt)count : INT_MAX;
}

bool gunzip_run(struct gunzip *gunzip, struct span *in, uint8_t *to, size_t room, size_t *count,
                const char **why) {
    z_stream *z = &gunzip->z;
    *count = 0;
    while (!*count && (in->len || gunzip->is_full)) {
        if (gunzip->is_between && !begin_member(gunzip, in))
            return true;
        uInt offered = at_most(in->len), free_bytes = at_most(room);
        z->next_in = (Bytef *)in->at; /* zlib only reads it */
        z->avail_in = offered;
        z->next_out = to;
        z->avail_out = free_bytes;
        int result = inflate(z, Z_NO_FLUSH);
        *in = span_skip(*in, offered - z->avail_in);
        *count = free_bytes - z->avail_out;
        gunzip->is_full = z->avail_out == 0 && result == Z_OK;
        gunzip->is_between = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            *why = z->msg ? z->msg : "the gzip data are damaged";
            return false;
        }
    }
    return true;
}
