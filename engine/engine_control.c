/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_control.c: silence has two ends. Before a check asks failures again it makes sure that this machine's own network works: by connecting
 * to peers that have answered in this run. While none of them does, asking would prove nothing against anybody, so the pass waits; if that
 * lasts, the failures are recorded as not confirmed.
 *
 * The feeder's thread, which may block, with sockets of its own: the workers have nothing to do meanwhile. control_note is theirs.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine.h"

enum { ANSWER_MS = 2000, PAUSE_MS = 500, PATIENCE_S = 30 };

void control_note(struct rf_engine *engine, const struct address *peer) {
    struct control *control = &engine->control;
    if (peer->any.sa_family != AF_INET && peer->any.sa_family != AF_INET6)
        return;
    pthread_mutex_lock(&control->lock);
    control->peer[control->noted++ % CONTROL_PEERS] = *peer;
    pthread_mutex_unlock(&control->lock);
}

/* A socket on its way to the peer. -1: there is no way to it. *answered: it has said something at once. */
static int begin(const struct address *peer, bool *answered) {
    int fd = socket(peer->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = connect(fd, &peer->any, address_len(peer));
    *answered |= result == 0 || errno == ECONNREFUSED;
    if (result == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

/* A connection, or a refusal: either has come over the network. */
static bool has_answered(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return false;
    return error == 0 || error == ECONNREFUSED || error == ECONNRESET;
}

static bool any_answers(const struct address *peers, unsigned count) {
    struct pollfd waits[CONTROL_PEERS];
    bool answered = false;
    for (unsigned i = 0; i < count; i++)
        waits[i] = (struct pollfd){.fd = begin(&peers[i], &answered), .events = POLLOUT};
    uint64_t now, end = clock_now_ns() + ANSWER_MS * NS_PER_MS;
    for (unsigned left = count; left && !answered && (now = clock_now_ns()) < end;) {
        if (poll(waits, count, (int)((end - now) / NS_PER_MS) + 1) <= 0)
            break;
        left = 0;
        for (unsigned i = 0; i < count; i++) {
            bool done = waits[i].fd >= 0 && waits[i].revents;
            answered |= done && has_answered(waits[i].fd);
            if (done) {
                close(waits[i].fd);
                waits[i].fd = -1;
            }
            left += waits[i].fd >= 0;
        }
    }
    for (unsigned i = 0; i < count; i++)
        if (waits[i].fd >= 0)
            close(waits[i].fd);
    return answered;
}

/* With a socket, a device or an address that the user chose, plain sockets would try another way than the requests. */
static bool can_tell(const struct rf_engine *engine, unsigned count) {
    return count && !engine->settings.unix_socket && !engine->settings.interface;
}

bool control_passes(struct rf_engine *engine) {
    struct control *control = &engine->control;
    struct address peers[CONTROL_PEERS];
    pthread_mutex_lock(&control->lock);
    unsigned count = control->noted < CONTROL_PEERS ? control->noted : CONTROL_PEERS;
    memcpy(peers, control->peer, sizeof peers);
    pthread_mutex_unlock(&control->lock);
    uint64_t end = clock_now_ns() + PATIENCE_S * NS_PER_S;
    while (can_tell(engine, count) && !any_answers(peers, count)) {
        if (clock_now_ns() >= end || atomic_load(&engine->stop))
            return false;
        poll(NULL, 0, PAUSE_MS);
    }
    return true;
}
