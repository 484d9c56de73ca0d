/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_probe.c: of a name with several addresses, which ones answer. "localhost" is two on most machines and
 * servers listen on one of them: connections that take addresses in turns would fail half of the time, and what is
 * measured would be that. One attempt at each, all at once, before the run; the caller's thread.
 *
 * Rejected: trying the next address in the worker, as fetching does: every connection without keep-alive would pay
 * for the dead one, and the figures show it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "engine_load.h"
#include "net/socket.h"

enum { PROBE_MS = 1000, PROBES_MAX = 32 };

struct probe {
    unsigned count;
    bool well[PROBES_MAX];
    struct pollfd fd[PROBES_MAX + 1]; /* the last: somebody stops it */
};

static void begin(struct probe *probe, unsigned index, const struct address *address,
                  const char *interface) {
    struct socket_options options = {.family = address->any.sa_family, .interface = interface};
    int fd = socket_open(&options);
    probe->fd[index] = (struct pollfd){.fd = fd, .events = POLLOUT};
    if (fd < 0)
        return;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    bool done = connect(fd, &address->any, address_len(address)) == 0;
    probe->well[index] = done;
    if (!done && errno == EINPROGRESS)
        return;
    socket_close(fd);
    probe->fd[index].fd = -1; /* poll passes over it */
}

static void end(struct probe *probe, unsigned index) {
    int error = 0;
    socklen_t length = sizeof error;
    int fd = probe->fd[index].fd;
    bool known = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0;
    probe->well[index] = known && error == 0;
    socket_close(fd);
    probe->fd[index].fd = -1;
}

static bool is_waiting(const struct probe *probe) {
    for (unsigned i = 0; i < probe->count; i++)
        if (probe->fd[i].fd >= 0)
            return true;
    return false;
}

static void wait_for_all(const struct rf_load *load, struct probe *probe) {
    uint64_t end_ns = clock_now_ns() + PROBE_MS * NS_PER_MS, now;
    while (is_waiting(probe) && !atomic_load(&load->stop) && (now = clock_now_ns()) < end_ns) {
        if (poll(probe->fd, probe->count + 1, (int)((end_ns - now) / NS_PER_MS) + 1) <= 0)
            continue;
        for (unsigned i = 0; i < probe->count; i++)
            if (probe->fd[i].fd >= 0 && probe->fd[i].revents)
                end(probe, i);
    }
    for (unsigned i = 0; i < probe->count; i++)
        if (probe->fd[i].fd >= 0)
            socket_close(probe->fd[i].fd);
}

/* Those that answered come first; if none did, connecting will say why. Returns how many to use. */
static unsigned keep_well(struct plan_target *target, const struct probe *probe) {
    unsigned kept = 0;
    for (unsigned i = 0; i < probe->count; i++) {
        if (!probe->well[i])
            continue;
        struct address well = target->address[i];
        target->address[i] = target->address[kept];
        target->address[kept++] = well;
    }
    return kept ? kept : target->address_count;
}

unsigned load_probe(const struct rf_load *load, struct plan_target *target) {
    struct probe probe = {.count = target->address_count};
    if (probe.count > PROBES_MAX)
        probe.count = PROBES_MAX;
    for (unsigned i = 0; i < probe.count; i++)
        begin(&probe, i, &target->address[i], load->common.settings.interface);
    probe.fd[probe.count] = (struct pollfd){.fd = load->event_fd, .events = POLLIN};
    wait_for_all(load, &probe);
    return keep_well(target, &probe);
}
