/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ringfetch.h: fetch many URLs from one process.
 *
 * An engine runs one worker thread per core, each on an io_uring of its own. You describe requests
 * (one by one, or as streams of input lines and URL patterns), the engine carries them out and calls
 * you back once for each, exactly once, whatever happens.
 *
 *     struct rf_settings settings;
 *     rf_settings_init(&settings);
 *     struct rf_engine *engine;
 *     if (rf_engine_open(&engine, &settings, why, sizeof why)) ...
 *     rf_submit(engine, &request, on_done, context);
 *     rf_run(engine);
 *     rf_engine_close(engine);
 *
 * Units stand at the end of a name (_ms, _bytes). Strings are UTF-8 or what the server sent, and end
 * in NUL. Unless a function says otherwise it may be called from any thread, and pointers passed to it
 * need not outlive the call.
 */
#ifndef RINGFETCH_H
#define RINGFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RF_VERSION "0.1.0"

struct rf_engine;
struct rf_output_ops; /* output.h */

/* ---- errors ---------------------------------------------------------------------------------- */

/* What went wrong with one request. Zero in every member: nothing did. */
struct rf_error {
    uint8_t stage;  /* where in the request's life; rf_error_stage() names it */
    uint8_t kind;   /* what; rf_error_kind() names it */
    int32_t detail; /* an errno, a status code or a line number, as the kind says */
};

/* The names that records use: "connect", "refused", "target". They never need freeing; each is ""
 * where there is no error. */
const char *rf_error_stage(struct rf_error error);
const char *rf_error_kind(struct rf_error error);
/* Whose fault: "target", "local", "policy" or "cancelled". */
const char *rf_error_fault(struct rf_error error);
/* A sentence for people. Writes at most `size` bytes, NUL included; returns `text`. */
char *rf_error_text(struct rf_error error, char *text, size_t size);
/* One row of the table of kinds, for documentation; false past the last. */
struct rf_error_row {
    const char *kind, *fault, *meaning;
    bool retried;
};
bool rf_error_row(size_t index, struct rf_error_row *row);

/* ---- verdicts -------------------------------------------------------------------------------- */

/* What a check run says of a URL after all its attempts. */
enum rf_verdict {
    RF_VERDICT_NONE, /* not a check run */
    RF_VERDICT_OK,
    RF_VERDICT_DEAD,    /* the target's fault, every time it was asked */
    RF_VERDICT_FLAKY,   /* answered well once and badly once */
    RF_VERDICT_BLOCKED, /* there, but not for us: 401, 403, 407, 429, 451 */
    RF_VERDICT_INCONCLUSIVE, /* this machine's fault, or a limit of the run: nothing is known of the target */
    RF_VERDICT_SKIPPED, /* nothing that can be asked: mailto:, javascript: */
    RF_VERDICTS
};
/* "ok", "dead" ...; "" for none. Never needs freeing. */
const char *rf_verdict_name(enum rf_verdict verdict);

/* ---- settings -------------------------------------------------------------------------------- */

enum rf_family { RF_FAMILY_ANY, RF_FAMILY_IPV4, RF_FAMILY_IPV6 };

/* TLS versions. */
enum rf_tls { RF_TLS_ANY, RF_TLS_1_2, RF_TLS_1_3 };

/* Which requests of a check are asked once if they are equal, and reported for every place where they stand. It costs memory for
 * each different one. */
enum rf_unique { RF_UNIQUE_LINKS /* of documents */, RF_UNIQUE_ALL, RF_UNIQUE_NONE };

/* What an output does when a file of the wanted name is there already. */
enum rf_on_exist {
    RF_EXIST_RENAME, /* take NAME.1, NAME.2 ... */
    RF_EXIST_SKIP,   /* don't fetch */
    RF_EXIST_OVERWRITE,
    RF_EXIST_FAIL,
    RF_EXIST_RESUME, /* a whole file is kept; one left unfinished is continued with Range and If-Range */
};

/* How a run behaves. All strings are copied by rf_engine_open. Zero means "off" or "none" unless said. */
struct rf_settings {
    /* the run */
    unsigned threads;          /* workers; 0: one a core, more if `concurrency` needs them */
    unsigned concurrency;      /* requests in flight in the whole run; default 256 */
    unsigned per_host;         /* of those, to one host:port; default 32 */
    double rate;               /* requests started per second */
    double per_host_rate;      /* the same, for each host:port */
    uint64_t limit_rate_bytes; /* received bytes per second, whole run */

    /* time limits */
    unsigned connect_timeout_ms; /* default 10000 */
    unsigned max_time_ms;        /* one attempt, from its start to its last byte */
    unsigned stall_time_ms;      /* no byte for so long; default 30000 */
    unsigned total_time_ms;      /* all attempts and redirects of one request together */

    /* retries */
    unsigned retries;           /* attempts after the first; default 2 */
    unsigned retry_delay_ms;    /* fixed; 0: exponential back-off from 1 s with jitter */
    unsigned retry_max_time_ms; /* no attempt begins later than this after the first */
    bool retry_all;             /* methods that are not idempotent too */

    /* requests, unless a request says otherwise */
    const char *method; /* NULL: GET, or POST where there is a body */
    const char *const
        *headers; /* "Name: value", "Name;" (empty value), "Name:" (remove ours); NULL ends */
    const void *body;
    size_t body_bytes;
    const char *user_agent; /* NULL: ringfetch/VERSION; "": none */
    const char *referer;
    const char *user;       /* "name:password" for Basic; sent to the first origin only */
    const char *range;      /* "0-499", as in Range: bytes= */
    unsigned redirects_max; /* default 10; 0 reports the redirect itself */
    bool fail_on_status;    /* 400 or more is a failure; default true */
    uint64_t filesize_max_bytes;

    /* network */
    enum rf_family family;
    const char *const *resolve;    /* "HOST:PORT:ADDR[,ADDR]"; NULL ends */
    const char *const *connect_to; /* "HOST1:PORT1:HOST2:PORT2"; NULL ends */
    const char *dns_servers;       /* "ADDR[:PORT],..."; NULL: the system's */
    double dns_rate;               /* questions a second to one DNS server */
    unsigned dns_in_flight;        /* names asked of one DNS server at once; 0: a sensible number */
    const char *interface;         /* device name or source address */
    const char *unix_socket;       /* connect to this path whatever the host */

    /* https */
    bool insecure;      /* don't verify certificates; records say so */
    const char *cacert; /* PEM file of trusted roots; NULL (both): SSL_CERT_FILE, SSL_CERT_DIR,
                                  else the system's */
    const char *capath; /* directory of PEM files of trusted roots */
    const char *cert;   /* PEM file: the client's certificate with its chain */
    const char *key;    /* PEM file of its key; NULL: in `cert` */
    enum rf_tls tls_min, tls_max; /* RF_TLS_ANY: 1.2 and 1.3 */
    const char *ciphers;          /* names separated by ':'; NULL: a sensible choice */
    const char
        *pinned_key;    /* "sha256//BASE64[;sha256//...]" or a PEM or DER file of the public key */
    bool no_resumption; /* a full handshake for every connection */

    /* checking (ringfetch check): each URL is asked with HEAD, and with GET where HEAD is refused or looks wrong;
     * what the response says is judged and bodies go to no output. `method` overrides HEAD. */
    bool check;
    unsigned
        confirms; /* passes at the end of the run in which failures are tried again; default 1. Only
                                  what was read as input, not what was submitted */
    uint64_t sniff_bytes;      /* of a GET's body, read at most; default 65536 */
    const char *const *expect; /* expectations, as `ringfetch check --expect`; NULL ends */
    bool title;                /* results have the page's title: asks with GET */
    enum rf_unique unique;

    /* input */
    bool globoff;           /* take [] {} in URLs as they stand */
    unsigned shard, shards; /* 1-based part, and of how many; 0 and 0: all */
    unsigned read_ahead;    /* input records waiting to start; 0: chosen from concurrency */

    /* for tests and for those who measure */
    unsigned idle_max;         /* idle connections kept per worker; 0: chosen from concurrency */
    unsigned idle_time_ms;     /* how long an idle connection is kept; default 15000 */
    bool ordinary_descriptors; /* don't use the ring's own descriptor table */
    bool no_bundles;           /* don't receive several buffers at once */
};

/* Fills in the defaults. */
void rf_settings_init(struct rf_settings *settings);

/* ---- one request and its result ----------------------------------------------------------------- */

/* A request. Everything is copied by rf_submit. Members left zero take the run's settings. */
struct rf_request {
    const char *url;
    const char *name; /* the file name wanted; NULL: the output's template decides */
    const char *tag;  /* yours; comes back in the result */
    const char *method;
    const char *const *headers; /* added to the settings' */
    const void *body;
    size_t body_bytes;
    int64_t size; /* the body's length if known, verified; -1: not known. rf_request_init sets -1 */
    const char *sha256;        /* 64 hex digits, verified; or NULL */
    bool keep_body;            /* the result holds the body in memory */
    const char *const *expect; /* check: added to the settings'; NULL ends. NULL: none */
};
void rf_request_init(struct rf_request *request);

struct rf_redirect {
    unsigned status;
    const char *url; /* that answered with it */
};

/* Durations of the last attempt in milliseconds, negative where the phase did not happen. */
struct rf_times {
    double queue; /* from reading the input line to starting the first attempt */
    double dns, connect, tls;
    double wait;  /* from the request's last byte sent to the response's first */
    double body;  /* from the response's first byte to its last */
    double total; /* from the start of the first attempt to the end */
};

/* The TLS of the connection that carried, or failed to carry, a request. */
struct rf_tls_facts {
    const char *version; /* "1.2", "1.3"; NULL where none was agreed on */
    const char *cipher;  /* the standard's name; NULL where none was agreed on */
    const char
        *verify;   /* "ok", "off" (insecure), or the kind of error that the certificate met; NULL
                            where none came */
    bool resumed;  /* from an earlier session; the certificate below is that session's */
    bool has_cert; /* the rest is known: also of a certificate that was refused */
    const char *subject, *issuer; /* "CN=example.org, O=Example" */
    const char *const *sans;      /* DNS names and IP addresses */
    size_t san_count;
    int64_t not_before, not_after; /* seconds since 1970 UTC */
    int days_left;                 /* whole days until not_after; negative once it has expired */
    const char *fingerprint;       /* SHA-256 of the certificate, 64 hex digits */
};

/* What became of one request. Valid until the function it was passed to returns. */
struct rf_result {
    uint64_t n;      /* number of the input record, from 1, in input order */
    uint64_t line;   /* line of the input file; 0 where there is none */
    const char *url; /* as given; final_url is normalised */
    const char *tag; /* NULL: none */
    bool ok;
    bool skipped;    /* an output had it already: nothing was asked */
    unsigned status; /* 0: no response */
    struct rf_error error;
    const char *detail; /* a sentence about the error for people; NULL where there is none */
    const char *method;
    const char *final_url; /* NULL where the URL could not be parsed */
    const struct rf_redirect *redirects;
    size_t redirect_count;
    const char *http; /* "1.0", "1.1"; NULL: no response */
    const char *ip;   /* NULL: never connected */
    uint16_t port;
    bool reused; /* on a connection that had served before */
    unsigned attempts;
    uint64_t body_bytes; /* as delivered */
    uint64_t wire_bytes; /* of the last response, head included */
    const char *content_type;
    const char *path;               /* of the file written; set by an output; NULL: none */
    const char *sha256;             /* of the body, where it was computed; set by an output */
    const struct rf_tls_facts *tls; /* NULL: none was begun */
    struct rf_times ms;
    int64_t time_us; /* when it ended, microseconds since 1970 UTC */

    /* check runs only */
    enum rf_verdict verdict;
    const char *title;  /* of the page, UTF-8; NULL: none, or not asked for */
    const char *source; /* the file or URL that `line` is of; NULL: none */
    unsigned column;    /* in that line, from 1, in bytes; 0: not known */
    bool
        own_request; /* asked with a method, fields, a body or expectations of its own, not only the run's */
    bool cached; /* `skipped` because an earlier run had found it well; status is of then */
    unsigned
        passes; /* confirm passes it went through; with any, first_... is what the first pass said */
    unsigned first_status;
    struct rf_error first_error;
    const char *change; /* as rf_on_compare said: "new", "fixed", "changed", "still"; or NULL */

    const void *body; /* where keep_body asked for it; body_bytes long */
};

typedef void rf_done_fn(void *context, const struct rf_result *result);

/* ---- the engine ------------------------------------------------------------------------------- */

/* Results of rf_engine_open and rf_run, and the command line's exit statuses. */
enum rf_exit {
    RF_OK = 0,
    RF_SOME_FAILED = 1,
    RF_USAGE = 2,       /* a setting makes no sense; `why` names it */
    RF_ENVIRONMENT = 3, /* io_uring forbidden or too old, no memory for it */
    RF_LOCAL_FAULT = 4, /* input unreadable, output can't be written, disk full */
    RF_INTERRUPTED = 130,
    RF_TERMINATED = 143,
};

/* Builds an engine: raises the descriptor limit, checks the settings and the kernel. On failure
 * *engine is NULL and `why` holds one line, cause and remedy, without a newline. */
enum rf_exit rf_engine_open(struct rf_engine **engine, const struct rf_settings *settings,
                            char *why, size_t why_size);

/* Frees everything; the engine must not be running. NULL is allowed. */
void rf_engine_close(struct rf_engine *engine);

/* Adds an output: "files:DIR", "stdout", "jsonl:FILE", "csv:FILE", "null". Before rf_run. Options that
 * only some outputs use travel in `options` (output.h; NULL: defaults). 0, RF_USAGE or RF_LOCAL_FAULT. */
struct rf_output_options;
enum rf_exit rf_add_output(struct rf_engine *engine, const char *spec,
                           const struct rf_output_options *options, char *why, size_t why_size);
/* Adds an output of your own; `ops` must outlive the engine. Before rf_run. */
enum rf_exit rf_register_output(struct rf_engine *engine, const struct rf_output_ops *ops,
                                const char *argument, const struct rf_output_options *options,
                                char *why, size_t why_size);

/* Adds a URL pattern (curl's globs) or an input file ("-": standard input). Read in the order added, in
 * the background and with bounded read-ahead once rf_run starts. Before rf_run. 0, RF_USAGE or RF_LOCAL_FAULT. */
enum rf_exit rf_add_url(struct rf_engine *engine, const char *pattern, char *why, size_t why_size);
enum rf_exit rf_add_input_file(struct rf_engine *engine, const char *path, char *why,
                               size_t why_size);

/* Adds what holds URLs: a list, a document, a directory of documents, a sitemap; `path` may be a URL of any of these,
 * which is then fetched while rf_run runs. `from` says what it is: "list", "sitemap", "html", "markdown", "text",
 * "csv:COLUMN", "jsonl:FIELD"; NULL guesses by name and content. `base` is what relative links of files are relative to, a
 * URL; NULL: the files themselves, so that a link to another file is well if that exists. Any of it may be
 * compressed with gzip. Before rf_run. 0, RF_USAGE or RF_LOCAL_FAULT. */
enum rf_exit rf_add_source(struct rf_engine *engine, const char *path, const char *from,
                           const char *base, char *why, size_t why_size);

/* Compares a result with an earlier run's: returns the text that the result's `change` shall have, static, or NULL. Called
 * before the outputs see the result, by several workers at a time. Before rf_run. */
typedef const char *rf_compare_fn(void *context, const struct rf_result *result);
void rf_on_compare(struct rf_engine *engine, rf_compare_fn *compare, void *context);

/* Called once for every request that came from rf_add_url or rf_add_input_file; on a worker's thread, never two at a
 * time. Before rf_run. */
void rf_on_result(struct rf_engine *engine, rf_done_fn *done, void *context);
/* The same, but only for requests that failed. For the others no result need be put together then, unless an output has records. An
 * engine has one of the two: the one set last. */
void rf_on_failure(struct rf_engine *engine, rf_done_fn *done, void *context);

/* Queues a request, at any time before or during rf_run, a callback included. `done` is called exactly once, on a
 * worker's thread, never two at a time. Returns its number for rf_cancel, 0 when memory is out or the
 * engine is stopping. */
uint64_t rf_submit(struct rf_engine *engine, const struct rf_request *request, rf_done_fn *done,
                   void *context);

/* Streams a submitted request's body instead: `piece` gets it as it arrives, borrowed for the call. Return
 * false to end the request (kind "cancelled"). Otherwise as rf_submit. */
typedef bool rf_piece_fn(void *context, const void *bytes, size_t count);
uint64_t rf_submit_streamed(struct rf_engine *engine, const struct rf_request *request,
                            rf_piece_fn *piece, rf_done_fn *done, void *context);

/* Ends a submitted request early; its callback still comes, with kind "cancelled" unless it had ended. */
void rf_cancel(struct rf_engine *engine, uint64_t number);

/* Runs until all inputs are read and every request has ended. Blocks; one call per engine at a time,
 * may be called again after it returned. */
enum rf_exit rf_run(struct rf_engine *engine);

/* Closes the outputs, writing out what they hold. Between runs. RF_LOCAL_FAULT with one line in `why` when something could not be
 * written since they were added. rf_engine_close does it too, but has no way to say so. */
enum rf_exit rf_close_outputs(struct rf_engine *engine, char *why, size_t why_size);

/* Asks rf_run to return soon: what is in flight ends with kind "interrupted" and is recorded, and input not
 * yet read is dropped. `exit` becomes rf_run's result. Async-signal-safe; not while rf_engine_close runs. */
void rf_stop(struct rf_engine *engine, enum rf_exit exit);

/* ---- watching it -------------------------------------------------------------------------------- */

enum { RF_KINDS_MAX = 128 };

/* A snapshot, consistent enough for a progress line. */
struct rf_progress {
    uint64_t queued;  /* read or submitted so far */
    bool input_ended; /* so `queued` is the total */
    uint64_t done, ok, failed, skipped;
    uint64_t retries;
    uint64_t body_bytes; /* received so far, unfinished ones included */
    uint64_t in_flight;
    uint64_t connections;
    double seconds;                        /* since rf_run began */
    uint64_t failed_by_kind[RF_KINDS_MAX]; /* index: rf_error.kind */
    uint64_t by_verdict[RF_VERDICTS];      /* check: of `done` */
    uint64_t unconfirmed; /* check: failed, and waiting for the confirm pass; not in `done` */
    uint64_t unconfirmed_by_kind[RF_KINDS_MAX]; /* the same, index: rf_error.kind */
};
void rf_progress(struct rf_engine *engine, struct rf_progress *progress);

/* Name of a kind by number, NULL past the last. */
const char *rf_kind_name(unsigned kind);

/* What this machine and this build can do, as `ringfetch info` prints it: calls `line` for each. Returns RF_OK, or
 * RF_ENVIRONMENT where the engine could not run (the lines say why). */
typedef void rf_info_fn(void *context, const char *group, const char *name, const char *value);
enum rf_exit rf_info(const struct rf_settings *settings, rf_info_fn *line, void *context);

#ifdef __cplusplus
}
#endif
#endif
