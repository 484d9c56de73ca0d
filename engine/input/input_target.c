/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_target.c: see input_target.h. Of targets the names in them are kept, not their text, while these are
 * small in number and size: a page's navigation points to the same few places from every page of a site. A
 * target is the file, not the path that was written: one has endlessly many spellings, and each would be read
 * anew. Rejected: remembering verdicts, which are as many as the links.
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

enum {
    SETS = 512, /* a file has its place in one of them */
    WAYS = 8,
    /* Of all targets; one alone may be larger. More than six million names. */
    NAMES_BYTES_MAX = 2 * DOCUMENT_BYTES_MAX,
    FRAGMENT_BYTES_MAX = 4096,
    GUESS_BYTES = 1024
};

/* What tells a file, and its content of now, from any other. */
struct target_key {
    uint64_t device, inode;
    int64_t size, changed_s, changed_ns;
    int64_t named; /* what its name says about its kind */
};

enum target_state {
    TARGET_EMPTY,    /* no target */
    TARGET_NAMES,    /* fragments are looked up in `names` */
    TARGET_NAMELESS, /* of a kind that has none, or unreadable: it can't be looked into */
    TARGET_NO_MEMORY,
    /* Too many names beside those of the document's other targets; not tried again in it. */
    TARGET_NO_ROOM,
};

struct target {
    struct target_key key;
    uint64_t used; /* the time of its last use; 0: never */
    struct document_names *names;
    enum target_state state;
};

struct targets {
    struct target files[SETS * WAYS];
    struct target self;   /* the document that the links are in, from the first "#name" on */
    uint64_t time, begun; /* begun: the time when the present document did */
    size_t names_bytes;   /* of all files */
    char why[LINE_WHY_BYTES];
};

struct targets *targets_open(void) {
    return calloc(1, sizeof(struct targets));
}

static size_t bytes_of(const struct target *target) {
    return target->names ? document_names_bytes(target->names) : 0;
}

static void drop(struct targets *targets, struct target *file) {
    targets->names_bytes -= bytes_of(file);
    document_names_close(file->names);
    *file = (struct target){0};
}

void targets_forget_self(struct targets *targets) {
    document_names_close(targets->self.names);
    targets->self = (struct target){0};
    targets->begun = targets->time;
}

void targets_close(struct targets *targets) {
    if (!targets)
        return;
    targets_forget_self(targets);
    for (size_t i = 0; i < SETS * WAYS; i++)
        drop(targets, &targets->files[i]);
    free(targets);
}

static void open_names(struct target *target, enum document_kind kind, struct span text,
                       const char *charset) {
    target->state = TARGET_NAMELESS;
    if (kind != DOCUMENT_HTML && kind != DOCUMENT_MARKDOWN)
        return;
    target->names = document_names_open(kind, text, charset);
    target->state = target->names ? TARGET_NAMES : TARGET_NO_MEMORY;
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

/* A name decides alone, or content does in the same way for all such names (document_guess). */
static struct target_key key_of(const char *path, const struct stat *stat) {
    enum document_kind kind;
    bool is_named = document_guess(path, span_of(NULL, 0), &kind);
    return (struct target_key){.device = stat->st_dev,
                               .inode = stat->st_ino,
                               .size = stat->st_size,
                               .changed_s = stat->st_ctim.tv_sec,
                               .changed_ns = stat->st_ctim.tv_nsec,
                               .named = is_named ? (int64_t)kind : -1};
}

/* The file of this key, else the place for it. */
static struct target *find_file(struct targets *targets, const struct target_key *key) {
    struct target *set = &targets->files[hash_bytes(key, sizeof *key) % SETS * WAYS];
    struct target *found = set;
    for (struct target *file = set; file < set + WAYS; file++) {
        if (file->state != TARGET_EMPTY && memcmp(&file->key, key, sizeof *key) == 0)
            return file;
        if (file->used < found->used)
            found = file;
    }
    return found;
}

/* None that the present document has used: links that go round between large files would have each
 * read again and again, hours for a page of a few megabytes. False: there is no other. */
static bool drop_oldest(struct targets *targets) {
    struct target *oldest = NULL;
    for (struct target *file = targets->files; file < targets->files + SETS * WAYS; file++)
        if (file->names && file->used <= targets->begun && (!oldest || file->used < oldest->used))
            oldest = file;
    if (oldest)
        drop(targets, oldest);
    return oldest != NULL;
}

static void make_room(struct targets *targets, struct target *fresh) {
    size_t want = bytes_of(fresh);
    while (targets->names_bytes && targets->names_bytes + want > NAMES_BYTES_MAX) {
        if (drop_oldest(targets))
            continue;
        document_names_close(fresh->names);
        fresh->names = NULL;
        fresh->state = TARGET_NO_ROOM;
        return;
    }
    targets->names_bytes += want;
}

/* Whether what is remembered about a file still holds. */
static bool is_known(const struct targets *targets, const struct target *file,
                     const struct target_key *key) {
    if (file->state == TARGET_NO_ROOM && file->used <= targets->begun)
        return false;
    return file->state != TARGET_EMPTY && memcmp(&file->key, key, sizeof *key) == 0;
}

static void read_file(struct target *file, const char *path) {
    uint8_t *text;
    size_t len;
    enum document_kind kind;
    file->state = TARGET_NAMELESS;
    if (!read_whole(path, &text, &len))
        return;
    struct span begin = span_of(text, len < GUESS_BYTES ? len : (size_t)GUESS_BYTES);
    if (document_guess(path, begin, &kind))
        open_names(file, kind, span_of(text, len), NULL);
    free(text);
}

static const struct target *load(struct targets *targets, const char *path,
                                 const struct stat *stat) {
    struct target_key key = key_of(path, stat);
    struct target *file = find_file(targets, &key);
    if (!is_known(targets, file, &key)) {
        drop(targets, file);
        struct target fresh = {.key = key};
        read_file(&fresh, path);
        make_room(targets, &fresh);
        *file = fresh;
    }
    file->used = ++targets->time;
    return file;
}

/* ---- names --------------------------------------------------------------------------------------- */

static void fail(struct targets *targets, struct input_record *record, enum err_kind kind,
                 const char *format, const char *text) {
    snprintf(targets->why, sizeof targets->why, format, input_shown_len(text, 200), text);
    input_one_line(targets->why, sizeof targets->why);
    record->err = err_make(STAGE_EXPECT, kind, 0);
    record->why = targets->why;
}

static void check_name(struct targets *targets, const struct target *in, struct span fragment,
                       struct input_record *record) {
    char decoded[FRAGMENT_BYTES_MAX + 1];
    size_t len = 0;
    if (in->state == TARGET_NO_MEMORY)
        fail(targets, record, ERR_MEMORY, "out of memory%.*s for the names in it", "");
    if (in->state == TARGET_NO_ROOM)
        fail(targets, record, ERR_TOO_LARGE,
             "there are too many names%.*s in it and in the other targets of this document", "");
    if (in->state != TARGET_NAMES)
        return;
    bool is_short = fragment.len <= FRAGMENT_BYTES_MAX;
    if (is_short)
        len = url_percent_decode(fragment, decoded);
    decoded[len] = 0;
    if (!is_short || !document_names_has(in->names, span_of(decoded, len)))
        fail(targets, record, ERR_NO_SUCH_FRAGMENT, "nothing in it is named \"%.*s\"", decoded);
}

void targets_decide_self(struct targets *targets, const struct target_place *place,
                         struct span fragment, struct input_record *record) {
    record->is_decided = true;
    if (!fragment.len)
        return;
    if (targets->self.state == TARGET_EMPTY)
        open_names(&targets->self, place->kind, place->text, place->charset);
    check_name(targets, &targets->self, fragment, record);
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
static bool enter_directory(char *path, size_t size, struct stat *found) {
    size_t len = strlen(path);
    const char *name = len && path[len - 1] == '/' ? "index.html" : "/index.html";
    if (len + strlen(name) >= size)
        return false;
    strcpy(path + len, name);
    return stat(path, found) == 0 && S_ISREG(found->st_mode);
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
    if (!fragment.len || (S_ISDIR(found.st_mode) && !enter_directory(path, sizeof path, &found)))
        return;
    check_name(targets, load(targets, path, &found), fragment, record);
}
