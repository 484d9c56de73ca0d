/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/digest.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"

struct digest {
    struct sha256_ctx sha256;
};

struct digest *digest_open(void) {
    struct digest *digest = malloc(sizeof *digest);
    CHECK(digest);
    digest_restart(digest);
    return digest;
}

void digest_close(struct digest *digest) {
    free(digest);
}

void digest_restart(struct digest *digest) {
    sha256_init(&digest->sha256);
}

void digest_feed(struct digest *digest, const void *bytes, size_t count) {
    sha256_update(&digest->sha256, count, bytes);
}

char *digest_hex(struct digest *digest, char hex[DIGEST_HEX_BYTES]) {
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_digest(&digest->sha256, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    hex[DIGEST_HEX_BYTES - 1] = 0;
    return hex;
}
