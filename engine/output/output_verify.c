/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/output_verify.h"

#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void verify_begin(struct verify *verify, const struct rf_stream *stream, bool hashed,
                  uint64_t offset) {
    verify->received = offset;
    if (!stream->sha256 && !hashed)
        return;
    if (!verify->sha256)
        verify->sha256 = malloc(sizeof *verify->sha256);
    CHECK(verify->sha256);
    sha256_init(verify->sha256);
}

void verify_earlier(struct verify *verify, const void *bytes, size_t count) {
    sha256_update(verify->sha256, count, bytes);
}

struct err verify_body(struct verify *verify, const struct rf_stream *stream, const void *bytes,
                       size_t count) {
    if (stream->size >= 0 && verify->received + count > (uint64_t)stream->size)
        return err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    verify->received += count;
    if (verify->sha256)
        sha256_update(verify->sha256, count, bytes);
    return ERR_OK;
}

struct err verify_finish(struct verify *verify, struct rf_stream *stream) {
    if (verify->sha256) {
        uint8_t digest[SHA256_DIGEST_SIZE];
        sha256_digest(verify->sha256, sizeof digest, digest);
        for (size_t i = 0; i < sizeof digest; i++) {
            verify->hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
            verify->hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        }
        stream->sha256_found = verify->hex;
    }
    if (stream->size >= 0 && verify->received != (uint64_t)stream->size)
        return err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    if (stream->sha256 && strcmp(stream->sha256, verify->hex) != 0)
        return err_make(STAGE_BODY, ERR_HASH_MISMATCH, 0);
    return ERR_OK;
}

void verify_end(struct verify *verify) {
    free(verify->sha256);
    verify->sha256 = NULL;
}
