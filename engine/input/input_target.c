/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_target.c: see input_target.h. What was read of targets is kept while it is small in number and size, and so is what was
 * found about names in them: a page's navigation points to the same few places from every page of a site.
 */
#include "input/input_target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "http/url.h"
#include "input/input_context.h"
#include "input/input_line.h"

/* Names are remembered by hash: of two in one slot the later one stays. */
enum { TEXTS = 16, VERDICTS = 1 << 14, FRAGMENT_BYTES_MAX = 4096, GUESS_BYTES = 1024 };

struct target_text {
    char *path;
    uint8_t *text;
    size_t len;
    uint64_t used; /* the time of its last use */
    enum document_kind kind;
    bool has_names; /* a kind that fragments are looked up in */
};

struct targets {
    struct target_text texts[TEXTS];
    uint64_t time;
    size_t text_bytes; /* of all */
    struct verdict {
        uint64_t key; /* 0: none */
        bool has_name;
    } verdicts[VERDICTS];
    char why[LINE_WHY_BYTES];
};

struct targets *targets_open(void) {
    return calloc(1, sizeof(struct targets));
}

static void drop_text(struct targets *targets, struct target_text *text) {
    targets->text_bytes -= text->len;
    free(text->path);
    free(text->text);
    *text = (struct target_text){0};
}

void targets_close(struct targets *targets) {
    if (!targets)
        return;
    for (size_t i = 0; i < TEXTS; i++)
        drop_text(targets, &targets->texts[i]);
    free(targets);
}

/* ---- files --------------------------------------------------------------------------------------- */

/* False: it is no regular file of a size that is looked into, or can't be read. */
static bool read_whole(const char *path, uint8_t **text, size_t *len) {
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *text = NULL;
    *len = 0;
    if (fd < 0)
        return false;
    bool is_good = !fstat(fd, &stat) && S_ISREG(stat.st_mode) &&
                   stat.st_size <= DOCUMENT_BYTES_MAX && (*text = malloc((size_t)stat.st_size + 1));
    while (is_good && *len < (size_t)stat.st_size) {
        ssize_t count = read(fd, *text + *len, (size_t)stat.st_size - *len);
        if (count == 0)
            break;
        is_good = count > 0 || errno == EINTR;
        *len += count > 0 ? (size_t)count : 0;
    }
    close(fd);
    if (!is_good)
        free(*text);
    return is_good;
}

/* An empty slot counts as the oldest, unless `is_kept` asks for one to drop; then NULL: all are empty. */
static struct target_text *oldest(struct targets *targets, bool is_kept) {
    struct target_text *found = NULL;
    for (size_t i = 0; i < TEXTS; i++) {
        struct target_text *text = &targets->texts[i];
        if ((!is_kept || text->path) && (!found || text->used < found->used))
            found = text;
    }
    return found;
}

/* NULL: it can't be looked into. */
static const struct target_text *load(struct targets *targets, const char *path) {
    targets->time++;
    for (size_t i = 0; i < TEXTS; i++) {
        struct target_text *text = &targets->texts[i];
        if (text->path && strcmp(text->path, path) == 0) {
            text->used = targets->time;
            return text;
        }
    }
    struct target_text fresh = {.used = targets->time};
    if (!read_whole(path, &fresh.text, &fresh.len))
        return NULL;
    struct target_text *slot;
    while (targets->text_bytes + fresh.len > DOCUMENT_BYTES_MAX && (slot = oldest(targets, true)))
        drop_text(targets, slot);
    slot = oldest(targets, false);
    drop_text(targets, slot);
    struct span begin =
        span_of(fresh.text, fresh.len < GUESS_BYTES ? fresh.len : (size_t)GUESS_BYTES);
    fresh.has_names = document_guess(path, begin, &fresh.kind) &&
                      (fresh.kind == DOCUMENT_HTML || fresh.kind == DOCUMENT_MARKDOWN);
    fresh.path = strdup(path);
    targets->text_bytes += fresh.len;
    *slot = fresh;
    return slot;
}

/* ---- names --------------------------------------------------------------------------------------- */

static struct verdict *verdict_of(struct targets *targets, const char *name, struct span fragment,
                                  uint64_t *key) {
    *key = (hash_bytes(name, strlen(name)) * UINT64_C(0x9e3779b97f4a7c15)) ^
           hash_bytes(fragment.at, fragment.len);
    *key |= 1;
    return &targets->verdicts[(*key >> 1) % VERDICTS];
}

static void fail(struct targets *targets, struct input_record *record, enum err_kind kind,
                 const char *format, const char *text) {
    snprintf(targets->why, sizeof targets->why, format, input_shown_len(text, 200), text);
    input_one_line(targets->why, sizeof targets->why);
    record->err = err_make(STAGE_EXPECT, kind, 0);
    record->why = targets->why;
}

static void check_name(struct targets *targets, const char *name, const struct target_text *in,
                       const char *charset, struct span fragment, struct input_record *record) {
    char decoded[FRAGMENT_BYTES_MAX + 1];
    size_t len = 0;
    bool has_name = false;
    if (fragment.len <= FRAGMENT_BYTES_MAX) {
        uint64_t key;
        struct verdict *verdict = verdict_of(targets, name, fragment, &key);
        len = url_percent_decode(fragment, decoded);
        if (verdict->key != key) {
            verdict->has_name = document_has_name(in->kind, span_of(in->text, in->len), charset,
                                                  span_of(decoded, len));
            verdict->key = key;
        }
        has_name = verdict->has_name;
    }
    decoded[len] = 0;
    if (!has_name)
        fail(targets, record, ERR_NO_SUCH_FRAGMENT, "nothing in it is named \"%.*s\"", decoded);
}

void targets_decide_self(struct targets *targets, const struct target_place *place,
                         struct span fragment, struct input_record *record) {
    record->is_decided = true;
    if (!fragment.len || place->kind == DOCUMENT_TEXT)
        return;
    const struct target_text self = {
        .text = (uint8_t *)place->text.at, .len = place->text.len, .kind = place->kind};
    check_name(targets, place->name, &self, place->charset, fragment, record);
}

/* ---- links --------------------------------------------------------------------------------------- */

static size_t find(struct span text, char byte) {
    const uint8_t *found = text.len ? memchr(text.at, byte, text.len) : NULL;
    return found ? (size_t)(found - text.at) : text.len;
}

/* Without query and fragment. */
static struct span path_of(struct span link) {
    link.len = find(link, '#');
    link.len = find(link, '?');
    return link;
}

bool target_path(const struct target_place *place, struct span link, char *path, size_t size) {
    char decoded[PATH_MAX];
    struct span wanted = path_of(link);
    if (wanted.len >= sizeof decoded)
        return false;
    size_t len = url_percent_decode(wanted, decoded);
    decoded[len] = 0;
    if (strlen(decoded) != len)
        return false;
    bool is_rooted = decoded[0] == '/';
    const char *slash = strrchr(place->base_path, '/');
    const char *front = is_rooted ? place->root : place->base_path;
    size_t front_len = is_rooted ? strlen(place->root)
                       : slash   ? (size_t)(slash - place->base_path) + 1
                                 : 0;
    const char *back = decoded;
    while (is_rooted && *back == '/')
        back++;
    if (front_len + strlen(back) >= size)
        return false;
    memcpy(path, front, front_len);
    strcpy(path + front_len, back);
    if (!path[0]) /* "/" where the root is the working directory */
        strcpy(path, ".");
    return true;
}

/* Of a directory, its index if it has one. */
static bool enter_directory(char *path, size_t size) {
    struct stat stat_of_index;
    size_t len = strlen(path);
    const char *name = len && path[len - 1] == '/' ? "index.html" : "/index.html";
    if (len + strlen(name) >= size)
        return false;
    strcpy(path + len, name);
    return stat(path, &stat_of_index) == 0 && S_ISREG(stat_of_index.st_mode);
}

void targets_decide(struct targets *targets, const struct target_place *place, struct span link,
                    struct input_record *record) {
    char path[PATH_MAX];
    struct stat found;
    size_t hash = find(link, '#');
    struct span fragment = span_skip(link, hash + (hash < link.len));
    record->url = link;
    record->is_decided = true;
    if (!path_of(link).len) {
        targets_decide_self(targets, place, fragment, record);
        return;
    }
    if (!target_path(place, link, path, sizeof path)) {
        fail(targets, record, ERR_NO_SUCH_FILE, "no file can be named%.*s so", "");
        return;
    }
    if (stat(path, &found)) {
        fail(targets, record, ERR_NO_SUCH_FILE, "there is no \"%.*s\"", path);
        return;
    }
    if (!fragment.len || (S_ISDIR(found.st_mode) && !enter_directory(path, sizeof path)))
        return;
    const struct target_text *text = load(targets, path);
    if (text && text->has_names)
        check_name(targets, path, text, NULL, fragment, record);
}
