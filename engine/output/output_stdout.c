/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_stdout.c: whole bodies on standard output, one after another. A body of up to 256 KiB is held until it is whole, so one
 * that fails half-way leaves no trace. A larger one is written through while it comes, if it is its turn: with --ordered
 * when all before it have ended, else when nobody else is writing through. Whoever has to wait for that is held in memory and
 * then on disk, never stopped, so that no two can wait for each other. A writer's thread does the writing; when it falls
 * behind, those who feed it are told to wait.
 *
 * When a body that was written through in part is tried again, the bytes already out are left out of the new one, provided that the
 * validators are the same; otherwise the request fails.
 *
 * Rejected: holding every body until it is whole. `ringfetch get --output stdout URL | tar x` would need the disk twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "output/output.h"
#include "output/output_verify.h"
#include "output/spill.h"
#include "output/turns.h"

enum {
    HOLD_BYTES_MAX = 256 << 10,     /* of one body in memory */
    HOLD_ALL_BYTES_MAX = 128 << 20, /* of all together; beyond it even small ones go to disk */
};

struct out {
    pthread_mutex_t lock; /* before the writer's and the spill's */
    pthread_cond_t resumed;
    bool ordered;
    struct rf_stream *owner;    /* not ordered: who is writing through */
    struct link whole;          /* not ordered: struct parcel that wait for the owner to end */
    struct turns turns;         /* ordered: struct parcel or &nothing */
    struct link waiting;        /* struct out_stream.waiting of those who were told to wait */
    struct rf_stream *resuming; /* is being called by the writer's thread */
    struct spill spill;
    struct writer *writer;
    struct output_fault fault;
};

/* A body that is whole and waits for its turn; outlives its stream. */
struct parcel {
    struct link link;
    struct spill_body body;
};

static struct parcel nothing; /* stands for "ended without a body" */

struct out_stream {
    struct link waiting;
    struct rf_stream *stream;
    struct spill_body body;
    struct verify verify;
    uint64_t expected;  /* announced length, 0: not known */
    uint64_t out_bytes; /* written through, in all attempts together */
    uint64_t skip;      /* of those, still to be left out of this attempt */
    uint64_t validator; /* a hash of what was written through's; 0: it had none */
    bool ready;         /* the links are initialised */
    bool ended;         /* the body is whole and handed over */
};

static struct out_stream *state_of(struct rf_stream *stream) {
    struct out_stream *own = stream->state;
    if (!own->ready) {
        list_init(&own->waiting);
        spill_body_init(&own->body);
        own->stream = stream;
        own->ready = true;
    }
    return own;
}

/* ---- open and close ----------------------------------------------------------------------------------- */

/* The queue has emptied: those who waited may go on. A stream lives until record, which waits for `resuming`; so the lock need
 * not be held during the call into the engine. */
static void resume_all(void *context) {
    struct out *out = context;
    struct link *link;
    pthread_mutex_lock(&out->lock);
    while ((link = list_pop_front(&out->waiting))) {
        out->resuming = LIST_ENTRY(link, struct out_stream, waiting)->stream;
        pthread_mutex_unlock(&out->lock);
        rf_stream_resume(out->resuming);
        pthread_mutex_lock(&out->lock);
        out->resuming = NULL;
        pthread_cond_broadcast(&out->resumed);
    }
    pthread_mutex_unlock(&out->lock);
}

static void out_free(struct out *out) {
    turns_deinit(&out->turns);
    spill_deinit(&out->spill);
    output_fault_deinit(&out->fault);
    pthread_cond_destroy(&out->resumed);
    pthread_mutex_destroy(&out->lock);
    free(out);
}

static enum rf_exit stdout_open(void **output, const char *argument,
                                const struct rf_output_options *options, char *why,
                                size_t why_size) {
    if (argument && *argument) {
        snprintf(why, why_size, "stdout takes no argument: stdout:%s", argument);
        return RF_USAGE;
    }
    struct out *out = calloc(1, sizeof *out);
    CHECK(out);
    pthread_mutex_init(&out->lock, NULL);
    pthread_cond_init(&out->resumed, NULL);
    out->ordered = options && options->ordered;
    list_init(&out->whole);
    list_init(&out->waiting);
    turns_init(&out->turns);
    spill_init(&out->spill);
    output_fault_init(&out->fault);
    output_fault_tell(&out->fault, options);
    out->writer = writer_open(STDOUT_FILENO, "standard output", &out->fault, resume_all, out);
    if (!out->writer) {
        out_free(out);
        snprintf(why, why_size, "standard output: no thread to write it");
        return RF_LOCAL_FAULT;
    }
    *output = out;
    return RF_OK;
}

/* ---- whose turn it is; all with the lock held ---------------------------------------------------------- */

/* Queues all there is of a body. True: the queue is full. */
static bool send_body(struct out *out, struct spill_body *body) {
    bool above = false;
    struct piece *piece;
    while ((piece = spill_take(body)))
        above = writer_put(out->writer, piece);
    return above;
}

static bool send_parcel(struct out *out, struct parcel *parcel) {
    if (parcel == &nothing)
        return false;
    bool above = send_body(out, &parcel->body);
    free(parcel);
    return above;
}

static struct parcel *parcel_of(struct spill_body *body) {
    struct parcel *parcel = malloc(sizeof *parcel);
    struct link *link;
    CHECK(parcel);
    list_init(&parcel->link);
    spill_body_init(&parcel->body);
    while ((link = list_pop_front(&body->pieces)))
        list_push_back(&parcel->body.pieces, link);
    body->held_bytes = 0;
    return parcel;
}

/* Sends what has waited for the turn that just ended. */
static bool send_next(struct out *out) {
    bool above = false;
    struct parcel *parcel;
    struct link *link;
    if (out->ordered)
        while ((parcel = turns_take(&out->turns)))
            above |= send_parcel(out, parcel);
    else if (!out->owner)
        while ((link = list_pop_front(&out->whole)))
            above |= send_parcel(out, LIST_ENTRY(link, struct parcel, link));
    return above;
}

static bool has_turn(const struct out *out, const struct rf_stream *stream) {
    if (out->ordered)
        return stream->n == out->turns.next;
    return !out->owner || out->owner == stream;
}

/* The body is whole: it goes out, now or when its turn comes. */
static bool hand_over(struct out *out, struct rf_stream *stream) {
    struct out_stream *own = stream->state;
    bool above = false;
    own->ended = true;
    if (out->ordered) {
        struct parcel *parcel = parcel_of(&own->body);
        if (!turns_end(&out->turns, stream->n, parcel))
            above = send_parcel(out, parcel); /* a number twice: late is better than never */
    } else if (has_turn(out, stream)) {
        out->owner = NULL;
        above = send_body(out, &own->body);
    } else {
        list_push_back(&out->whole, &parcel_of(&own->body)->link);
    }
    return send_next(out) || above;
}

static enum rf_output_answer wait_if(struct out *out, struct out_stream *own, bool above) {
    if (!above)
        return RF_OUTPUT_OK;
    if (!link_is_linked(&own->waiting))
        list_push_back(&out->waiting, &own->waiting);
    return RF_OUTPUT_WAIT;
}

/* ---- one stream --------------------------------------------------------------------------------------- */

static enum rf_output_answer fail(struct rf_stream *stream, struct err err) {
    stream->error = output_error(err);
    return RF_OUTPUT_FAIL;
}

static uint64_t hash_of_validators(const struct rf_response *response) {
    const char *text = response->etag ? response->etag : response->last_modified;
    return text ? hash_bytes(text, strlen(text)) | 1 : 0;
}

static enum rf_output_answer stdout_begin(void *output, struct rf_stream *stream,
                                          const struct rf_response *response) {
    (void)output;
    struct out_stream *own = state_of(stream);
    uint64_t validator = hash_of_validators(response);
    if (response->offset)
        return fail(stream, err_make(STAGE_BODY, ERR_BAD_RANGE, 0));
    if (own->out_bytes && (!validator || validator != own->validator))
        return fail(stream, err_make(STAGE_OUTPUT, ERR_NOT_WRITTEN, 0));
    own->validator = validator;
    own->skip = own->out_bytes;
    own->expected = response->body_bytes > 0 ? (uint64_t)response->body_bytes : 0;
    verify_begin(&own->verify, stream, false, 0);
    return RF_OUTPUT_OK;
}

/* Keeps a body that has to wait: in memory as long as it is small, else on disk. */
static enum rf_output_answer hold(struct out *out, struct rf_stream *stream) {
    struct out_stream *own = stream->state;
    size_t all = atomic_load_explicit(&out->spill.held_bytes, memory_order_relaxed);
    if (own->body.held_bytes <= HOLD_BYTES_MAX && all <= HOLD_ALL_BYTES_MAX)
        return RF_OUTPUT_OK;
    int fault = spill_to_file(&out->spill, &own->body);
    if (!fault)
        return RF_OUTPUT_OK;
    output_fault_note(&out->fault, output_errno(fault), "temporary file for standard output");
    return fail(stream, output_errno(fault));
}

/* Sends what there is if this body is one to be written through and it is its turn. */
static bool send_through(struct out *out, struct rf_stream *stream, enum rf_output_answer *answer) {
    struct out_stream *own = stream->state;
    if (!own->out_bytes && own->verify.received <= HOLD_BYTES_MAX)
        return false;
    pthread_mutex_lock(&out->lock);
    bool through = has_turn(out, stream);
    if (through) {
        out->owner = out->ordered ? NULL : stream;
        own->out_bytes =
            own->verify.received > own->out_bytes ? own->verify.received : own->out_bytes;
        *answer = wait_if(out, own, send_body(out, &own->body));
    }
    pthread_mutex_unlock(&out->lock);
    return through;
}

static enum rf_output_answer stdout_body(void *output, struct rf_stream *stream, const void *bytes,
                                         size_t count) {
    struct out *out = output;
    struct out_stream *own = stream->state;
    enum rf_output_answer answer;
    struct err err = writer_failure(out->writer);
    if (!err_is(err))
        err = verify_body(&own->verify, stream, bytes, count);
    if (err_is(err))
        return fail(stream, err);
    size_t skip = own->skip < count ? (size_t)own->skip : count;
    own->skip -= skip;
    if (skip < count)
        spill_append(&out->spill, &own->body, (const char *)bytes + skip, count - skip,
                     own->expected);
    return send_through(out, stream, &answer) ? answer : hold(out, stream);
}

static enum rf_output_answer stdout_finish(void *output, struct rf_stream *stream) {
    struct out *out = output;
    struct out_stream *own = stream->state;
    if (own->ended) /* once more, after a wait */
        return RF_OUTPUT_OK;
    struct err err = writer_failure(out->writer);
    if (!err_is(err))
        err = verify_finish(&own->verify, stream);
    if (!err_is(err) && own->skip)
        err = err_make(STAGE_BODY, ERR_SIZE_MISMATCH, 0);
    if (err_is(err)) {
        spill_drop(&own->body);
        return fail(stream, err);
    }
    pthread_mutex_lock(&out->lock);
    enum rf_output_answer answer = wait_if(out, own, hand_over(out, stream));
    pthread_mutex_unlock(&out->lock);
    return answer;
}

/* The turn, if it has it, stays with the stream until record: part of its body may be out, and a retry goes on there. */
static void stdout_discard(void *output, struct rf_stream *stream) {
    struct out *out = output;
    struct out_stream *own = stream->state;
    spill_drop(&own->body);
    pthread_mutex_lock(&out->lock);
    list_remove(&own->waiting);
    pthread_mutex_unlock(&out->lock);
}

static void stdout_record(void *output, struct rf_stream *stream, const struct rf_result *result) {
    struct out *out = output;
    struct out_stream *own = state_of(stream);
    (void)result;
    pthread_mutex_lock(&out->lock);
    list_remove(&own->waiting);
    if (out->ordered)
        turns_end(&out->turns, stream->n, &nothing);
    else if (out->owner == stream)
        out->owner = NULL;
    send_next(out);
    while (out->resuming == stream)
        pthread_cond_wait(&out->resumed, &out->lock);
    pthread_mutex_unlock(&out->lock);
    spill_drop(&own->body);
    verify_end(&own->verify);
}

static enum rf_exit stdout_close(void *output, char *why, size_t why_size) {
    struct out *out = output;
    struct parcel *parcel;
    pthread_mutex_lock(&out->lock);
    out->owner = NULL;
    send_next(out);
    while ((parcel = turns_take_rest(&out->turns)))
        send_parcel(out, parcel);
    pthread_mutex_unlock(&out->lock);
    writer_close(out->writer);
    enum rf_exit end = output_fault_report(&out->fault, why, why_size);
    out_free(out);
    return end;
}

const struct rf_output_ops output_stdout = {
    .abi = RF_OUTPUT_ABI,
    .kind = "stdout",
    .state_bytes = sizeof(struct out_stream),
    .wants_body = true,
    .open = stdout_open,
    .begin = stdout_begin,
    .body = stdout_body,
    .finish = stdout_finish,
    .discard = stdout_discard,
    .record = stdout_record,
    .close = stdout_close,
};
