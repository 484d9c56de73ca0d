/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * floor_connect.c: how soon so many requests can be on their way at all, by the plainest means: a socket, a connect and a send
 * for each, one after the other, with nothing else in between.
 *
 *     floor_connect PORT COUNT PATH    hosts as floor_host (floor.h) counts them
 *
 * Prints the seconds until the last one was sent, and ends when that one is answered.
 */
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

enum { SPARE_DESCRIPTORS = 16 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void allow_descriptors(unsigned count) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < count + SPARE_DESCRIPTORS || setrlimit(RLIMIT_NOFILE, &limit) < 0)
        floor_die(0, "RLIMIT_NOFILE is too low for %u", count);
}

static int ask(struct sockaddr_in server, const char *request, size_t bytes) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0 ||
        send(fd, request, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        floor_die(errno, "a request");
    return fd;
}

int main(int argc, char **argv) {
    char request[256], answer[1024];
    if (argc != 4)
        floor_die(0, "usage: floor_connect PORT COUNT PATH");
    in_port_t port = htons((uint16_t)floor_number(argv[1]));
    unsigned count = floor_number(argv[2]);
    int bytes =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", argv[3]);
    int last = -1;
    if (bytes >= (int)sizeof request)
        floor_die(0, "a shorter path");
    allow_descriptors(count);
    double began = now();
    for (unsigned i = 0; i < count; i++)
        last = ask(floor_host(i, port), request, (size_t)bytes);
    printf("%.3f\n", now() - began);
    if (read(last, answer, sizeof answer) <= 0)
        floor_die(errno, "no answer");
    return 0;
}
