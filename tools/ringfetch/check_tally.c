/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_tally.c: see check_tally.h. Hosts are found in an open hash table of indices; which of them
 * has the fewest results is known from a heap whose keys are brought up to date only when somebody
 * has to make room, so that a result of a known host costs one look-up however many hosts there
 * are. Counting every increment into an ordered list, as space-saving is usually written, was
 * rejected: it touches three more cache lines for every result, and the order is needed only at
 * evictions.
 *
 * Workers' threads call tally_add, one at a time; readers hold the lock.
 */
#include "check_tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 2 * TALLY_HOSTS_MAX, /* a power of two; half of them stay empty */
    HOST_NAME_BYTES = 320,       /* a name of 253 bytes, a port, and room for what is no name */
    TEXT_BYTES_MAX = 4096,       /* of a failure's strings: an input line may have megabytes */
    KEY_BAD_BITS = 6,
    FAILURES_FIRST = 64
};

/* A day: what takes longer counts as that. */
#define HIGHEST_US (24u * 3600 * UINT64_C(1000000))

/* What tally->host_buckets points at. */
struct host_memory {
    uint32_t seed;
    uint32_t slot[SLOTS];           /* index of a host + 1; 0: empty */
    uint32_t hash[TALLY_HOSTS_MAX]; /* by host */
    uint32_t
        heap[TALLY_HOSTS_MAX]; /* hosts, the one with the least key first; once the table is full */
    uint32_t key[TALLY_HOSTS_MAX]; /* by place in the heap; at most what key_of says by now */
};

static const char *const phase_names[PHASES] = {"dns", "connect", "tls", "wait", "body", "total"};
static const char *const change_names[CHANGES] = {"", "new", "fixed", "changed", "still"};
static const struct {
    int below; /* days */
    const char *name;
} cert_buckets[TALLY_CERT_BUCKETS] = {
    {0, "expired"}, {7, "< 7 d"},   {14, "< 14 d"},   {30, "< 30 d"},
    {60, "< 60 d"}, {90, "< 90 d"}, {180, "< 180 d"}, {0, ">= 180 d"},
};

const char *tally_phase_name(enum tally_phase phase) {
    return phase_names[phase];
}

const char *tally_cert_bucket_name(unsigned bucket) {
    return cert_buckets[bucket].name;
}

const char *tally_change_name(enum tally_change change) {
    return change_names[change];
}

/* Nothing that a run found out is worth keeping when the tally is wrong, and no caller could do
 * anything about it. Other threads are at work, so nothing of theirs is torn down. */
static void *checked(void *memory) {
    if (!memory) {
        static const char line[] = "ringfetch: out of memory\n";
        ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
        (void)written;
        _exit(RF_ENVIRONMENT);
    }
    return memory;
}

void tally_init(struct tally *tally) {
    memset(tally, 0, sizeof *tally);
    pthread_mutex_init(&tally->lock, NULL);
    for (unsigned i = 0; i < PHASES; i++) {
        tally->phase[i] = checked(rf_histogram_new(HIGHEST_US));
    }
    tally->hosts = checked(calloc(TALLY_HOSTS_MAX, sizeof *tally->hosts));
    struct host_memory *memory = checked(calloc(1, sizeof *memory));
    /* Strangers choose the names: without a seed they could choose names that collide. A seed of 0
     * is bad luck, no fault. */
    ssize_t got = getrandom(&memory->seed, sizeof memory->seed, GRND_NONBLOCK);
    (void)got;
    tally->host_buckets = (uint32_t *)memory;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    tally->begun_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void free_failure(struct tally_failure *failure) {
    char *const owned[] = {failure->url, failure->final_url, failure->host, failure->source,
                           failure->tag, failure->detail,    failure->ip};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        free(owned[i]);
    }
}

void tally_deinit(struct tally *tally) {
    for (size_t i = 0; i < tally->failure_count; i++) {
        free_failure(&tally->failures[i]);
    }
    for (size_t i = 0; i < tally->host_count; i++) {
        free(tally->hosts[i].name);
    }
    for (unsigned i = 0; i < PHASES; i++) {
        rf_histogram_free(tally->phase[i]);
    }
    free(tally->failures);
    free(tally->hosts);
    free(tally->host_buckets);
    pthread_mutex_destroy(&tally->lock);
    memset(tally, 0, sizeof *tally);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static struct host_memory *memory_of(const struct tally *tally) {
    return (struct host_memory *)tally->host_buckets;
}

static uint32_t hash_name(uint32_t seed, const char *name) {
    uint64_t hash = UINT64_C(0x9E3779B97F4A7C15) ^ seed;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0xD6E8FEB86659FD93);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

/* Hosts in the order in which they make room: fewest results first, and among those the ones that
 * were well. */
static uint32_t key_of(const struct tally_host *host) {
    const uint64_t count_max = (1u << (32 - KEY_BAD_BITS)) - 1, bad_max = (1u << KEY_BAD_BITS) - 1;
    uint64_t count = host->count < count_max ? host->count : count_max;
    return (uint32_t)(count << KEY_BAD_BITS | (host->bad < bad_max ? host->bad : bad_max));
}

static void heap_sift(struct host_memory *memory, size_t at, uint32_t host, uint32_t key) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= TALLY_HOSTS_MAX) {
            break;
        }
        if (child + 1 < TALLY_HOSTS_MAX && memory->key[child + 1] < memory->key[child]) {
            child++;
        }
        if (key <= memory->key[child]) {
            break;
        }
        memory->heap[at] = memory->heap[child];
        memory->key[at] = memory->key[child];
        at = child;
    }
    memory->heap[at] = host;
    memory->key[at] = key;
}

static void heap_make(const struct tally *tally) {
    struct host_memory *memory = memory_of(tally);
    for (uint32_t i = 0; i < TALLY_HOSTS_MAX; i++) {
        memory->heap[i] = i;
        memory->key[i] = key_of(&tally->hosts[i]);
    }
    for (size_t at = TALLY_HOSTS_MAX / 2; at-- > 0;) {
        heap_sift(memory, at, memory->heap[at], memory->key[at]);
    }
}

/* The host that makes room. Keys only grow, so whoever still is first when its key is up to date
 * has the least. */
static uint32_t heap_first(const struct tally *tally) {
    struct host_memory *memory = memory_of(tally);
    for (;;) {
        uint32_t host = memory->heap[0], key = key_of(&tally->hosts[host]);
        if (key == memory->key[0]) {
            return host;
        }
        heap_sift(memory, 0, host, key);
    }
}

/* The slot where the name is, or where it would go. */
static size_t slot_find(const struct tally *tally, const char *name, uint32_t hash) {
    const struct host_memory *memory = memory_of(tally);
    size_t slot = hash % SLOTS;
    for (; memory->slot[slot]; slot = (slot + 1) % SLOTS) {
        uint32_t host = memory->slot[slot] - 1;
        if (memory->hash[host] == hash && strcmp(tally->hosts[host].name, name) == 0) {
            break;
        }
    }
    return slot;
}

/* Empties a slot and moves up those behind it that would no longer be found. */
static void slot_empty(struct host_memory *memory, size_t hole) {
    for (size_t slot = (hole + 1) % SLOTS; memory->slot[slot]; slot = (slot + 1) % SLOTS) {
        size_t home = memory->hash[memory->slot[slot] - 1] % SLOTS;
        if ((slot - home) % SLOTS >= (slot - hole) % SLOTS) {
            memory->slot[hole] = memory->slot[slot];
            hole = slot;
        }
    }
    memory->slot[hole] = 0;
}

/* The place of the host with the fewest results, for a new one. Its count is inherited, so that a
 * count is never too small and a host that comes often stays; its faults and times are not,
 * because they would be said of somebody who never had them. */
static uint32_t host_make_room(struct tally *tally) {
    struct host_memory *memory = memory_of(tally);
    uint32_t index = heap_first(tally);
    struct tally_host *host = &tally->hosts[index];
    slot_empty(memory, slot_find(tally, host->name, memory->hash[index]));
    free(host->name);
    *host = (struct tally_host){.count = host->count, .approximate = true};
    return index;
}

static struct tally_host *host_get(struct tally *tally, const char *name) {
    struct host_memory *memory = memory_of(tally);
    uint32_t hash = hash_name(memory->seed, name);
    size_t slot = slot_find(tally, name, hash);
    if (memory->slot[slot]) {
        return &tally->hosts[memory->slot[slot] - 1];
    }
    uint32_t index;
    bool filled = false;
    if (tally->host_count < TALLY_HOSTS_MAX) {
        index = (uint32_t)tally->host_count++;
        filled = tally->host_count == TALLY_HOSTS_MAX;
    } else {
        index = host_make_room(tally);
        slot = slot_find(tally, name, hash); /* somebody may have moved up */
    }
    tally->hosts[index].name = checked(strdup(name));
    memory->hash[index] = hash;
    memory->slot[slot] = index + 1;
    if (filled) {
        heap_make(tally);
    }
    return &tally->hosts[index];
}

/* Where the authority of a URL begins; NULL where it has none. */
static const char *authority_of(const char *url) {
    const char *at = url;
    while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
           (at > url && ((*at >= '0' && *at <= '9') || *at == '+' || *at == '-' || *at == '.'))) {
        at++;
    }
    return at > url && strncmp(at, "://", 3) == 0 ? at + 3 : NULL;
}

/* How many bytes of host:port are left without the port that the scheme implies. */
static size_t without_port(const char *url, const char *host, size_t count) {
    const char *implied = strncasecmp(url, "https:", 6) == 0  ? ":443"
                          : strncasecmp(url, "http:", 5) == 0 ? ":80"
                                                              : ":";
    size_t port = strlen(implied);
    if (count > port && memcmp(host + count - port, implied, port) == 0) {
        return count - port;
    }
    return count > 1 && host[count - 1] == ':' ? count - 1 : count;
}

char *tally_host_name(char *out, size_t size, const char *url) {
    const char *host = authority_of(url);
    size_t count = host ? strcspn(host, "/?#\\") : 0;
    for (size_t i = count; i-- > 0;) {
        if (host[i] == '@') {
            host += i + 1;
            count -= i + 1;
            break;
        }
    }
    if (host) {
        count = without_port(url, host, count);
    }
    count = count < size ? count : size - 1;
    for (size_t i = 0; i < count; i++) {
        char c = host[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out[count] = '\0';
    return out;
}

/* What was given may lack the scheme; what was asked first never does. */
char *tally_result_host(char *out, size_t size, const struct rf_result *result) {
    const char *url = result->url;
    if (!url || !authority_of(url)) {
        url = result->redirect_count ? result->redirects[0].url : result->final_url;
    }
    return tally_host_name(out, size, url ? url : "");
}

/* ---- results --------------------------------------------------------------------------------- */

static bool is_bad(enum rf_verdict verdict) {
    return verdict == RF_VERDICT_DEAD || verdict == RF_VERDICT_FLAKY ||
           verdict == RF_VERDICT_BLOCKED || verdict == RF_VERDICT_INCONCLUSIVE;
}

static enum tally_change change_of(const struct rf_result *result) {
    for (unsigned i = CHANGE_NEW; result->change && i < CHANGES; i++) {
        if (strcmp(result->change, change_names[i]) == 0) {
            return (enum tally_change)i;
        }
    }
    return CHANGE_NONE;
}

/* A copy, cut where it is longer than anybody reads. */
static char *copy(const char *text) {
    if (!text) {
        return NULL;
    }
    size_t count = strnlen(text, TEXT_BYTES_MAX + 1);
    if (count <= TEXT_BYTES_MAX) {
        return checked(strdup(text));
    }
    count = TEXT_BYTES_MAX - 3;
    while (count && ((unsigned char)text[count] & 0xC0) == 0x80) {
        count--; /* not in the middle of a character */
    }
    char *cut = checked(malloc(count + 4));
    memcpy(cut, text, count);
    memcpy(cut + count, "...", 4);
    return cut;
}

static void add_failure(struct tally *tally, const struct rf_result *result, const char *host,
                        enum tally_change change) {
    if (tally->failure_count == TALLY_FAILURES_MAX) {
        tally->failures_dropped++;
        return;
    }
    if (tally->failure_count == tally->failure_room) {
        tally->failure_room = tally->failure_room ? 2 * tally->failure_room : FAILURES_FIRST;
        tally->failures =
            checked(realloc(tally->failures, tally->failure_room * sizeof *tally->failures));
    }
    tally->failures[tally->failure_count++] = (struct tally_failure){
        .n = result->n,
        .line = result->line,
        .column = result->column,
        .status = result->status,
        .verdict = result->verdict,
        .change = change,
        .error = result->error.kind ? result->error : result->first_error,
        .url = copy(result->url ? result->url : ""),
        .final_url = copy(result->final_url),
        .host = copy(*host ? host : NULL),
        .source = copy(result->source),
        .tag = copy(result->tag),
        .detail = copy(result->detail),
        .ip = copy(result->ip),
    };
}

/* Of what was asked in this run; an old answer has no times. */
static void add_times(struct tally *tally, struct tally_host *host,
                      const struct rf_result *result) {
    const double ms[PHASES] = {result->ms.dns,  result->ms.connect, result->ms.tls,
                               result->ms.wait, result->ms.body,    result->ms.total};
    for (unsigned i = 0; i < PHASES; i++) {
        if (ms[i] >= 0) {
            double us = ms[i] * 1000;
            rf_histogram_record(tally->phase[i],
                                us < (double)HIGHEST_US ? (uint64_t)(us + 0.5) : HIGHEST_US);
        }
    }
    if (host && ms[PHASE_TOTAL] >= 0) {
        host->timed++;
        host->ms_sum += ms[PHASE_TOTAL];
        host->ms_max = ms[PHASE_TOTAL] > host->ms_max ? ms[PHASE_TOTAL] : host->ms_max;
    }
}

static void add_certificate(struct tally *tally, const struct rf_tls_facts *tls) {
    if (tls && tls->has_cert) {
        unsigned bucket = 0;
        while (bucket + 1 < TALLY_CERT_BUCKETS && tls->days_left >= cert_buckets[bucket].below) {
            bucket++;
        }
        tally->cert_days[bucket]++;
    }
}

static void add_counts(struct tally *tally, const struct rf_result *result) {
    tally->total++;
    tally->attempts += result->attempts;
    tally->body_bytes += result->body_bytes;
    tally->cached += result->cached;
    if ((unsigned)result->verdict < RF_VERDICTS) {
        tally->by_verdict[result->verdict]++;
    }
    if (result->error.kind && result->error.kind < RF_KINDS_MAX) {
        tally->by_kind[result->error.kind]++;
    }
    /* What can't be asked has no response to miss. */
    if (result->status < TALLY_STATUSES && result->verdict != RF_VERDICT_SKIPPED) {
        tally->by_status[result->status]++;
    }
}

void tally_add(struct tally *tally, const struct rf_result *result) {
    char name[HOST_NAME_BYTES];
    tally_result_host(name, sizeof name, result);
    enum tally_change change = change_of(result);
    bool bad = is_bad(result->verdict);
    pthread_mutex_lock(&tally->lock);
    struct tally_host *host = *name ? host_get(tally, name) : NULL;
    if (host) {
        host->count++;
        host->bad += bad;
    }
    add_counts(tally, result);
    tally->bad += bad;
    tally->by_change[change]++;
    if (!result->skipped && result->verdict != RF_VERDICT_SKIPPED) {
        add_times(tally, host, result);
        add_certificate(tally, result->tls);
    }
    if (bad || change != CHANGE_NONE) {
        add_failure(tally, result, name, change);
    }
    pthread_mutex_unlock(&tally->lock);
}

/* ---- the order of hosts ---------------------------------------------------------------------- */

/* What a host is ranked by; 0 leaves it out. */
static double badness(const struct tally_host *host) {
    return (double)host->bad;
}

static double slowness(const struct tally_host *host) {
    return host->timed ? host->ms_sum / (double)host->timed : 0;
}

/* Equal ones stand in the order of their names, so that a table does not flicker. */
static bool goes_before(const struct tally_host *a, const struct tally_host *b,
                        double (*rank)(const struct tally_host *host)) {
    double of_a = rank(a), of_b = rank(b);
    return of_a > of_b || (of_a == of_b && strcmp(a->name, b->name) < 0);
}

static size_t top_hosts(const struct tally *tally, size_t *index, size_t max,
                        double (*rank)(const struct tally_host *host)) {
    size_t count = 0;
    for (size_t i = 0; i < tally->host_count && max; i++) {
        const struct tally_host *host = &tally->hosts[i];
        if (rank(host) <= 0 ||
            (count == max && !goes_before(host, &tally->hosts[index[count - 1]], rank))) {
            continue;
        }
        size_t at = count < max ? count++ : count - 1;
        for (; at && goes_before(host, &tally->hosts[index[at - 1]], rank); at--) {
            index[at] = index[at - 1];
        }
        index[at] = i;
    }
    return count;
}

size_t tally_worst_hosts(const struct tally *tally, size_t *index, size_t max) {
    return top_hosts(tally, index, max, badness);
}

size_t tally_slowest_hosts(const struct tally *tally, size_t *index, size_t max) {
    return top_hosts(tally, index, max, slowness);
}
