/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/output_verify.h"

#include <string.h>

void verify_begin(struct verify *verify, const struct rf_stream *stream, bool hashed,
                  uint64_t offset) {
    verify->received = offset;
    if (!stream->sha256 && !hashed)
        return;
    if (verify->digest)
        digest_restart(verify->digest);
    else
        verify->digest = digest_open();
}

void verify_earlier(struct verify *verify, const void *bytes, size_t count) {
    digest_feed(verify->digest, bytes, count);
}

struct err verify_body(struct verify *verify, const struct rf_stream *stream, const void *bytes,
                       size_t count) {
    if (stream->size >= 0 && verify->received + count > (uint64_t)stream->size)
        return err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    verify->received += count;
    if (verify->digest)
        digest_feed(verify->digest, bytes, count);
    return ERR_OK;
}

struct err verify_finish(struct verify *verify, struct rf_stream *stream) {
    if (verify->digest)
        stream->sha256_found = digest_hex(verify->digest, verify->hex);
    if (stream->size >= 0 && verify->received != (uint64_t)stream->size)
        return err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    if (stream->sha256 && strcmp(stream->sha256, verify->hex) != 0)
        return err_make(STAGE_BODY, ERR_HASH_MISMATCH, 0);
    return ERR_OK;
}

void verify_end(struct verify *verify) {
    digest_close(verify->digest);
    verify->digest = NULL;
}
