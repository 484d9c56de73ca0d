/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_verify.h: is the body the one that was expected? Every output that takes bodies checks length and SHA-256 where the
 * request names them, the one that drops them too. Part of a stream's state; its worker's thread.
 */
#ifndef OUTPUT_OUTPUT_VERIFY_H
#define OUTPUT_OUTPUT_VERIFY_H

#include <ringfetch/output.h>

#include "base/digest.h"
#include "base/err.h"

struct verify {
    uint64_t received;     /* of the whole body, a continued part included */
    struct digest *digest; /* NULL: nobody asked */
    char hex[DIGEST_HEX_BYTES];
};

/* All zero before the first time. May be called again for a retry. `hashed`: compute the hash even if none is expected. */
void verify_begin(struct verify *verify, const struct rf_stream *stream, bool hashed,
                  uint64_t offset);
/* Bytes that were there before, in front of `offset`. */
void verify_earlier(struct verify *verify, const void *bytes, size_t count);
/* Refuses what makes the body longer than expected. */
struct err verify_body(struct verify *verify, const struct rf_stream *stream, const void *bytes,
                       size_t count);
/* Sets stream->sha256_found. */
struct err verify_finish(struct verify *verify, struct rf_stream *stream);
void verify_end(struct verify *verify);

#endif
