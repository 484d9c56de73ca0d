/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_speed.h: how fast the linked library is on this processor, for `ringfetch info` and the benches. Takes about the time
 * it is given, on the calling thread.
 */
#ifndef TLS_TLS_SPEED_H
#define TLS_TLS_SPEED_H

#include <stdint.h>

struct tls_speed {
    double gcm_bytes_per_s; /* AES-128-GCM, sealing 16 KiB pieces */
    double
        handshakes_per_s; /* full TLS 1.3 handshakes, the client's half alone, certificate verified (P-256, X25519) */
    double resumptions_per_s; /* the same, resumed */
};
/* Members are 0 where it could not be measured. */
void tls_speed_measure(struct tls_speed *speed, uint64_t ns_each);

#endif
