/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tiny_server.c: see tiny_server.h.
 */
#include "tiny_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

enum { CONNECTIONS_MAX = 1024, REQUEST_BYTES = 8192, URLS = 64 };

static struct {
    pthread_t thread;
    int listener[TINY_HOSTS], stop[2];
    unsigned port;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int connection[CONNECTIONS_MAX];
    unsigned connections, live, asked, hanging;
    bool released;
} tiny = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void send_all(int fd, const char *bytes, size_t count) {
    while (count) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        count -= (size_t)sent;
    }
}

static void send_head(int fd, unsigned status, const char *field, size_t length) {
    char head[768];
    int len = snprintf(head, sizeof head, "HTTP/1.1 %u Such\r\n%sContent-Length: %zu\r\n\r\n",
                       status, field, length);
    send_all(fd, head, (size_t)len);
}

static void hang(void) {
    pthread_mutex_lock(&tiny.lock);
    tiny.hanging++;
    pthread_cond_broadcast(&tiny.changed);
    while (!tiny.released)
        pthread_cond_wait(&tiny.changed, &tiny.lock);
    tiny.hanging--;
    pthread_mutex_unlock(&tiny.lock);
}

static void answer_bytes(int fd, size_t count) {
    char *body = malloc(count + 1);
    CHECK(body);
    memset(body, 'x', count);
    send_head(fd, 200, "", count);
    send_all(fd, body, count);
    free(body);
}

/* False: the connection is to be closed. */
static bool answer(int fd, const char *method, const char *path) {
    char field[600];
    if (strncmp(path, "/bytes/", 7) == 0) {
        answer_bytes(fd, strtoul(path + 7, NULL, 10));
    } else if (strcmp(path, "/method") == 0) {
        send_head(fd, 200, "", strlen(method));
        send_all(fd, method, strlen(method));
    } else if (strncmp(path, "/status/", 8) == 0) {
        send_head(fd, (unsigned)strtoul(path + 8, NULL, 10), "", 0);
    } else if (strncmp(path, "/to/", 4) == 0) {
        snprintf(field, sizeof field, "Location: %s\r\n", path + 3);
        send_head(fd, 302, field, 0);
    } else if (strncmp(path, "/over/", 6) == 0) {
        snprintf(field, sizeof field, "Location: http://127.0.0.%c:%u%s\r\n", path[6], tiny.port,
                 path + 7);
        send_head(fd, 307, field, 0);
    } else if (strcmp(path, "/hang") == 0) {
        hang();
        answer_bytes(fd, 4);
    } else if (strcmp(path, "/half") == 0) {
        send_head(fd, 200, "", 8);
        send_all(fd, "half", 4);
        hang();
        send_all(fd, "full", 4);
    } else {
        return false;
    }
    return true;
}

static void count_request(void) {
    pthread_mutex_lock(&tiny.lock);
    tiny.asked++;
    pthread_mutex_unlock(&tiny.lock);
}

/* Bodies of requests are few and small here: they must have come with the head. */
static void serve(int fd) {
    char request[REQUEST_BYTES + 1], method[32], path[512];
    size_t have = 0;
    for (;;) {
        request[have] = 0;
        char *end = strstr(request, "\r\n\r\n");
        if (!end) {
            ssize_t got = recv(fd, request + have, REQUEST_BYTES - have, 0);
            if (got <= 0)
                return;
            have += (size_t)got;
            continue;
        }
        if (sscanf(request, "%31s %511s", method, path) != 2)
            return;
        const char *length = strcasestr(request, "\r\nContent-Length:");
        size_t used = (size_t)(end + 4 - request);
        if (length && length < end)
            used += strtoul(length + 17, NULL, 10);
        CHECK(used <= REQUEST_BYTES);
        while (have < used) {
            ssize_t got = recv(fd, request + have, used - have, 0);
            if (got <= 0)
                return;
            have += (size_t)got;
        }
        count_request();
        if (!answer(fd, method, path))
            return;
        have -= used;
        memmove(request, request + used, have);
    }
}

static void *connection_main(void *context) {
    unsigned place = (unsigned)(uintptr_t)context;
    serve(tiny.connection[place]);
    pthread_mutex_lock(&tiny.lock);
    close(tiny.connection[place]);
    tiny.connection[place] = -1;
    tiny.live--;
    pthread_cond_broadcast(&tiny.changed);
    pthread_mutex_unlock(&tiny.lock);
    return NULL;
}

static void accept_one(int listener) {
    pthread_t thread;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pthread_mutex_lock(&tiny.lock);
    unsigned place = 0;
    while (place < tiny.connections && tiny.connection[place] >= 0)
        place++;
    CHECK(place < CONNECTIONS_MAX);
    tiny.connection[place] = fd;
    tiny.connections += place == tiny.connections;
    tiny.live++;
    CHECK(pthread_create(&thread, NULL, connection_main, (void *)(uintptr_t)place) == 0);
    pthread_detach(thread);
    pthread_mutex_unlock(&tiny.lock);
}

static void *accept_main(void *context) {
    struct pollfd fds[TINY_HOSTS + 1];
    (void)context;
    for (unsigned i = 0; i < TINY_HOSTS; i++)
        fds[i] = (struct pollfd){.fd = tiny.listener[i], .events = POLLIN};
    fds[TINY_HOSTS] = (struct pollfd){.fd = tiny.stop[0], .events = POLLIN};
    while (!fds[TINY_HOSTS].revents) {
        poll(fds, TINY_HOSTS + 1, -1);
        for (unsigned i = 0; i < TINY_HOSTS; i++)
            if (fds[i].revents)
                accept_one(tiny.listener[i]);
    }
    return NULL;
}

static bool listen_at(unsigned host) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)tiny.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    tiny.listener[host] = fd;
    if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 512))
        return false;
    getsockname(fd, (struct sockaddr *)&address, &len);
    tiny.port = ntohs(address.sin_port);
    return true;
}

/* A port that is free at the first address may be taken at another. */
void tiny_open(void) {
    unsigned open = 0;
    tiny.released = false;
    tiny.asked = tiny.hanging = tiny.connections = 0;
    for (int tries = 0; open < TINY_HOSTS && tries < 50; tries++) {
        tiny.port = 0;
        for (open = 0; open < TINY_HOSTS && listen_at(open); open++)
            continue;
        for (unsigned i = 0; open < TINY_HOSTS && i <= open; i++)
            close(tiny.listener[i]);
    }
    CHECK(open == TINY_HOSTS);
    CHECK(pipe(tiny.stop) == 0);
    CHECK(pthread_create(&tiny.thread, NULL, accept_main, NULL) == 0);
}

void tiny_close(void) {
    tiny_release();
    close(tiny.stop[1]);
    pthread_join(tiny.thread, NULL);
    close(tiny.stop[0]);
    for (unsigned i = 0; i < TINY_HOSTS; i++)
        close(tiny.listener[i]);
    pthread_mutex_lock(&tiny.lock);
    for (unsigned i = 0; i < tiny.connections; i++)
        if (tiny.connection[i] >= 0)
            shutdown(tiny.connection[i], SHUT_RDWR);
    while (tiny.live)
        pthread_cond_wait(&tiny.changed, &tiny.lock);
    pthread_mutex_unlock(&tiny.lock);
}

unsigned tiny_port(void) {
    return tiny.port;
}

const char *tiny_url(unsigned host, const char *path) {
    static _Thread_local char urls[URLS][128];
    static _Thread_local unsigned next;
    char *url = urls[next++ % URLS];
    snprintf(url, sizeof urls[0], "http://127.0.0.%u:%u%s", host, tiny.port, path);
    return url;
}

void tiny_wait_hanging(unsigned count) {
    pthread_mutex_lock(&tiny.lock);
    while (tiny.hanging < count)
        pthread_cond_wait(&tiny.changed, &tiny.lock);
    pthread_mutex_unlock(&tiny.lock);
}

void tiny_release(void) {
    pthread_mutex_lock(&tiny.lock);
    tiny.released = true;
    pthread_cond_broadcast(&tiny.changed);
    pthread_mutex_unlock(&tiny.lock);
}

unsigned tiny_asked(void) {
    pthread_mutex_lock(&tiny.lock);
    unsigned asked = tiny.asked;
    pthread_mutex_unlock(&tiny.lock);
    return asked;
}
