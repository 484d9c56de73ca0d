/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "endpoints.h"

enum { ANY = ENDPOINT_ANY_METHOD, BODY = ENDPOINT_ANY_METHOD | ENDPOINT_WANTS_BODY };

/* Those that benchmarks ask for come first. */
const struct endpoint endpoints[] = {
#define ENDPOINT(name, traits, answer)                                                             \
    { name, sizeof(name) - 1, traits, answer }
    ENDPOINT("bytes", 0, endpoint_bytes),
    ENDPOINT("s", 0, endpoint_small),
    ENDPOINT("delay", ANY, endpoint_delay),
    ENDPOINT("file", 0, endpoint_file),
    ENDPOINT("status", ANY, endpoint_status),
    ENDPOINT("redirect", ANY, endpoint_redirect),
    ENDPOINT("chunked", 0, endpoint_chunked),
    ENDPOINT("drip", 0, endpoint_drip),
    ENDPOINT("retry-after", ANY, endpoint_retry_after),
    ENDPOINT("flaky", ANY, endpoint_flaky),
    ENDPOINT("headers", ANY, endpoint_headers),
    ENDPOINT("echo", BODY, endpoint_echo),
    ENDPOINT("name", 0, endpoint_name),
    ENDPOINT("reset", ANY, endpoint_reset),
    ENDPOINT("truncate", 0, endpoint_truncate),
    ENDPOINT("close", 0, endpoint_close),
    ENDPOINT("slow-head", 0, endpoint_slow_head),
    ENDPOINT("surplus", 0, endpoint_surplus),
    ENDPOINT("unsolicited", 0, endpoint_unsolicited),
    ENDPOINT("interim", 0, endpoint_interim),
    ENDPOINT("no-response", ANY, endpoint_no_response),
    ENDPOINT("hang", ANY, endpoint_hang),
    ENDPOINT("tls", ANY, endpoint_tls),
    ENDPOINT("stats", ANY, endpoint_stats),
    ENDPOINT("", 0, endpoint_help_page),
#undef ENDPOINT
};
const unsigned endpoint_count = sizeof endpoints / sizeof *endpoints;

const struct endpoint *endpoint_find(struct span path, struct span *rest) {
    if (path.len == 0 || path.at[0] != '/')
        return NULL;
    path = span_skip(path, 1);
    const uint8_t *slash = memchr(path.at, '/', path.len);
    size_t len = slash ? (size_t)(slash - path.at) : path.len;
    *rest = span_skip(path, slash ? len + 1 : len);
    for (unsigned i = 0; i < endpoint_count; i++)
        if (endpoints[i].name_len == len && memcmp(endpoints[i].name, path.at, len) == 0)
            return &endpoints[i];
    return NULL;
}

const char endpoints_help[] =
    "Endpoints (N: bytes such as 100, 64k, 2M; S: seconds such as 0.5):\n"
    "  /bytes/N        N bytes; ?seed=K others; ranges, If-Range, ETag. With\n"
    "                  j = (i+K) mod 65521, byte i is (131*j + 17*(j/256)) mod 256\n"
    "  /chunked/N      the same bytes in chunks; ?chunk=SIZE (4k) ?trailers=1\n"
    "  /close/N        without a length: the end of the connection ends them;\n"
    "                  ?notify=0 over TLS without close_notify\n"
    "  /drip           ?bytes=N (10) ?duration=S (2) ?delay=S (2) ?code=STATUS\n"
    "  /delay/S        answers after S seconds\n"
    "  /status/CODE    that status\n"
    "  /redirect/K     K redirects, then /bytes/2; ?code=301|302|303|307|308 ?to=URL\n"
    "  /retry-after/S  503 with Retry-After, then 200; ?times=K (1) ?key=NAME\n"
    "                  ?status=CODE ?date=1 (a date, not seconds)\n"
    "  /flaky          fails, then 200; ?fail=K (1) ?key=NAME ?status=CODE (503;\n"
    "                  0: reset)\n"
    "  /headers        the request's fields as JSON\n"
    "  /tls            version, cipher, resumed, ALPN as JSON\n"
    "  /echo           the request as it came, any method; /echo/body its body only\n"
    "  /file/PATH      a file beneath --dir\n"
    "  /name/NAME      Content-Disposition with that name\n"
    "  /reset          RST at once; /reset/N after N bytes of a longer body\n"
    "  /truncate/N     announces 2N bytes, sends N, closes\n"
    "  /slow-head      the head comes byte by byte; ?delay=S (0.01) between them\n"
    "  /surplus/N      N bytes and then some that nobody announced\n"
    "  /unsolicited    answers, and again 50 ms later\n"
    "  /interim/K      K responses 103 before the final one\n"
    "  /no-response    closes without a byte;  /hang  never answers\n"
    "  /s              100 bytes with the shortest head\n"
    "  /stats          counters as JSON; /stats/reset starts them again\n";
