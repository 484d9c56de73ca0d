/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output.h: where responses go. The built-in outputs and your own implement this one interface.
 *
 * An output is opened once a run. Every request then makes one *stream* at each output, all on one worker's thread:
 *
 *     prepare   before anything is asked: may skip the request or ask for the rest of a file
 *     begin     the final response's head is there (redirects and retried answers are never shown)
 *     body      a piece of the body, any number of times
 *     finish    the body is whole; make it permanent          } one of the two, if begin was
 *     discard   it will not be: forget what there is          } called and succeeded
 *     record    the request has ended, well or badly: its result, exactly once
 *
 * begin may come again after discard (a retry). Streams of different workers run at the same time: shared state
 * needs a lock. No function may block for long, except as docs say; body may return RF_OUTPUT_WAIT instead.
 */
#ifndef RINGFETCH_OUTPUT_H
#define RINGFETCH_OUTPUT_H

#include <ringfetch/ringfetch.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RF_OUTPUT_ABI 1

/* What an output answers. */
enum rf_output_answer {
    RF_OUTPUT_OK,
    RF_OUTPUT_WAIT, /* body: the bytes are taken, but send no more until rf_stream_resume.
                       finish: not done yet, call finish again after rf_stream_resume. */
    RF_OUTPUT_SKIP, /* prepare: this output has it already. begin: it does not want this body. A request that every
                       body-taking output skips in prepare is not sent, and ends well, as skipped. */
    RF_OUTPUT_FAIL, /* rf_stream.error says why */
};

/* Options that travel to every output. */
struct rf_output_options {
    const char *name; /* file name template; NULL: "{basename}" */
    enum rf_on_exist on_exist;
    bool ordered; /* stdout: bodies in input order */
    bool check;   /* csv: the columns of check runs too */
    /* Set by the engine: an output whose reader has gone calls unread(engine), from any thread, and the run ends soon
     * with RF_LOCAL_FAULT. An output that learns it in body answers RF_OUTPUT_FAIL as well. May be NULL. */
    void (*unread)(struct rf_engine *engine);
    struct rf_engine *engine;
};

/* What an output may know of the request when the head is there; borrowed for the call. */
struct rf_field {
    const char *name; /* neither is NUL-terminated */
    size_t name_bytes;
    const char *value;
    size_t value_bytes;
};
struct rf_response {
    unsigned status;
    const char *final_url;
    int64_t body_bytes; /* announced; -1: not known */
    uint64_t
        offset; /* where in the whole the body begins: above 0 only if prepare asked to resume and the
                                 server agreed */
    const char *etag; /* strong validator, or NULL; with Last-Modified: what If-Range may carry */
    const char *last_modified;
    const struct rf_field *fields;
    size_t field_count;
};

/* One request on its way to one output. The engine owns it. */
struct rf_stream {
    void *state; /* yours: state_bytes long, zeroed before prepare; 16-byte aligned */
    /* the request, unchanged for the stream's life */
    uint64_t n;
    const char *url;    /* normalised; as first asked */
    const char *name;   /* wanted file name, or NULL */
    const char *tag;    /* or NULL */
    int64_t size;       /* expected, or -1 */
    const char *sha256; /* expected, lower case, or NULL */
    /* out */
    struct rf_error error;  /* set with RF_OUTPUT_FAIL; rf_output_error makes one */
    uint64_t resume_offset; /* prepare: ask for bytes from here on ... */
    const char *
        resume_validator; /* ... if this still holds (ETag or date); memory of the output's, valid until begin */
    const char *path; /* finish: the file's path for the record; valid until release is called */
    const char *sha256_found; /* finish: for the record; valid until release is called */
    unsigned
        known_status; /* prepare, with RF_OUTPUT_SKIP in a check run: the status it had, for the record */
};

struct rf_output_ops {
    uint32_t abi;       /* RF_OUTPUT_ABI */
    const char *kind;   /* the word before the colon */
    size_t state_bytes; /* of rf_stream.state */
    bool wants_body;    /* false: only record is called */
    /* 0, RF_USAGE or RF_LOCAL_FAULT with one line in `why`. `argument` is what followed the colon, or NULL. */
    enum rf_exit (*open)(void **output, const char *argument,
                         const struct rf_output_options *options, char *why, size_t why_size);
    enum rf_output_answer (*prepare)(void *output,
                                     struct rf_stream *stream); /* may be NULL: RF_OUTPUT_OK */
    enum rf_output_answer (*begin)(void *output, struct rf_stream *stream,
                                   const struct rf_response *response);
    enum rf_output_answer (*body)(void *output, struct rf_stream *stream, const void *bytes,
                                  size_t count);
    enum rf_output_answer (*finish)(void *output, struct rf_stream *stream);
    void (*discard)(void *output, struct rf_stream *stream);
    /* Called for every request, also one that never had a response. May wait for whoever reads the records: a run is no faster
     * than they are. May be NULL: where no output has one, most results are never put together. */
    void (*record)(void *output, struct rf_stream *stream, const struct rf_result *result);
    /* Called last, if anything was called for this stream: what its state points to is freed. The state itself is gone after it.
     * May be NULL. */
    void (*release)(void *output, struct rf_stream *stream);
    /* Writes out what is buffered, without closing; called when the engine falls idle. May be NULL. */
    void (*flush)(void *output);
    /* Flushes and frees. RF_LOCAL_FAULT with a line in `why` when something could not be written in the run. */
    enum rf_exit (*close)(void *output, char *why, size_t why_size);
};

/* After RF_OUTPUT_WAIT from body or finish: go on. Any thread, any time until record or release is called. */
void rf_stream_resume(struct rf_stream *stream);

/* An error of stage "output": "disk-full", "not-permitted", "exists", ... as the errno says. */
struct rf_error rf_output_error(int error_number);

#ifdef __cplusplus
}
#endif
#endif
