/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * output_files.c: files:DIR, one file a body. Everything is done on the caller's thread with plain system calls
 * (docs/decisions/0001-writing-files.md). A file is opened with its body's first bytes, and closed at once when they are all of it: a
 * small body holds a descriptor for no longer than one call.
 *
 * Two requests of one run with the same name: rename numbers the later; skip and resume keep the one that was finished first,
 * and the other's record names it too; overwrite keeps the one that was finished last; fail fails the later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "output/file_call.h"
#include "output/file_resume.h"
#include "output/output.h"
#include "output/output_fault.h"
#include "output/output_verify.h"

enum {
    INLINE_PATH_BYTES = 176,
    /* A part that was cut off earlier is not worth a meta file, should the process be killed. */
    RESUME_NOTE_BYTES = 1 << 20,
    RESERVE_FROM_BYTES = 1 << 20, /* below, a system call more costs more than it brings */
};

struct files {
    struct file_place place;
    struct name_template *name;
    char *dir; /* as given, slashes at its end cut off; what paths in records begin with */
    size_t dir_len;
    bool named_late, hashed;
    struct output_fault fault;
};

/* Small, as there is one a request in flight: paths are in place if they are short, and only what is rare is a block of its own. */
struct file_stream {
    char *recorded;  /* DIR and the wanted name, as the record tells it; NULL: not named yet */
    char *path;      /* the name in it, beneath DIR */
    char *numbered;  /* what the record tells where the wanted name was taken, or NULL */
    char *temporary; /* where the body is now: `nameless` has no name, NULL is nowhere yet */
    struct verify verify;
    struct file_resume *resume;
    uint64_t end;      /* where the body will end, as announced; UINT64_MAX: not known */
    uint64_t reserved; /* up to where room has been set aside */
    int fd;            /* -1: closed */
    unsigned status;   /* for a name that needs the hash as well */
    bool continues;    /* the temporary is the part file, ours by its lock */
    char inline_text[INLINE_PATH_BYTES];
};

static char nameless[] = "";

/* As the record tells it, into `room` or, if that is too small, a block of its own. */
static char *full_path(const struct files *files, const char *path, char *room, size_t size) {
    size_t bytes = strlen(path) + 1, lead = files->dir_len ? files->dir_len + 1 : 0;
    char *full = lead + bytes <= size ? room : malloc(lead + bytes);
    CHECK(full);
    if (lead) {
        memcpy(full, files->dir, files->dir_len);
        full[files->dir_len] = '/';
    }
    memcpy(full + lead, path, bytes);
    return full;
}

static void keep_path(const struct files *files, struct file_stream *file, const char *path) {
    CHECK_HOT(!file->recorded);
    file->recorded = full_path(files, path, file->inline_text, sizeof file->inline_text);
    file->path = file->recorded + (files->dir_len ? files->dir_len + 1 : 0);
}

static void keep_temporary(struct file_stream *file, const char *temporary) {
    CHECK_HOT(!file->temporary);
    file->temporary = *temporary ? strdup(temporary) : nameless;
    CHECK(file->temporary);
}

static void forget_temporary(struct file_stream *file) {
    if (file->temporary != nameless)
        free(file->temporary);
    file->temporary = NULL;
}

static enum rf_output_answer fail(struct files *files, struct rf_stream *stream, struct err err) {
    const struct file_stream *file = stream->state;
    const char *name = file->path ? file->path : "";
    char what[256];
    snprintf(what, sizeof what, "%s%s%s", files->dir, *files->dir && *name ? "/" : "", name);
    output_fault_note(&files->fault, err, what);
    stream->error = output_error(err);
    return RF_OUTPUT_FAIL;
}

static enum rf_output_answer fail_errno(struct files *files, struct rf_stream *stream, int fault) {
    return fail(files, stream, output_errno(fault));
}

/* ---- open and close ----------------------------------------------------------------------------------- */

static char *dir_for_records(const char *argument) {
    char *dir = strdup(argument ? argument : "");
    CHECK(dir);
    size_t len = strlen(dir);
    while (len && dir[len - 1] == '/')
        len--;
    /* "/" leaves nothing, and "/" + "name" is what its files are called; no DIR at all must not become that. */
    if (!len && dir[0] == '/')
        strcpy(dir, "/.");
    else
        dir[len] = '\0';
    return dir;
}

static enum rf_exit files_open(void **output, const char *argument,
                               const struct rf_output_options *options, char *why,
                               size_t why_size) {
    const char *template = options && options->name ? options->name : "{basename}";
    const char *dir = argument && *argument ? argument : ".";
    struct name_template *name = name_template_parse(template, why, why_size);
    if (!name)
        return RF_USAGE;
    struct files *files = calloc(1, sizeof *files);
    CHECK(files);
    int fault = place_open(&files->place, dir, options ? options->on_exist : RF_EXIST_RENAME);
    if (fault) {
        char text[160];
        snprintf(why, why_size, "%s: %s", dir, err_text(output_errno(fault), text, sizeof text));
        name_template_free(name);
        free(files);
        return RF_LOCAL_FAULT;
    }
    files->name = name;
    files->hashed = name_needs_sha256(name);
    files->named_late = files->hashed || name_needs_status(name);
    files->dir = dir_for_records(argument);
    files->dir_len = strlen(files->dir);
    output_fault_init(&files->fault);
    *output = files;
    return RF_OK;
}

static enum rf_exit files_close(void *output, char *why, size_t why_size) {
    struct files *files = output;
    enum rf_exit end = output_fault_report(&files->fault, why, why_size);
    output_fault_deinit(&files->fault);
    place_close(&files->place);
    name_template_free(files->name);
    free(files->dir);
    free(files);
    return end;
}

/* ---- the name ----------------------------------------------------------------------------------------- */

/* Decides what the file is called. Once it is decided, it stays so, retries included. */
static bool name_file(struct files *files, struct rf_stream *stream) {
    struct file_stream *file = stream->state;
    char path[FILE_PATH_BYTES_MAX + 1];
    struct name_facts facts = {.url = stream->url,
                               .tag = stream->tag,
                               .n = stream->n,
                               .status = file->status,
                               .sha256 = file->verify.hex};
    bool good = stream->name ? name_check_wanted(stream->name, path)
                             : name_expand(files->name, &facts, path);
    if (good)
        keep_path(files, file, path);
    return good;
}

/* With the name known: is it taken, and is there something to continue? */
static enum rf_output_answer look(struct files *files, struct rf_stream *stream) {
    struct file_stream *file = stream->state;
    enum rf_on_exist on_exist = files->place.on_exist;
    if (on_exist == RF_EXIST_RENAME || on_exist == RF_EXIST_OVERWRITE)
        return RF_OUTPUT_OK;
    if (place_exists(&files->place, file->path)) {
        if (on_exist == RF_EXIST_FAIL)
            return fail_errno(files, stream, EEXIST);
        stream->path = file->recorded;
        return RF_OUTPUT_SKIP;
    }
    if (on_exist == RF_EXIST_RESUME && !file->resume) {
        file->resume = calloc(1, sizeof *file->resume);
        CHECK(file->resume);
    }
    return RF_OUTPUT_OK;
}

static enum rf_output_answer files_prepare(void *output, struct rf_stream *stream) {
    struct files *files = output;
    struct file_stream *file = stream->state;
    file->fd = -1;
    if (files->named_late && !stream->name)
        return RF_OUTPUT_OK;
    if (!name_file(files, stream))
        return fail(files, stream, err_make(STAGE_OUTPUT, ERR_BAD_NAME, 0));
    enum rf_output_answer answer = look(files, stream);
    if (answer != RF_OUTPUT_OK || !file->resume)
        return answer;
    stream->resume_offset = resume_find(&files->place, file->path, stream->url, file->resume);
    if (stream->resume_offset)
        stream->resume_validator = resume_validator(file->resume);
    return RF_OUTPUT_OK;
}

/* ---- the body ----------------------------------------------------------------------------------------- */

static void drop_temporary(struct files *files, struct file_stream *file) {
    if (file->temporary) {
        /* A part first goes and then loses its lock, or another process could take it up in between. */
        place_remove(&files->place, file->temporary);
        if (file->continues)
            resume_forget(&files->place, file->path, file->resume);
        forget_temporary(file);
    }
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

/* Puts what a continued part holds already through the hash. It is read on the worker's thread: the price of --on-exist
 * resume with a sha256, about a second a gigabyte. */
static int hash_part(struct file_stream *file) {
    uint8_t bytes[65536];
    off_t at = 0;
    while ((uint64_t)at < file->verify.received) {
        size_t want = file->verify.received - (uint64_t)at < sizeof bytes
                          ? (size_t)(file->verify.received - (uint64_t)at)
                          : sizeof bytes;
        ssize_t count = pread(file->fd, bytes, want, at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count ? errno : EIO;
        verify_earlier(&file->verify, bytes, (size_t)count);
        at += count;
    }
    return 0;
}

/* The temporary file of a body that begins at `offset`. */
static int open_temporary(struct files *files, struct file_stream *file, uint64_t offset) {
    char temporary[PLACE_PATH_BYTES];
    int fault = EAGAIN;
    file->continues = false;
    if (file->resume) {
        fault = resume_open(&files->place, file->path, offset, temporary, &file->fd);
        file->continues = !fault;
    }
    if (fault == EAGAIN && !offset)
        fault =
            place_create(&files->place, file->path ? file->path : "download", temporary, &file->fd);
    if (fault) {
        file->fd = -1;
        return fault;
    }
    keep_temporary(file, temporary);
    return 0;
}

/* The server sends the rest of a part. */
static enum rf_output_answer begin_rest(struct files *files, struct rf_stream *stream,
                                        const struct rf_response *response) {
    struct file_stream *file = stream->state;
    /* Less than was asked for is good as well: the part is cut to it. */
    bool same = file->resume && (!response->etag || !file->resume->etag[0] ||
                                 strcmp(response->etag, file->resume->etag) == 0);
    int fault = same ? open_temporary(files, file, response->offset) : 0;
    if (!fault && same && file->verify.digest)
        fault = hash_part(file);
    if (same && !fault)
        return RF_OUTPUT_OK;
    /* The next attempt is to ask for the whole. */
    stream->resume_offset = 0;
    stream->resume_validator = NULL;
    if (!same || fault == ESTALE || fault == EAGAIN)
        return fail(files, stream, err_make(STAGE_BODY, ERR_BAD_RANGE, 0));
    drop_temporary(files, file);
    return fail_errno(files, stream, fault);
}

static enum rf_output_answer files_begin(void *output, struct rf_stream *stream,
                                         const struct rf_response *response) {
    struct files *files = output;
    struct file_stream *file = stream->state;
    file->status = response->status;
    file->reserved = 0;
    if (!file->path && !(files->hashed && !stream->name)) {
        if (!name_file(files, stream))
            return fail(files, stream, err_make(STAGE_OUTPUT, ERR_BAD_NAME, 0));
        enum rf_output_answer answer = look(files, stream);
        if (answer != RF_OUTPUT_OK)
            return answer;
    }
    file->end =
        response->body_bytes < 0 ? UINT64_MAX : response->offset + (uint64_t)response->body_bytes;
    verify_begin(&file->verify, stream, files->hashed, response->offset);
    if (response->offset)
        return begin_rest(files, stream, response);
    if (file->resume)
        resume_learn(file->resume, response);
    return RF_OUTPUT_OK;
}

static int write_all(int fd, const char *bytes, size_t count) {
    while (count) {
        ssize_t wrote = file_call_write(fd, bytes, count);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        bytes += wrote;
        count -= (size_t)wrote;
    }
    return 0;
}

/* close tells what write did not where the quota is the server's (NFS). */
static int close_temporary(struct file_stream *file) {
    int fd = file->fd;
    file->fd = -1;
    return fd >= 0 && file_call_close(fd) && errno != EINTR ? errno : 0;
}

/* A file without a name is gone with its descriptor, and so is a part's lock: both stay open until they have their name. */
static bool may_close(const struct file_stream *file) {
    return !file->continues && file->temporary && *file->temporary;
}

static int reserve(struct file_stream *file, size_t count) {
    uint64_t at = file->verify.received - count; /* this piece is counted already */
    if (file->end == UINT64_MAX || file->verify.received <= file->reserved ||
        file->end - at < RESERVE_FROM_BYTES)
        return 0;
    return place_reserve(file->fd, at, file->end - at, &file->reserved);
}

static int open_for_body(struct files *files, struct file_stream *file) {
    if (file->fd >= 0)
        return 0;
    if (!file->temporary)
        return open_temporary(files, file, 0);
    /* More bytes than were announced; the engine should not let them through. */
    return place_reopen(&files->place, file->temporary, &file->fd);
}

static enum rf_output_answer files_body(void *output, struct rf_stream *stream, const void *bytes,
                                        size_t count) {
    struct files *files = output;
    struct file_stream *file = stream->state;
    struct err err = verify_body(&file->verify, stream, bytes, count);
    if (err_is(err))
        return fail(files, stream, err);
    int fault = open_for_body(files, file);
    if (!fault)
        fault = reserve(file, count);
    if (!fault)
        fault = write_all(file->fd, bytes, count);
    if (fault)
        return fail_errno(files, stream, fault);
    /* The part's lock goes with its descriptor, so that one stays open until it has its name. */
    if (file->verify.received >= file->end && may_close(file))
        fault = close_temporary(file);
    if (file->continues && !file->resume->noted && resume_validator(file->resume) &&
        file->verify.received >= RESUME_NOTE_BYTES && !fault)
        fault = resume_note(&files->place, file->path, stream->url, file->resume);
    return fault ? fail_errno(files, stream, fault) : RF_OUTPUT_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------ */

/* Gives the file its name. Where somebody else's file came first under skip or resume, that one stands. */
static int publish(struct files *files, struct rf_stream *stream) {
    struct file_stream *file = stream->state;
    char other[PLACE_PATH_BYTES];
    int fault = place_publish(&files->place, file->fd, file->temporary, file->path, other);
    if (fault == EEXIST && files->place.on_exist != RF_EXIST_FAIL)
        drop_temporary(files, file);
    else if (fault)
        return fault;
    if (file->temporary && file->continues)
        resume_forget(&files->place, file->path, file->resume);
    forget_temporary(file);
    stream->path = file->recorded;
    free(file->numbered);
    file->numbered = NULL;
    if (!fault && *other)
        stream->path = file->numbered = full_path(files, other, NULL, 0);
    return close_temporary(file);
}

static enum rf_output_answer files_finish(void *output, struct rf_stream *stream) {
    struct files *files = output;
    struct file_stream *file = stream->state;
    struct err err = verify_finish(&file->verify, stream);
    if (!err_is(err) && !file->path && !name_file(files, stream))
        err = err_make(STAGE_OUTPUT, ERR_BAD_NAME, 0);
    int fault = 0;
    if (!err_is(err) && !file->temporary) /* an empty body */
        fault = open_temporary(files, file, 0);
    if (!err_is(err) && !fault && may_close(file))
        fault = close_temporary(file);
    if (!err_is(err) && !fault)
        fault = publish(files, stream);
    if (fault)
        err = output_errno(fault);
    if (!err_is(err))
        return RF_OUTPUT_OK;
    drop_temporary(files, file);
    return fail(files, stream, err);
}

/* What has come so far is kept where a later run, or the next attempt, can go on with it. */
static bool keep_part(struct files *files, struct rf_stream *stream) {
    struct file_stream *file = stream->state;
    if (!file->continues || file->verify.received < 2 || !resume_validator(file->resume))
        return false;
    if (!file->resume->noted && resume_note(&files->place, file->path, stream->url, file->resume))
        return false;
    close_temporary(file);
    forget_temporary(file);
    stream->resume_offset = file->verify.received - 1;
    stream->resume_validator = resume_validator(file->resume);
    return true;
}

static void files_discard(void *output, struct rf_stream *stream) {
    struct files *files = output;
    struct file_stream *file = stream->state;
    bool refused = stream->error.kind == ERR_SIZE_MISMATCH || stream->error.kind == ERR_BAD_RANGE;
    if (!refused && keep_part(files, stream))
        return;
    drop_temporary(files, file);
    stream->resume_offset = 0;
    stream->resume_validator = NULL;
}

static void files_release(void *output, struct rf_stream *stream) {
    struct file_stream *file = stream->state;
    (void)output;
    if (file->recorded != file->inline_text)
        free(file->recorded);
    free(file->numbered);
    verify_end(&file->verify);
    free(file->resume);
}

const struct rf_output_ops output_files = {
    .abi = RF_OUTPUT_ABI,
    .kind = "files",
    .state_bytes = sizeof(struct file_stream),
    .wants_body = true,
    .open = files_open,
    .prepare = files_prepare,
    .begin = files_begin,
    .body = files_body,
    .finish = files_finish,
    .discard = files_discard,
    .release = files_release,
    .close = files_close,
};
