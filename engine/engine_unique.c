/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_unique.c: equal requests of a run are asked once and reported for every place where they stand. The first is asked; the others
 * wait beside it, or, when it has ended, get a copy of its result. Memory grows with the number of different requests, which is why only
 * runs over documents do this unasked.
 *
 * The feeder adds; workers end. One lock, taken once for each such job.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

struct unique {
    struct unique *next;
    uint64_t hash[2];
    struct link waiting;      /* jobs, of nobody until the first has ended */
    struct rf_result *result; /* in one block with all that it points to; NULL: not yet */
};

struct uniques {
    pthread_mutex_t lock;
    struct unique **bucket;
    size_t bucket_count, count;
};

struct uniques *uniques_open(void) {
    struct uniques *all = calloc(1, sizeof *all);
    CHECK(all);
    pthread_mutex_init(&all->lock, NULL);
    all->bucket_count = 1024;
    all->bucket = calloc(all->bucket_count, sizeof *all->bucket);
    CHECK(all->bucket);
    return all;
}

void uniques_close(struct uniques *all) {
    if (!all)
        return;
    for (size_t i = 0; i < all->bucket_count; i++) {
        for (struct unique *unique; (unique = all->bucket[i]);) {
            CHECK(list_is_empty(&unique->waiting));
            all->bucket[i] = unique->next;
            free(unique->result);
            free(unique);
        }
    }
    pthread_mutex_destroy(&all->lock);
    free(all->bucket);
    free(all);
}

/* ---- the table ------------------------------------------------------------------------------------- */

static void grow(struct uniques *all) {
    size_t count = all->bucket_count * 4;
    struct unique **bucket = calloc(count, sizeof *bucket);
    CHECK(bucket);
    for (size_t i = 0; i < all->bucket_count; i++) {
        for (struct unique *unique; (unique = all->bucket[i]);) {
            all->bucket[i] = unique->next;
            unique->next = bucket[unique->hash[0] & (count - 1)];
            bucket[unique->hash[0] & (count - 1)] = unique;
        }
    }
    free(all->bucket);
    all->bucket = bucket;
    all->bucket_count = count;
}

/* Everything that may make the answer another one: URL and fragment, method, fields, body, expectations, the body's length and
 * digest. */
static void hash_job(const struct job *job, uint64_t hash[2]) {
    const struct job_spec *spec = job->own_spec;
    struct {
        uint64_t part[9];
    } key = {{hash_bytes(job->url.href, job->url.href_len)}};
    if (spec) {
        key.part[1] = spec->method ? hash_bytes(spec->method, strlen(spec->method)) : 0;
        for (unsigned i = 0; i < spec->field_count; i++) {
            const struct http_field *at = &spec->fields[i];
            uint64_t field[4] = {key.part[2], hash_bytes(at->name.at, at->name.len),
                                 hash_bytes(at->value.at, at->value.len),
                                 at->value.at != NULL}; /* empty, or removed */
            key.part[2] = hash_bytes(field, sizeof field);
        }
        key.part[3] = spec->body ? hash_bytes(spec->body->at, spec->body->count) : 0;
    }
    if (job->extra && job->extra->expect_text)
        key.part[4] = hash_bytes(job->extra->expect_text, strlen(job->extra->expect_text));
    key.part[5] = (uint64_t)job->size;
    key.part[6] = job->sha256 ? hash_bytes(job->sha256, strlen(job->sha256)) : 0;
    key.part[7] = job->is_link;
    key.part[8] = hash_stable(job->url.href, job->url.href_len);
    hash[0] = hash_bytes(&key, sizeof key);
    hash[1] = hash_stable(&key, sizeof key);
}

static struct unique *find_or_add(struct uniques *all, const struct job *job, bool *is_new) {
    uint64_t hash[2];
    hash_job(job, hash);
    struct unique **at = &all->bucket[hash[0] & (all->bucket_count - 1)];
    for (; *at; at = &(*at)->next)
        if ((*at)->hash[0] == hash[0] && (*at)->hash[1] == hash[1])
            return *at;
    struct unique *unique = calloc(1, sizeof *unique);
    CHECK(unique);
    memcpy(unique->hash, hash, sizeof hash);
    list_init(&unique->waiting);
    *at = unique;
    *is_new = true;
    if (++all->count > all->bucket_count * 2)
        grow(all);
    return unique;
}

enum unique_answer unique_add(struct uniques *all, struct job *job) {
    bool is_new = false;
    pthread_mutex_lock(&all->lock);
    struct unique *unique = find_or_add(all, job, &is_new);
    job->unique = unique;
    job->is_twin = job->decided = !is_new;
    enum unique_answer answer = is_new ? UNIQUE_ASK : UNIQUE_KNOWN;
    if (!is_new && !unique->result) {
        list_push_back(&unique->waiting, &job->link);
        answer = UNIQUE_WAITS;
    }
    pthread_mutex_unlock(&all->lock);
    return answer;
}

/* ---- the result, kept --------------------------------------------------------------------------------- */

/* Counts first, with `at` NULL, then copies. */
struct packer {
    char *at;
    size_t bytes;
};

static const void *pack(struct packer *packer, const void *from, size_t count) {
    size_t whole = (count + 15) & ~(size_t)15;
    void *to = packer->at;
    packer->bytes += whole;
    if (!to || !from)
        return NULL;
    memcpy(to, from, count);
    packer->at += whole;
    return to;
}

static const char *pack_text(struct packer *packer, const char *text) {
    return text ? pack(packer, text, strlen(text) + 1) : NULL;
}

static const struct rf_tls_facts *pack_tls(struct packer *packer, const struct rf_tls_facts *tls) {
    if (!tls)
        return NULL;
    struct rf_tls_facts copy = *tls;
    copy.subject = pack_text(packer, tls->subject);
    copy.issuer = pack_text(packer, tls->issuer);
    copy.fingerprint = pack_text(packer, tls->fingerprint);
    const char **sans = calloc(tls->san_count + 1, sizeof *sans);
    CHECK(sans);
    for (size_t i = 0; i < tls->san_count; i++)
        sans[i] = pack_text(packer, tls->sans[i]);
    copy.sans = tls->san_count ? pack(packer, sans, tls->san_count * sizeof *sans) : NULL;
    free(sans);
    return pack(packer, &copy, sizeof copy);
}

static const struct rf_redirect *pack_redirects(struct packer *packer,
                                                const struct rf_result *result) {
    struct rf_redirect *redirects = calloc(result->redirect_count + 1, sizeof *redirects);
    CHECK(redirects);
    for (size_t i = 0; i < result->redirect_count; i++) {
        redirects[i].status = result->redirects[i].status;
        redirects[i].url = pack_text(packer, result->redirects[i].url);
    }
    const void *packed = pack(packer, redirects, result->redirect_count * sizeof *redirects);
    free(redirects);
    return packed;
}

/* Versions, ciphers and other names of the library's are static and stay as they are. */
static void pack_result(struct packer *packer, const struct rf_result *result,
                        struct rf_result *copy) {
    *copy = *result;
    copy->url = pack_text(packer, result->url);
    copy->detail = pack_text(packer, result->detail);
    copy->method = pack_text(packer, result->method);
    copy->final_url = pack_text(packer, result->final_url);
    copy->ip = pack_text(packer, result->ip);
    copy->content_type = pack_text(packer, result->content_type);
    copy->path = pack_text(packer, result->path);
    copy->sha256 = pack_text(packer, result->sha256);
    copy->title = pack_text(packer, result->title);
    copy->redirects = pack_redirects(packer, result);
    copy->tls = pack_tls(packer, result->tls);
    copy->tag = copy->source = NULL;
}

static struct rf_result *result_copy(const struct rf_result *result) {
    struct rf_result copy;
    struct packer packer = {0};
    pack_result(&packer, result, &copy);
    struct rf_result *block = malloc(sizeof *block + 16 + packer.bytes);
    CHECK(block);
    packer = (struct packer){.at = (char *)(block + 1) + 15};
    packer.at -= (size_t)packer.at & 15;
    pack_result(&packer, result, block);
    return block;
}

/* ---- the end of the first -------------------------------------------------------------------------------- */

void unique_ended(struct uniques *all, struct job *job, const struct rf_result *result,
                  struct link *waiting) {
    struct unique *unique = job->unique;
    list_init(waiting);
    if (!unique || job->is_twin)
        return;
    struct rf_result *copy = result_copy(result);
    pthread_mutex_lock(&all->lock);
    unique->result = copy;
    for (struct link *link; (link = list_pop_front(&unique->waiting));)
        list_push_back(waiting, link);
    pthread_mutex_unlock(&all->lock);
}

void unique_result(const struct job *job, struct rf_result *result) {
    *result = *job->unique->result;
    result->n = job->n;
    result->line = job->line;
    result->column = job->column;
    result->source = job->source;
    result->url = job->text;
    result->tag = job->tag;
}

void unique_outcome(struct job *job) {
    const struct rf_error *error = &job->unique->result->error;
    job->skipped = job->unique->result->skipped;
    job->err = (struct err){.stage = error->stage, .kind = error->kind, .detail = error->detail};
}
