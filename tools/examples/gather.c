/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * gather.c: many URLs at once, each body streamed through a checksum instead of being kept. Shows
 * what belongs to one request travelling in its context, requests submitted from a callback (here:
 * a second try over the name's plain root when a path is missing), and a bounded number of them in
 * flight: the engine's `concurrency` takes care of that, however many are submitted.
 *
 * ./gather http://localhost:8080/bytes/100 http://localhost:8080/missing
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringfetch/ringfetch.h>

/* One URL on its way. It lives until its callback. */
struct page {
    struct rf_engine *engine;
    char *url;
    uint64_t checksum; /* FNV-1a of the body */
    bool is_root;
};

/* A piece of a body; calls for different requests may come at the same time, so only the page is
 * touched. */
static bool on_piece(void *context, const void *bytes, size_t count) {
    struct page *page = context;
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        page->checksum = (page->checksum ^ at[i]) * UINT64_C(1099511628211);
    }
    return true;
}

static void on_done(void *context, const struct rf_result *result);

/* Takes `url` over. */
static bool submit(struct rf_engine *engine, char *url, bool is_root) {
    struct page *page = malloc(sizeof *page);
    if (!url || !page) {
        free(url);
        free(page);
        return false;
    }
    *page = (struct page){engine, url, UINT64_C(14695981039346656037), is_root};
    struct rf_request request;
    rf_request_init(&request);
    request.url = url;
    if (rf_submit_streamed(engine, &request, on_piece, on_done, page) == 0) {
        free(url);
        free(page);
        return false;
    }
    return true;
}

/* "http://host:port/a/b" becomes "http://host:port/"; NULL without a path. */
static char *root_of(const char *url) {
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path && path[1] ? strndup(url, (size_t)(path + 1 - url)) : NULL;
}

static void on_done(void *context, const struct rf_result *result) {
    struct page *page = context;
    if (result->ok) {
        printf("%016" PRIx64 "  %8" PRIu64 "  %s\n", page->checksum, result->body_bytes, page->url);
    } else {
        printf("%-16s  %8s  %s\n", rf_error_kind(result->error), "-", page->url);
    }
    if (result->status == 404 && !page->is_root) {
        submit(page->engine, root_of(page->url), true);
    }
    free(page->url);
    free(page);
}

int main(int argc, char **argv) {
    char why[256];
    struct rf_settings settings;
    rf_settings_init(&settings);
    settings.retries = 1;
    settings.total_time_ms = 10000;

    struct rf_engine *engine;
    enum rf_exit exit = rf_engine_open(&engine, &settings, why, sizeof why);
    if (exit) {
        fprintf(stderr, "%s\n", why);
        return exit;
    }
    for (int i = 1; i < argc; i++) {
        if (!submit(engine, strdup(argv[i]), false)) {
            fprintf(stderr, "out of memory\n");
        }
    }
    exit = rf_run(engine);
    rf_engine_close(engine);
    return exit;
}
