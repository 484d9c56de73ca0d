/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_requests.h: what `ringfetch bench` asks when a file says it: --requests-file (JSON lines) and -i (URLs). A file is read and checked
 * once; what it says is then resolved against the URL of each side. Placeholders may stand anywhere in it and stay what they are. Main
 * thread.
 *
 *     enum rf_exit exit = bench_requests_read(&requests, path, why, sizeof why);
 *     exit = bench_requests_resolve(requests, url_of_side, &set, why, sizeof why);
 *     for (size_t i = 0; i < set.count; i++)
 *         if (rf_load_add(load, side, &set.request[i], ...)) // bench_requests_where says at which line it stands
 *     bench_request_set_deinit(&set);
 *     bench_requests_free(requests);
 */
#ifndef TOOLS_BENCH_REQUESTS_H
#define TOOLS_BENCH_REQUESTS_H

#include <stddef.h>

#include <ringfetch/load.h>

struct bench_requests;

/* --requests-file: each line an object with "method", "url" (none: the URL of the command line), "headers" (an object of texts by name, or an
 * array of "Name: value"), "body" or "body_file", "weight", "name" and "expect" (a text or an array of them); blank lines are skipped. `path` "-" is
 * standard input. RF_USAGE: `why` says what is wrong in which line; RF_LOCAL_FAULT: a file can't be read. */
enum rf_exit bench_requests_read(struct bench_requests **requests, const char *path, char *why,
                                 size_t why_size);
/* -i: each line a URL; blank lines and those that begin with # are skipped. The rest is as above. */
enum rf_exit bench_requests_read_list(struct bench_requests **requests, const char *path, char *why,
                                      size_t why_size);
void bench_requests_free(struct bench_requests *requests); /* NULL is allowed */
size_t bench_requests_count(const struct bench_requests *requests);
/* "FILE:LINE" of one, fit for a terminal. Returns text. */
char *bench_requests_where(const struct bench_requests *requests, size_t index, char *text,
                           size_t size);

/* For rf_load_add. All but `request` and `url` lies in the struct bench_requests. */
struct bench_request_set {
    struct rf_load_request *request;
    size_t count;
    char **url; /* those that were put together; else NULL */
};
/* A URL with a scheme stays; any other is taken for a path at the origin of `base` (NULL: there is none, RF_USAGE says which line needs one). In
 * a list only what begins with "/" is: the rest are URLs as people type them ("localhost:8080/x"). */
enum rf_exit bench_requests_resolve(const struct bench_requests *requests, const char *base,
                                    struct bench_request_set *set, char *why, size_t why_size);
void bench_request_set_deinit(struct bench_request_set *set);

#endif
