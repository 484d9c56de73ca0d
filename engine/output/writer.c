/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/writer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { COPY_BYTES = 65536 };

struct writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* something was queued; something was written */
    struct link queue;
    size_t queued_bytes; /* the piece that is being written included */
    bool above;          /* it has been above the high mark and not below the low one since */
    bool closing;
    struct err failure;
    int fd;
    const char *what;
    struct output_fault *fault;
    writer_drained_fn *drained;
    void *context;
};

/* Somebody else may have made a shared terminal or pipe non-blocking: then wait for it. */
static bool may_go_on(int fd) {
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    poll(&ready, 1, -1);
    return true;
}

static int write_bytes(int fd, const char *bytes, size_t count) {
    while (count) {
        ssize_t wrote = write(fd, bytes, count);
        if (wrote < 0) {
            if (!may_go_on(fd))
                return errno;
            continue;
        }
        bytes += wrote;
        count -= (size_t)wrote;
    }
    return 0;
}

static int write_piece(int fd, const struct piece *piece) {
    char bytes[COPY_BYTES];
    if (piece->bytes)
        return write_bytes(fd, piece->bytes, piece->count);
    for (size_t done = 0; done < piece->count;) {
        size_t want = piece->count - done < sizeof bytes ? piece->count - done : sizeof bytes;
        ssize_t count = pread(piece->fd, bytes, want, (off_t)(piece->at + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count ? errno : EIO;
        int fault = write_bytes(fd, bytes, (size_t)count);
        if (fault)
            return fault;
        done += (size_t)count;
    }
    return 0;
}

/* Called with the lock held; lets go of it for a while. */
static void write_next(struct writer *writer) {
    struct piece *piece = LIST_ENTRY(list_pop_front(&writer->queue), struct piece, link);
    size_t count = piece->count;
    bool failed = err_is(writer->failure);
    pthread_mutex_unlock(&writer->lock);
    int fault = failed ? 0 : write_piece(writer->fd, piece);
    piece->release(piece);
    if (fault)
        output_fault_note(writer->fault, output_errno(fault), writer->what);
    pthread_mutex_lock(&writer->lock);
    if (fault)
        writer->failure = output_errno(fault);
    writer->queued_bytes -= count;
    pthread_cond_broadcast(&writer->less);
    if (!writer->above || writer->queued_bytes > WRITER_LOW_BYTES)
        return;
    writer->above = false;
    pthread_mutex_unlock(&writer->lock);
    if (writer->drained)
        writer->drained(writer->context);
    pthread_mutex_lock(&writer->lock);
}

static void *writer_main(void *argument) {
    struct writer *writer = argument;
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        if (!list_is_empty(&writer->queue))
            write_next(writer);
        else if (writer->closing)
            break;
        else
            pthread_cond_wait(&writer->more, &writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* Signals are the main thread's business. */
static int start_thread(struct writer *writer) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int fault = pthread_create(&writer->thread, NULL, writer_main, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fault;
}

static void writer_free(struct writer *writer) {
    pthread_cond_destroy(&writer->more);
    pthread_cond_destroy(&writer->less);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

struct writer *writer_open(int fd, const char *what, struct output_fault *fault,
                           writer_drained_fn *drained, void *context) {
    struct writer *writer = calloc(1, sizeof *writer);
    CHECK(writer);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->more, NULL);
    pthread_cond_init(&writer->less, NULL);
    list_init(&writer->queue);
    writer->fd = fd;
    writer->what = what;
    writer->fault = fault;
    writer->drained = drained;
    writer->context = context;
    if (!start_thread(writer))
        return writer;
    writer_free(writer);
    return NULL;
}

bool writer_put(struct writer *writer, struct piece *piece) {
    pthread_mutex_lock(&writer->lock);
    list_push_back(&writer->queue, &piece->link);
    writer->queued_bytes += piece->count;
    if (writer->queued_bytes > WRITER_HIGH_BYTES)
        writer->above = true;
    bool above = writer->above;
    pthread_cond_signal(&writer->more);
    pthread_mutex_unlock(&writer->lock);
    return above;
}

static void release_bytes(struct piece *piece) {
    free(piece->bytes);
    free(piece);
}

bool writer_put_bytes(struct writer *writer, char *bytes, size_t count) {
    struct piece *piece = malloc(sizeof *piece);
    CHECK(piece);
    *piece = (struct piece){.bytes = bytes, .count = count, .fd = -1, .release = release_bytes};
    return writer_put(writer, piece);
}

void writer_wait(struct writer *writer) {
    pthread_mutex_lock(&writer->lock);
    while (writer->queued_bytes > WRITER_HIGH_BYTES)
        pthread_cond_wait(&writer->less, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
}

struct err writer_failure(struct writer *writer) {
    pthread_mutex_lock(&writer->lock);
    struct err failure = writer->failure;
    pthread_mutex_unlock(&writer->lock);
    return failure;
}

void writer_close(struct writer *writer) {
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    pthread_cond_signal(&writer->more);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    if (writer->fd != STDOUT_FILENO && close(writer->fd) && errno != EINTR)
        output_fault_note(writer->fault, output_errno(errno), writer->what);
    writer_free(writer);
}
