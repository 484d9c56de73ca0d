/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_diff.c: see check_diff.h. A table of 24 bytes an entry with open addressing and linear probing, from 0.4 to 0.8 full, that
 * holds hashes alone: 96 bits name the URL, 32 bits tell whether a final URL or a certificate is another one (one change
 * in four thousand million goes unseen). The main thread fills it; afterwards nobody writes. Rejected: keeping the texts,
 * some 300 bytes a URL, and sorting both sides on disk, which would know what changed only at the run's end.
 */
#include "check_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "check_diff_json.h"
#include "check_hash.h"
#include "text.h"

enum { SLOTS_FIRST = 1 << 12, READ_BYTES = 1 << 18, LINE_BYTES_MAX = 1 << 26 };

enum standing { NO_ENTRY, WELL, NOT_WELL, UNKNOWN };

struct entry {
    uint64_t key_low;
    uint32_t key_high;
    uint32_t final_url, certificate; /* hashes; 0: not known */
    uint16_t status;
    uint8_t standing;
};

struct check_diff {
    struct check_key key;
    struct entry *slots;
    size_t slot_count, used; /* slot_count is a power of two */
};

/* ---- hashes of text ----------------------------------------------------------------------------- */

static bool is_ascii(const char *at, size_t count) {
    unsigned char all = 0;
    for (size_t i = 0; i < count; i++) {
        all |= (unsigned char)at[i];
    }
    return all < 0x80;
}

/* Length of the well-formed character at `at`, 0 if there is none. Overlong forms and surrogates pass: both sides are treated alike. */
static size_t character(const unsigned char *at, size_t left) {
    size_t count = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (at[0] > 0xF4 || count > left) {
        return 0;
    }
    for (size_t i = 1; i < count; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return count;
}

/* Records show U+FFFD where the input had bytes that are no UTF-8: both become one '?' for a stretch of them. */
static size_t fold(char *out, const char *text, size_t count) {
    const unsigned char *at = (const unsigned char *)text, *end = at + count;
    size_t used = 0;
    bool bad_before = false;
    while (at < end) {
        size_t length = character(at, (size_t)(end - at));
        bool bad = length == 0 || (length == 3 && memcmp(at, "\xEF\xBF\xBD", 3) == 0);
        if (!bad) {
            memcpy(out + used, at, length);
            used += length;
        } else if (!bad_before) {
            out[used++] = '?';
        }
        bad_before = bad;
        at += length ? length : 1;
    }
    return used;
}

static struct check_hash hash_text(const struct check_diff *diff, const char *text, size_t count) {
    char *folded = is_ascii(text, count) ? NULL : malloc(count);
    if (!folded) { /* without memory for it, such a URL is taken for a new one */
        return check_hash_bytes(diff->key, text, count);
    }
    struct check_hash hash = check_hash_bytes(diff->key, folded, fold(folded, text, count));
    free(folded);
    return hash;
}

static uint32_t short_hash(const struct check_diff *diff, const char *text, size_t count) {
    uint32_t hash = text ? (uint32_t)hash_text(diff, text, count).low : 0;
    return text && hash == 0 ? 1 : hash;
}

/* ---- the table ---------------------------------------------------------------------------------- */

/* The URL's entry, or the empty one where it would stand. */
static struct entry *find(const struct entry *slots, size_t slot_count, uint64_t low,
                          uint32_t high) {
    size_t i = (size_t)low & (slot_count - 1);
    while (slots[i].standing != NO_ENTRY &&
           (slots[i].key_low != low || slots[i].key_high != high)) {
        i = (i + 1) & (slot_count - 1);
    }
    return (struct entry *)(uintptr_t)&slots[i];
}

static bool grow(struct check_diff *diff) {
    size_t count = diff->slot_count ? 2 * diff->slot_count : SLOTS_FIRST;
    struct entry *slots = calloc(count, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < diff->slot_count; i++) {
        const struct entry *entry = &diff->slots[i];
        if (entry->standing != NO_ENTRY) {
            *find(slots, count, entry->key_low, entry->key_high) = *entry;
        }
    }
    free(diff->slots);
    diff->slots = slots;
    diff->slot_count = count;
    return true;
}

static enum standing standing_of(const struct json_record *record) {
    static const struct {
        const char *verdict;
        enum standing standing;
    } rows[] = {{"ok", WELL},          {"dead", NOT_WELL},        {"flaky", WELL},
                {"blocked", NOT_WELL}, {"inconclusive", UNKNOWN}, {"skipped", UNKNOWN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows && record->verdict.at; i++) {
        if (record->verdict.count == strlen(rows[i].verdict) &&
            memcmp(record->verdict.at, rows[i].verdict, record->verdict.count) == 0) {
            return rows[i].standing;
        }
    }
    /* Of `ringfetch get`, whose records have no verdict. */
    bool ours = record->fault.at && (record->fault.at[0] == 'l' || record->fault.at[0] == 'c');
    return record->ok ? WELL : ours ? UNKNOWN : NOT_WELL;
}

static bool add(struct check_diff *diff, const struct json_record *record) {
    if (diff->used >= diff->slot_count / 5 * 4 && !grow(diff)) {
        return false;
    }
    struct check_hash hash = hash_text(diff, record->url.at, record->url.count);
    struct entry *entry = find(diff->slots, diff->slot_count, hash.low, (uint32_t)hash.high);
    diff->used += entry->standing == NO_ENTRY;
    *entry = (struct entry){.key_low = hash.low,
                            .key_high = (uint32_t)hash.high,
                            .status = (uint16_t)record->status,
                            .standing = (uint8_t)standing_of(record)};
    if (!record->skipped) { /* where nothing was asked, final_url is only the URL once more */
        entry->final_url = short_hash(diff, record->final_url.at, record->final_url.count);
        entry->certificate = short_hash(diff, record->fingerprint.at, record->fingerprint.count);
    }
    return true;
}

/* ---- the file ----------------------------------------------------------------------------------- */

struct reader {
    gzFile file; /* reads what is no gzip as it stands */
    const char *path;
    char *bytes;
    size_t room, begin, end;
    unsigned long long line; /* number of the last one returned */
    bool ended;
};

/* Always false, for the caller to return. */
static bool refuse(const struct reader *reader, const char *what, char *why, size_t why_size) {
    char shown[256];
    const char *name = strcmp(reader->path, "-") == 0 ? "standard input" : reader->path;
    size_t used = text_add(why, why_size, 0, "%s: ", text_escape(shown, sizeof shown, name));
    if (reader->line) {
        used = text_add(why, why_size, used, "line %llu: ", reader->line);
    }
    text_add(why, why_size, used, "%s", what);
    return false;
}

/* Reads more behind `end`; at the file's end sets `ended`. */
static bool reader_fill(struct reader *reader, char *why, size_t why_size) {
    if (reader->begin > 0) {
        memmove(reader->bytes, reader->bytes + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    if (reader->room - reader->end < READ_BYTES) {
        size_t room = reader->room ? 2 * reader->room : (size_t)4 * READ_BYTES;
        char *bytes = room > LINE_BYTES_MAX ? NULL : realloc(reader->bytes, room);
        if (!bytes) {
            reader->line++;
            return refuse(reader,
                          room > LINE_BYTES_MAX ? "longer than any record" : "out of memory", why,
                          why_size);
        }
        reader->bytes = bytes;
        reader->room = room;
    }
    int fault = Z_OK, count = gzread(reader->file, reader->bytes + reader->end,
                                     (unsigned)(reader->room - reader->end));
    int saved = errno;
    const char *text = gzerror(reader->file, &fault);
    if (count < 0 || (count == 0 && fault != Z_OK)) {
        reader->line = 0;
        return refuse(reader,
                      fault == Z_ERRNO       ? strerror(saved)
                      : fault == Z_BUF_ERROR ? "the gzip file is cut off"
                      : fault == Z_MEM_ERROR ? "out of memory"
                      : *text                ? "the gzip file is damaged"
                                             : "can't be read",
                      why, why_size);
    }
    reader->end += (size_t)count;
    reader->ended = count == 0;
    return true;
}

/* The next line without its end; *line is NULL at the file's end. False: a line in `why`. */
static bool reader_next(struct reader *reader, char **line, size_t *count, char *why,
                        size_t why_size) {
    size_t looked = 0;
    for (;;) {
        char *begin = reader->bytes + reader->begin;
        size_t left = reader->end - reader->begin;
        char *found = left > looked ? memchr(begin + looked, '\n', left - looked) : NULL;
        if (found || (reader->ended && left > 0)) {
            *line = begin;
            *count = found ? (size_t)(found - begin) : left;
            reader->begin += *count + (found != NULL);
            reader->line++;
            return true;
        }
        if (reader->ended) {
            *line = NULL;
            return true;
        }
        looked = left;
        if (!reader_fill(reader, why, why_size)) {
            return false;
        }
    }
}

static bool is_blank(const char *line, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
            return false;
        }
    }
    return true;
}

static bool read_all(struct check_diff *diff, struct reader *reader, char *why, size_t why_size) {
    char *line;
    size_t count;
    while (reader_next(reader, &line, &count, why, why_size)) {
        struct json_record record;
        if (!line) {
            return true;
        }
        if (reader->line == 1 && count >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
            line += 3;
            count -= 3;
        }
        if (is_blank(line, count)) {
            continue;
        }
        const char *fault = json_record_read(&record, line, count);
        if (fault) {
            return refuse(reader, fault, why, why_size);
        }
        if (!add(diff, &record)) {
            return refuse(reader, "out of memory", why, why_size);
        }
    }
    return false;
}

static bool read_file(struct check_diff *diff, const char *path, char *why, size_t why_size) {
    struct reader reader = {.path = path};
    int fd = -1;
    errno = ENOMEM; /* what zlib does not say otherwise */
    if (strcmp(path, "-") == 0) {
        fd = dup(STDIN_FILENO);
        reader.file = fd >= 0 ? gzdopen(fd, "rb") : NULL;
    } else {
        reader.file = gzopen(path, "rbe");
    }
    if (!reader.file) {
        if (fd >= 0) {
            close(fd);
        }
        return refuse(&reader, strerror(errno), why, why_size);
    }
    gzbuffer(reader.file, READ_BYTES);
    bool well = read_all(diff, &reader, why, why_size);
    gzclose(reader.file);
    free(reader.bytes);
    return well;
}

struct check_diff *check_diff_open(const char *path, char *why, size_t why_size) {
    struct check_diff *diff = calloc(1, sizeof *diff);
    if (!diff || !grow(diff)) {
        free(diff);
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    diff->key = check_key_random();
    if (!read_file(diff, path, why, why_size)) {
        check_diff_close(diff);
        return NULL;
    }
    return diff;
}

void check_diff_close(struct check_diff *diff) {
    if (diff) {
        free(diff->slots);
        free(diff);
    }
}

/* ---- comparing ---------------------------------------------------------------------------------- */

static enum standing standing_now(const struct rf_result *result) {
    switch (result->verdict) {
    case RF_VERDICT_OK:
    case RF_VERDICT_FLAKY: /* it answered well in the end */
        return WELL;
    case RF_VERDICT_DEAD:
    case RF_VERDICT_BLOCKED:
        return NOT_WELL;
    case RF_VERDICT_NONE: {
        const char *fault = rf_error_fault(result->error);
        bool ours = strcmp(fault, "local") == 0 || strcmp(fault, "cancelled") == 0;
        return result->ok ? WELL : ours ? UNKNOWN : NOT_WELL;
    }
    default:
        return UNKNOWN;
    }
}

/* Of two hashes, where 0 says that one of them is not known. */
static bool differ(uint32_t then, uint32_t now) {
    return then && now && then != now;
}

static bool is_other(const struct check_diff *diff, const struct entry *then,
                     const struct rf_result *now) {
    const char *final = now->final_url;
    const char *print = now->tls && now->tls->has_cert ? now->tls->fingerprint : NULL;
    return (then->status && now->status && then->status != now->status) ||
           differ(then->final_url, short_hash(diff, final, final ? strlen(final) : 0)) ||
           differ(then->certificate, short_hash(diff, print, print ? strlen(print) : 0));
}

const char *check_diff_compare(void *context, const struct rf_result *result) {
    const struct check_diff *diff = context;
    enum standing now = standing_now(result);
    if (result->skipped || now == UNKNOWN || !result->url) {
        return NULL;
    }
    struct check_hash hash = hash_text(diff, result->url, strlen(result->url));
    const struct entry *then = find(diff->slots, diff->slot_count, hash.low, (uint32_t)hash.high);
    if (now == NOT_WELL) {
        return then->standing == NOT_WELL ? "still" : "new";
    }
    if (then->standing == NOT_WELL) {
        return "fixed";
    }
    return then->standing == WELL && is_other(diff, then, result) ? "changed" : NULL;
}
