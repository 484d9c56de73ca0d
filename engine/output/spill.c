/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 65536, PIECE_FIRST_BYTES = 4096 };

struct spill_piece {
    struct piece piece;
    size_t size; /* of piece.bytes */
};

void spill_init(struct spill *spill) {
    pthread_mutex_init(&spill->lock, NULL);
    spill->fd = -1;
    spill->end = 0;
    spill->pieces = 0;
    atomic_init(&spill->held_bytes, 0);
}

void spill_deinit(struct spill *spill) {
    if (spill->fd >= 0)
        close(spill->fd);
    pthread_mutex_destroy(&spill->lock);
}

static int open_spill(void) {
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char name[4096]; /* a file system without O_TMPFILE */
    snprintf(name, sizeof name, "%s/ringfetch-XXXXXX", dir);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

void spill_body_init(struct spill_body *body) {
    list_init(&body->pieces);
    body->held_bytes = 0;
}

/* Gives the room back. The file is cut when it is empty, and punched elsewhere: then a slow reader costs disk only for what
 * really waits. */
static void leave_file(struct spill *spill, const struct piece *piece) {
    pthread_mutex_lock(&spill->lock);
    if (--spill->pieces == 0) {
        if (!ftruncate(spill->fd, 0))
            spill->end = 0;
    } else {
        fallocate(spill->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)piece->at,
                  (off_t)piece->count);
    }
    pthread_mutex_unlock(&spill->lock);
}

static void release(struct piece *piece) {
    struct spill *spill = piece->owner;
    if (piece->bytes)
        atomic_fetch_sub_explicit(&spill->held_bytes, piece->count, memory_order_relaxed);
    else
        leave_file(spill, piece);
    free(piece->bytes);
    free(CONTAINER_OF(piece, struct spill_piece, piece));
}

static struct spill_piece *piece_new(struct spill *spill, size_t size) {
    struct spill_piece *made = malloc(sizeof *made);
    char *bytes = malloc(size);
    CHECK(made && bytes);
    *made = (struct spill_piece){
        .piece = {.bytes = bytes, .fd = -1, .release = release, .owner = spill}, .size = size};
    return made;
}

/* As large as what will come, if that is known; else growing with the body. */
static size_t size_for(const struct spill_body *body, size_t count, uint64_t expected) {
    size_t size = body->held_bytes < PIECE_FIRST_BYTES ? PIECE_FIRST_BYTES : PIECE_BYTES;
    if (expected)
        size = expected < PIECE_BYTES ? (size_t)expected : PIECE_BYTES;
    return size > count ? size : count;
}

void spill_append(struct spill *spill, struct spill_body *body, const void *bytes, size_t count,
                  uint64_t expected) {
    struct link *last = list_last(&body->pieces);
    struct spill_piece *piece =
        last ? CONTAINER_OF(LIST_ENTRY(last, struct piece, link), struct spill_piece, piece) : NULL;
    if (!piece || !piece->piece.bytes || piece->size - piece->piece.count < count) {
        piece = piece_new(spill, size_for(body, count, expected));
        list_push_back(&body->pieces, &piece->piece.link);
    }
    memcpy(piece->piece.bytes + piece->piece.count, bytes, count);
    piece->piece.count += count;
    body->held_bytes += count;
    atomic_fetch_add_explicit(&spill->held_bytes, count, memory_order_relaxed);
}

static int write_at(int fd, const char *bytes, size_t count, uint64_t at) {
    while (count) {
        ssize_t wrote = pwrite(fd, bytes, count, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        bytes += wrote;
        at += (uint64_t)wrote;
        count -= (size_t)wrote;
    }
    return 0;
}

/* A place in the file for `count` bytes. */
static int reserve(struct spill *spill, size_t count, uint64_t *at) {
    pthread_mutex_lock(&spill->lock);
    if (spill->fd < 0)
        spill->fd = open_spill();
    int fault = spill->fd < 0 ? errno : 0;
    if (!fault) {
        *at = spill->end;
        spill->end += count;
        spill->pieces++;
    }
    pthread_mutex_unlock(&spill->lock);
    return fault;
}

static int piece_to_file(struct spill *spill, struct piece *piece) {
    uint64_t at;
    int fault = reserve(spill, piece->count, &at);
    if (fault)
        return fault;
    fault = write_at(spill->fd, piece->bytes, piece->count, at);
    if (fault) {
        struct piece reserved = {.at = at, .count = piece->count};
        leave_file(spill, &reserved);
        return fault;
    }
    free(piece->bytes);
    piece->bytes = NULL;
    piece->fd = spill->fd;
    piece->at = at;
    atomic_fetch_sub_explicit(&spill->held_bytes, piece->count, memory_order_relaxed);
    return 0;
}

int spill_to_file(struct spill *spill, struct spill_body *body) {
    /* What is in memory is at the end of the list: from there to the first that is not. */
    struct link *link = body->pieces.prev;
    while (link != &body->pieces && LIST_ENTRY(link, struct piece, link)->bytes)
        link = link->prev;
    for (link = link->next; link != &body->pieces; link = link->next) {
        struct piece *piece = LIST_ENTRY(link, struct piece, link);
        size_t count = piece->count;
        int fault = piece_to_file(spill, piece);
        if (fault)
            return fault;
        body->held_bytes -= count;
    }
    return 0;
}

struct piece *spill_take(struct spill_body *body) {
    struct link *link = list_pop_front(&body->pieces);
    body->held_bytes = 0; /* whoever takes one takes all */
    return link ? LIST_ENTRY(link, struct piece, link) : NULL;
}

void spill_drop(struct spill_body *body) {
    struct piece *piece;
    while ((piece = spill_take(body)))
        piece->release(piece);
}
