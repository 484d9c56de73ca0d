/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_gcm.c: how fast the linked wolfSSL seals with AES-128-GCM.
 *
 *     tls_gcm PIECE_BYTES SECONDS       one line on stdout: BYTES SECONDS_OF_CPU
 *
 * Each piece gets a nonce and a tag of its own, as a TLS record does. The library is asked directly and not by way of the
 * engine: this figure tells whether the library was built well, before anything of ours can be to blame. CPU time is counted,
 * as `openssl speed` counts it.
 */
#ifdef __has_include
#if __has_include(<wolfssl/options.h>)
#include <wolfssl/options.h>
#endif
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wolfssl/wolfcrypt/aes.h>

enum { KEY_BYTES = 16, NONCE_BYTES = 12, TAG_BYTES = 16, PIECE_MAX = 1 << 20, BURST = 64 };

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* In place, as records are sealed. */
static int seal_burst(Aes *aes, unsigned char *piece, unsigned bytes, uint64_t *sealed) {
    for (int i = 0; i < BURST; i++) {
        unsigned char nonce[NONCE_BYTES] = {0}, tag[TAG_BYTES];
        memcpy(nonce, sealed, sizeof *sealed);
        if (wc_AesGcmEncrypt(aes, piece, piece, bytes, nonce, NONCE_BYTES, tag, TAG_BYTES, NULL, 0))
            return -1;
        *sealed += 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    unsigned bytes = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    double seconds = argc == 3 ? strtod(argv[2], NULL) : 0;
    if (bytes == 0 || bytes > PIECE_MAX || seconds <= 0) {
        fputs("usage: tls_gcm PIECE_BYTES SECONDS\n", stderr);
        return 2;
    }
    static const unsigned char key[KEY_BYTES] = {1};
    unsigned char *piece = calloc(1, bytes);
    Aes aes;
    if (!piece || wc_AesInit(&aes, NULL, INVALID_DEVID) || wc_AesGcmSetKey(&aes, key, KEY_BYTES)) {
        fputs("AES-128-GCM does not start\n", stderr);
        return 1;
    }
    uint64_t sealed = 0;
    double began = cpu_seconds(), took;
    do {
        if (seal_burst(&aes, piece, bytes, &sealed)) {
            fputs("a piece was not sealed\n", stderr);
            return 1;
        }
        took = cpu_seconds() - began;
    } while (took < seconds);
    wc_AesFree(&aes);
    free(piece);
    printf("%.0f %.6f\n", (double)sealed * bytes, took);
    return 0;
}
