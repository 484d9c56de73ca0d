/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_requests.c: see bench_requests.h. The file is read whole: the load needs all of it before it begins.
 *
 * Rejected: to resolve by the rules of the URL standard, which would fold "..", encode the braces of placeholders and need the engine's parser.
 * What the engine gets is the origin as it was typed and the path as the file has it, and the engine then parses that.
 */
#include "bench_requests.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_requests_lines.h"
#include "text.h"

enum { WHY_BYTES = 600, SHOWN_BYTES = 200 };

struct bench_requests {
    const char *path; /* owned */
    bool is_list;
    struct bench_request *item;
    size_t count, room;
};

/* ---- what goes wrong ------------------------------------------------------------------------------------- */

static const char *shown_path(const struct bench_requests *requests) {
    return strcmp(requests->path, "-") == 0 ? "stdin" : requests->path;
}

static char *where(const struct bench_requests *requests, unsigned long line, char *text,
                   size_t size) {
    char path[SHOWN_BYTES];
    text_escape(path, sizeof path, shown_path(requests));
    if (line) {
        snprintf(text, size, "%s:%lu", path, line);
    } else {
        snprintf(text, size, "%s", path);
    }
    return text;
}

/* `line` 0: the file as a whole. What stands in the file is a stranger's. */
__attribute__((format(printf, 5, 6))) static void complain(const struct bench_requests *requests,
                                                           unsigned long line, char *why,
                                                           size_t why_size, const char *format,
                                                           ...) {
    char phrase[WHY_BYTES], escaped[WHY_BYTES], place[SHOWN_BYTES + 24];
    va_list list;
    va_start(list, format);
    vsnprintf(phrase, sizeof phrase, format, list);
    va_end(list);
    text_escape(escaped, sizeof escaped, phrase);
    snprintf(why, why_size, "%s: %s", where(requests, line, place, sizeof place), escaped);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static void item_deinit(struct bench_request *item) {
    for (size_t i = 0; i < item->header_count; i++) {
        free(item->header[i]);
    }
    free(item->header);
    free(item->expect);
    free(item->url);
    data_deinit(&item->body);
    json_decref(item->object);
}

void bench_requests_free(struct bench_requests *requests) {
    if (!requests) {
        return;
    }
    for (size_t i = 0; i < requests->count; i++) {
        item_deinit(&requests->item[i]);
    }
    free(requests->item);
    free((char *)(uintptr_t)requests->path);
    free(requests);
}

/* NULL: memory is out. */
static struct bench_request *add_item(struct bench_requests *requests, unsigned long line) {
    if (requests->count == requests->room) {
        size_t room = requests->room ? requests->room * 2 : 16;
        struct bench_request *item = realloc(requests->item, room * sizeof *item);
        if (!item) {
            return NULL;
        }
        requests->item = item;
        requests->room = room;
    }
    struct bench_request *item = &requests->item[requests->count++];
    *item = (struct bench_request){.line = line};
    rf_load_request_init(&item->request);
    return item;
}

static enum rf_exit parse_url(struct bench_request *item, const char *text, size_t count, char *why,
                              size_t why_size) {
    if (memchr(text, 0, count)) {
        snprintf(why, why_size, "a NUL byte in a URL");
        return RF_USAGE;
    }
    item->url = strndup(text, count);
    item->request.url = item->url;
    if (!item->url) {
        snprintf(why, why_size, "out of memory");
    }
    return item->url ? RF_OK : RF_LOCAL_FAULT;
}

static enum rf_exit add_line(struct bench_requests *requests, unsigned long line, const char *text,
                             size_t count, char *why, size_t why_size) {
    char phrase[WHY_BYTES] = "out of memory";
    enum rf_exit exit = RF_LOCAL_FAULT;
    struct bench_request *item = add_item(requests, line);
    if (item && requests->is_list) {
        exit = parse_url(item, text, count, phrase, sizeof phrase);
    } else if (item) {
        exit = bench_request_parse(item, text, count, phrase, sizeof phrase);
    }
    if (exit) {
        complain(requests, line, why, why_size, "%s", phrase);
    }
    return exit;
}

/* What is left to read, and the line that was cut off it last, without blanks around it. */
struct cursor {
    const char *at, *end;
    unsigned long line;
    const char *text;
    size_t count;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool next_line(struct cursor *cursor) {
    if (cursor->at == cursor->end) {
        return false;
    }
    const char *stop = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
    const char *from = cursor->at, *to = stop ? stop : cursor->end;
    cursor->at = stop ? stop + 1 : cursor->end;
    cursor->line++;
    while (from < to && is_blank(*from)) {
        from++;
    }
    while (to > from && is_blank(to[-1])) {
        to--;
    }
    cursor->text = from;
    cursor->count = (size_t)(to - from);
    return true;
}

static enum rf_exit add_lines(struct bench_requests *requests, const struct data *data, char *why,
                              size_t why_size) {
    struct cursor cursor = {.at = data->bytes, .end = data->bytes + data->count};
    /* Some editors begin a file with a byte order mark. */
    if (data->count >= 3 && memcmp(cursor.at, "\xef\xbb\xbf", 3) == 0) {
        cursor.at += 3;
    }
    while (next_line(&cursor)) {
        if (!cursor.count || (requests->is_list && cursor.text[0] == '#')) {
            continue;
        }
        enum rf_exit exit =
            add_line(requests, cursor.line, cursor.text, cursor.count, why, why_size);
        if (exit) {
            return exit;
        }
    }
    if (!requests->count) {
        complain(requests, 0, why, why_size, "there is no %s in it",
                 requests->is_list ? "URL" : "request");
        return RF_USAGE;
    }
    return RF_OK;
}

static enum rf_exit read_all(struct bench_requests *requests, char *why, size_t why_size) {
    struct data data = {0};
    char fault[SHOWN_BYTES] = "out of memory";
    enum rf_exit exit = RF_LOCAL_FAULT;
    if (data_add_file(&data, requests->path, false, fault, sizeof fault)) {
        exit = add_lines(requests, &data, why, why_size);
    } else {
        complain(requests, 0, why, why_size, "%s", fault);
    }
    data_deinit(&data);
    return exit;
}

static enum rf_exit open_and_read(struct bench_requests **requests, const char *path, bool is_list,
                                  char *why, size_t why_size) {
    *requests = calloc(1, sizeof **requests);
    char *own_path = strdup(path);
    if (!*requests || !own_path) {
        snprintf(why, why_size, "out of memory");
        free(*requests);
        free(own_path);
        *requests = NULL;
        return RF_LOCAL_FAULT;
    }
    (*requests)->path = own_path;
    (*requests)->is_list = is_list;
    enum rf_exit exit = read_all(*requests, why, why_size);
    if (exit) {
        bench_requests_free(*requests);
        *requests = NULL;
    }
    return exit;
}

enum rf_exit bench_requests_read(struct bench_requests **requests, const char *path, char *why,
                                 size_t why_size) {
    return open_and_read(requests, path, false, why, why_size);
}

enum rf_exit bench_requests_read_list(struct bench_requests **requests, const char *path, char *why,
                                      size_t why_size) {
    return open_and_read(requests, path, true, why, why_size);
}

size_t bench_requests_count(const struct bench_requests *requests) {
    return requests->count;
}

char *bench_requests_where(const struct bench_requests *requests, size_t index, char *text,
                           size_t size) {
    return where(requests, requests->item[index].line, text, size);
}

/* ---- resolving -------------------------------------------------------------------------------------------- */

/* RFC 3986, 3.1: how long the scheme is that "://" follows; 0: there is none. */
static size_t scheme_length(const char *url) {
    size_t len = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return strncmp(url + len, "://", 3) == 0 ? len : 0;
}

/* How much of a URL, as typed, is scheme and authority. */
static size_t origin_length(const char *url) {
    size_t scheme = scheme_length(url), begin = scheme ? scheme + 3 : 0;
    return begin + strcspn(url + begin, "/?#\\");
}

static bool is_relative(const struct bench_requests *requests, const char *url) {
    return requests->is_list ? url[0] == '/' : !scheme_length(url);
}

static char *join(const char *base, const char *url) {
    char *joined;
    int len = asprintf(&joined, "%.*s%s%s", (int)origin_length(base), base,
                       url[0] == '/' ? "" : "/", url);
    return len < 0 ? NULL : joined;
}

static enum rf_exit resolve(const struct bench_requests *requests, size_t index, const char *base,
                            struct bench_request_set *set, char *why, size_t why_size) {
    const struct bench_request *item = &requests->item[index];
    struct rf_load_request *request = &set->request[index];
    *request = item->request;
    if (request->url && !is_relative(requests, request->url)) {
        return RF_OK;
    }
    if (!base) {
        complain(requests, item->line, why, why_size,
                 request->url ? "\"%.200s\" is relative: a URL on the command line is needed"
                              : "there is no \"url\"%s: a URL on the command line is needed",
                 request->url ? request->url : "");
        return RF_USAGE;
    }
    if (!request->url) {
        request->url = base;
        return RF_OK;
    }
    request->url = set->url[index] = join(base, request->url);
    if (!request->url) {
        snprintf(why, why_size, "out of memory");
    }
    return request->url ? RF_OK : RF_LOCAL_FAULT;
}

enum rf_exit bench_requests_resolve(const struct bench_requests *requests, const char *base,
                                    struct bench_request_set *set, char *why, size_t why_size) {
    enum rf_exit exit = RF_OK;
    set->count = requests->count;
    set->request = calloc(set->count, sizeof *set->request);
    set->url = calloc(set->count, sizeof *set->url);
    if (!set->request || !set->url) {
        snprintf(why, why_size, "out of memory");
        exit = RF_LOCAL_FAULT;
    }
    for (size_t i = 0; i < set->count && !exit; i++) {
        exit = resolve(requests, i, base, set, why, why_size);
    }
    if (exit) {
        bench_request_set_deinit(set);
    }
    return exit;
}

void bench_request_set_deinit(struct bench_request_set *set) {
    for (size_t i = 0; set->url && i < set->count; i++) {
        free(set->url[i]);
    }
    free(set->url);
    free(set->request);
    *set = (struct bench_request_set){0};
}
