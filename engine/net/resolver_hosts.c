/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * resolver_hosts.c: the whole file is one buffer, changed in place: names become lower case and
 * stay where they are, so that the table's keys are spans of it. A name on several lines has the
 * addresses of all of them, as with the C library. A line that can't be understood is left out.
 *
 * Rejected: looking for changes while running. A run sees one state of the file.
 */
#include "net/resolver_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/pool.h"

struct host_address {
    struct host_address *next;
    struct address address;
};

struct host_name {
    struct name_node node;
    struct host_address *first, *last;
};

struct hosts {
    struct link link;
    unsigned references;
    char *path;
    struct span text;
    struct pool_depot depot;
    struct pool pool;
    struct name_table names;
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct link open_hosts = {&open_hosts, &open_hosts};

enum { READ_BYTES = 64 * 1024 };

/* Grows as it reads: the size of a file that is no regular one isn't known before. */
static int read_all(int fd, uint8_t **text, size_t *len) {
    size_t room = 0;
    for (;;) {
        if (room - *len < READ_BYTES) {
            room = room * 2 + READ_BYTES;
            uint8_t *larger = realloc(*text, room);
            if (!larger)
                return -ENOMEM;
            *text = larger;
        }
        ssize_t got = read(fd, *text + *len, READ_BYTES);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return 0;
        if (got > 0)
            *len += (size_t)got;
    }
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line, lower case; empty at its end. */
static struct span next_word(uint8_t **at, const uint8_t *end) {
    while (*at < end && is_blank(**at))
        ++*at;
    uint8_t *begin = *at;
    for (; *at < end && !is_blank(**at); ++*at)
        **at = ascii_lower(**at);
    return span_of(begin, (size_t)(*at - begin));
}

static void add(struct hosts *hosts, struct span name, const struct address *address) {
    struct name_key key = name_key(name);
    struct name_node *node = name_table_find(&hosts->names, key);
    struct host_name *host;
    if (node) {
        host = CONTAINER_OF(node, struct host_name, node);
    } else {
        host = pool_acquire_zeroed(&hosts->pool, sizeof *host);
        host->node.key = key;
        name_table_insert(&hosts->names, &host->node);
    }
    struct host_address *entry = pool_acquire(&hosts->pool, sizeof *entry);
    *entry = (struct host_address){.address = *address};
    if (host->last)
        host->last->next = entry;
    else
        host->first = entry;
    host->last = entry;
}

static void parse_line(struct hosts *hosts, uint8_t *at, uint8_t *end) {
    uint8_t *comment = memchr(at, '#', (size_t)(end - at));
    if (comment)
        end = comment;
    struct address address;
    struct span name = next_word(&at, end);
    if (!address_parse(&address, name, 0))
        return;
    while ((name = next_word(&at, end)).len)
        add(hosts, name, &address);
}

static void parse(struct hosts *hosts, uint8_t *text, size_t len) {
    uint8_t *end = text + len;
    for (uint8_t *line = text; line < end;) {
        uint8_t *line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            line_end = end;
        parse_line(hosts, line, line_end);
        line = line_end + 1;
    }
}

static void hosts_free(struct hosts *hosts) {
    struct name_node *node;
    while (hosts->names.buckets && (node = name_table_pop(&hosts->names))) {
        struct host_name *host = CONTAINER_OF(node, struct host_name, node);
        for (struct host_address *entry = host->first, *next; entry; entry = next) {
            next = entry->next;
            pool_release(&hosts->pool, entry, sizeof *entry);
        }
        pool_release(&hosts->pool, host, sizeof *host);
    }
    name_table_deinit(&hosts->names);
    pool_depot_deinit(&hosts->depot);
    free((void *)(uintptr_t)hosts->text.at);
    free(hosts->path);
    free(hosts);
}

static int hosts_load(struct hosts **loaded, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    uint8_t *text = NULL;
    size_t len = 0;
    int result = read_all(fd, &text, &len);
    close(fd);
    struct hosts *hosts = calloc(1, sizeof *hosts);
    if (!hosts || result) {
        free(text);
        free(hosts);
        return result ? result : -ENOMEM;
    }
    hosts->text = span_of(text, len);
    hosts->path = strdup(path);
    pool_depot_init(&hosts->depot);
    pool_init(&hosts->pool, &hosts->depot);
    if (!hosts->path || name_table_init(&hosts->names)) {
        hosts_free(hosts);
        return -ENOMEM;
    }
    parse(hosts, text, len);
    *loaded = hosts;
    return 0;
}

static struct hosts *already_open(const char *path) {
    for (struct link *at = open_hosts.next; at != &open_hosts; at = at->next)
        if (strcmp(LIST_ENTRY(at, struct hosts, link)->path, path) == 0)
            return LIST_ENTRY(at, struct hosts, link);
    return NULL;
}

int hosts_open(struct hosts **hosts, const char *path) {
    int result = 0;
    pthread_mutex_lock(&open_lock);
    *hosts = already_open(path);
    if (!*hosts) {
        result = hosts_load(hosts, path);
        if (result == 0)
            list_push_back(&open_hosts, &(*hosts)->link);
    }
    if (*hosts)
        (*hosts)->references++;
    pthread_mutex_unlock(&open_lock);
    return result;
}

void hosts_close(struct hosts *hosts) {
    if (!hosts)
        return;
    pthread_mutex_lock(&open_lock);
    bool last = --hosts->references == 0;
    if (last)
        list_remove(&hosts->link);
    pthread_mutex_unlock(&open_lock);
    if (last)
        hosts_free(hosts);
}

unsigned hosts_find(const struct hosts *hosts, struct name_key key, struct address *address,
                    unsigned max) {
    const struct name_node *node = name_table_find(&hosts->names, key);
    if (!node)
        return 0;
    unsigned count = 0;
    const struct host_address *entry = CONTAINER_OF(node, struct host_name, node)->first;
    for (; entry && count < max; entry = entry->next)
        address[count++] = entry->address;
    return count;
}

size_t hosts_name_count(const struct hosts *hosts) {
    return hosts->names.count;
}
