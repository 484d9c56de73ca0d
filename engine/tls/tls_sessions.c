/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_sessions.c: sessions to resume, at most so many, the least recently used go first. The thread that owns the struct tls.
 *
 * A host may have several: TLS 1.3's tickets are meant for one use each (RFC 8446 C.4), so taking one removes it while there are
 * others. The last stays: a connection that resumes with a ticket a second time costs a quarter of one that doesn't resume, and
 * what single use hides, that two connections are of one client, their address tells anyway.
 *
 * Rejected: the library's own cache: shared by all threads under a lock, keyed by what the caller hands it, of fixed size.
 */
#include "base/hash.h"
#include "tls/tls_private.h"

enum { PER_HOST_MAX = 4, BUCKETS_MIN = 64 };

static uint64_t key_of(const struct tls_stream *stream) {
    return hash_bytes(stream->host, strlen(stream->host)) ^
           stream->port * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_for(const struct tls_session *entry, uint64_t key, const struct tls_stream *stream) {
    return entry->key == key && entry->port == stream->port &&
           strcmp(entry->host, stream->host) == 0;
}

void tls_sessions_init(struct tls_sessions *sessions, unsigned max) {
    list_init(&sessions->age);
    sessions->max = max;
    sessions->bucket_count = BUCKETS_MIN;
    while (sessions->bucket_count < max)
        sessions->bucket_count *= 2;
}

static struct tls_session **bucket_of(struct tls_sessions *sessions, uint64_t key) {
    return &sessions->buckets[key & (sessions->bucket_count - 1)];
}

static void entry_drop(struct tls *tls, struct tls_session *entry) {
    struct tls_session **at = bucket_of(&tls->sessions, entry->key);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    list_remove(&entry->age);
    tls->sessions.count--;
    wolfSSL_SESSION_free(entry->session);
    tls_cert_drop(entry->cert);
    pool_release_text(tls->pool, entry->host);
    pool_release(tls->pool, entry, sizeof *entry);
}

void tls_sessions_deinit(struct tls *tls) {
    struct tls_sessions *sessions = &tls->sessions;
    struct link *oldest;
    while ((oldest = list_first(&sessions->age)))
        entry_drop(tls, LIST_ENTRY(oldest, struct tls_session, age));
    if (sessions->buckets)
        pool_release(tls->pool, sessions->buckets,
                     sessions->bucket_count * sizeof *sessions->buckets);
}

/* The newest of the stream's host, for a bucket grows at its front; and how many there are. */
static struct tls_session *find(struct tls_stream *stream, unsigned *count,
                                struct tls_session **oldest) {
    struct tls_sessions *sessions = &stream->tls->sessions;
    struct tls_session *newest = NULL;
    *count = 0;
    *oldest = NULL;
    if (!sessions->buckets)
        return NULL;
    uint64_t key = key_of(stream);
    for (struct tls_session *at = *bucket_of(sessions, key); at; at = at->next)
        if (is_for(at, key, stream)) {
            newest = newest ? newest : at;
            *oldest = at;
            ++*count;
        }
    return newest;
}

void tls_sessions_offer(struct tls_stream *stream) {
    struct tls *tls = stream->tls;
    struct tls_session *entry, *oldest;
    unsigned count;
    while ((entry = find(stream, &count, &oldest))) {
        /* The library refuses one that has expired. It copies what it takes. */
        if (wolfSSL_set_session(stream->ssl, entry->session) == WOLFSSL_SUCCESS)
            break;
        entry_drop(tls, entry);
    }
    if (!entry)
        return;
    stream->offered = true;
    stream->cert = entry->cert ? tls_cert_keep(entry->cert) : NULL;
    if (entry->version == TLS_VERSION_1_3 && count > 1) {
        entry_drop(tls, entry);
    } else {
        list_remove(&entry->age);
        list_push_back(&tls->sessions.age, &entry->age);
    }
}

void tls_sessions_forget(struct tls_stream *stream) {
    struct tls_session *entry, *oldest;
    unsigned count;
    while ((entry = find(stream, &count, &oldest)))
        entry_drop(stream->tls, entry);
}

static void make_room(struct tls_stream *stream) {
    struct tls *tls = stream->tls;
    struct tls_sessions *sessions = &tls->sessions;
    struct tls_session *oldest;
    unsigned count;
    if (!sessions->buckets)
        sessions->buckets =
            pool_acquire_zeroed(tls->pool, sessions->bucket_count * sizeof *sessions->buckets);
    find(stream, &count, &oldest);
    if (count >= PER_HOST_MAX)
        entry_drop(tls, oldest);
    while (sessions->count >= sessions->max)
        entry_drop(tls, LIST_ENTRY(list_first(&sessions->age), struct tls_session, age));
}

void tls_sessions_keep(struct tls_stream *stream) {
    struct tls *tls = stream->tls;
    struct tls_session *oldest;
    unsigned count;
    WOLFSSL_SESSION *session = wolfSSL_get1_session(stream->ssl);
    if (!session)
        return;
    struct tls_session *newest = find(stream, &count, &oldest);
    /* A further ticket on the same connection goes into the same object. */
    if (newest && newest->session == session) {
        wolfSSL_SESSION_free(session);
        return;
    }
    make_room(stream);
    struct tls_session *entry = pool_acquire(tls->pool, sizeof *entry);
    *entry = (struct tls_session){
        .key = key_of(stream),
        .session = session,
        .cert = stream->cert ? tls_cert_keep(stream->cert) : NULL,
        .host = pool_text(tls->pool, stream->host, strlen(stream->host)),
        .port = stream->port,
        .version = (uint8_t)tls_stream_version(stream),
    };
    struct tls_session **bucket = bucket_of(&tls->sessions, entry->key);
    entry->next = *bucket;
    *bucket = entry;
    list_push_back(&tls->sessions.age, &entry->age);
    tls->sessions.count++;
}
