/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pair.c: see pair.h.
 */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"

static struct tls_mint mint;
static char dir[64];

static void clean_up(void) {
    char command[128];
    tls_mint_deinit(&mint);
    if (*dir && (size_t)snprintf(command, sizeof command, "rm -rf %s", dir) < sizeof command &&
        system(command) != 0)
        fprintf(stderr, "%s stays\n", dir);
}

const struct tls_mint *pair_mint(void) {
    static const char *const names[] = {"a.test", "*.wild.test", "127.0.0.1", "::1", NULL};
    struct tls_mint_options options = {.names = names};
    char why[256] = "";
    if (!mint.ca) {
        if (tls_mint_init(&mint, &options, why, sizeof why) < 0)
            fprintf(stderr, "%s\n", why);
        CHECK(mint.ca);
        atexit(clean_up);
    }
    return &mint;
}

const char *pair_file(const char *name, const char *text) {
    static char paths[32][128];
    static unsigned next;
    pair_mint();
    if (!*dir) {
        strcpy(dir, "/tmp/ringfetch-tls.XXXXXX");
        CHECK(mkdtemp(dir));
    }
    char *path = paths[next++ % 32];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    CHECK(file);
    fputs(text, file);
    CHECK(fclose(file) == 0);
    return path;
}

const char *pair_ca_file(void) {
    static const char *path;
    if (!path)
        path = strdup(pair_file("ca.pem", pair_mint()->ca));
    return path;
}

static void open_end(struct pair *pair, struct end *end, const struct tls_options *options) {
    char why[256] = "";
    if (tls_open(&end->tls, options, &pair->pool, why, sizeof why) < 0)
        fprintf(stderr, "tls_open: %s\n", why);
    CHECK(end->tls);
}

void pair_init(struct pair *pair, const struct tls_options *client,
               const struct tls_options *server) {
    struct tls_options mine = client ? *client : (struct tls_options){0};
    struct tls_options theirs = server ? *server : (struct tls_options){0};
    *pair = (struct pair){0};
    pool_depot_init(&pair->depot);
    pool_init(&pair->pool, &pair->depot);
    if (!mine.cacert && !mine.capath)
        mine.cacert = pair_ca_file();
    theirs.server = true;
    if (!theirs.cert && !theirs.cert_pem.len) {
        theirs.cert_pem = span_text(pair_mint()->cert);
        theirs.key_pem = span_text(pair_mint()->key);
    }
    open_end(pair, &pair->client, &mine);
    open_end(pair, &pair->server, &theirs);
}

void pair_hang_up(struct pair *pair) {
    struct end *ends[] = {&pair->client, &pair->server};
    for (int i = 0; i < 2; i++) {
        tls_stream_close(ends[i]->stream);
        bytes_release(&ends[i]->got, &pair->pool);
        *ends[i] = (struct end){.tls = ends[i]->tls};
    }
}

void pair_deinit(struct pair *pair) {
    pair_hang_up(pair);
    tls_close(pair->client.tls);
    tls_close(pair->server.tls);
    CHECK(pair->pool.live_bytes == 0);
    pool_depot_deinit(&pair->depot);
}

void pair_open(struct pair *pair, const char *host) {
    pair_hang_up(pair);
    pair->client.stream =
        tls_stream_open(pair->client.tls, span_text(host), 443, &pair->client.err);
    pair->server.stream = tls_stream_open(pair->server.tls, span_of("", 0), 0, &pair->server.err);
    pair->client.step = pair->server.step = STEP_MORE;
}

static void read_all(struct pair *pair, struct end *end, struct span *in) {
    struct span data;
    while ((end->last = tls_read(end->stream, in, &data, &end->err)) == TLS_DATA)
        bytes_add(&end->got, &pair->pool, data);
}

/* LeakSanitizer's, where it is. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void feed(struct pair *pair, struct end *end, struct span bytes) {
    if (end->step == STEP_MORE)
        end->step = tls_shake(end->stream, &bytes, &end->err);
    if (end->step == STEP_DONE && bytes.len)
        read_all(pair, end, &bytes);
}

void pair_feed(struct pair *pair, struct end *end, struct span bytes) {
    bool forgive = pair->server_leaks && end == &pair->server && __lsan_disable;
    if (forgive)
        __lsan_disable();
    feed(pair, end, bytes);
    if (forgive)
        __lsan_enable();
}

static bool carry(struct pair *pair, struct end *from, struct end *to) {
    struct bytes out = tls_take_output(from->stream);
    struct span left = bytes_span(&out);
    bool moved = left.len > 0;
    while (left.len) {
        size_t piece = pair->chop && pair->chop < left.len ? pair->chop : left.len;
        pair_feed(pair, to, span_of(left.at, piece));
        left = span_skip(left, piece);
    }
    bytes_release(&out, &pair->pool);
    return moved;
}

void pair_run(struct pair *pair) {
    if (!pair->client.stream || !pair->server.stream)
        return;
    pair_feed(pair, &pair->client, span_of("", 0));
    while (carry(pair, &pair->client, &pair->server) | carry(pair, &pair->server, &pair->client))
        ;
}

bool pair_meet(struct pair *pair, const char *host) {
    pair_open(pair, host);
    pair_run(pair);
    return pair->client.step == STEP_DONE && pair->server.step == STEP_DONE;
}
