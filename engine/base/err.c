/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static const char *const stage_names[] = {
#define X(id, name) name,
    ERR_STAGES(X)
#undef X
};

static const struct {
    const char *name, *meaning;
    enum err_fault fault;
    bool retry;
} kinds[] = {
#define X(id, name, fault, retry, meaning) {name, meaning, FAULT_##fault, retry},
    ERR_KINDS(X)
#undef X
};

static const char *const fault_names[] = {"", "target", "local", "policy", "cancelled"};

const char *err_stage_name(struct err err) {
    CHECK(err.stage < ERR_STAGE_COUNT);
    return stage_names[err.stage];
}

const char *err_kind_name(enum err_kind kind) {
    CHECK(kind < ERR_KIND_COUNT);
    return kinds[kind].name;
}

const char *err_kind_meaning(enum err_kind kind) {
    CHECK(kind < ERR_KIND_COUNT);
    return kinds[kind].meaning;
}

enum err_fault err_fault(struct err err) {
    CHECK(err.kind < ERR_KIND_COUNT);
    return kinds[err.kind].fault;
}

const char *err_fault_name(struct err err) {
    return fault_names[err_fault(err)];
}

bool err_may_retry(struct err err) {
    CHECK(err.kind < ERR_KIND_COUNT);
    return kinds[err.kind].retry;
}

static enum err_kind kind_of_socket_errno(int error_number) {
    switch (error_number) {
    case ECONNREFUSED:
        return ERR_REFUSED;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return ERR_RESET;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return ERR_UNREACHABLE;
    case ENETUNREACH:
    case ENETDOWN:
    case ENONET:
    case EAFNOSUPPORT:
        return ERR_NETWORK_DOWN;
    case ETIMEDOUT:
        return ERR_TIMED_OUT;
    case EMFILE:
    case ENFILE:
        return ERR_DESCRIPTORS;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
        return ERR_PORTS;
    case ENOMEM:
    case ENOBUFS:
        return ERR_MEMORY;
    case EPERM:
    case EACCES:
        return ERR_FORBIDDEN;
    case ECANCELED:
        return ERR_CANCELLED;
    default:
        return ERR_SOCKET;
    }
}

struct err err_from_errno(enum err_stage stage, int error_number) {
    return err_make(stage, kind_of_socket_errno(error_number), error_number);
}

struct err err_from_file_errno(enum err_stage stage, int error_number) {
    enum err_kind kind = stage == STAGE_INPUT ? ERR_UNREADABLE : ERR_NOT_WRITTEN;
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
        kind = ERR_DISK_FULL;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        if (stage != STAGE_INPUT)
            kind = ERR_NOT_PERMITTED;
        break;
    case EEXIST:
        kind = ERR_EXISTS;
        break;
    case EXDEV:
    case ELOOP:
    case ENAMETOOLONG:
        kind = ERR_BAD_NAME;
        break;
    case EPIPE:
        kind = ERR_PIPE_CLOSED;
        break;
    case EMFILE:
    case ENFILE:
        kind = ERR_DESCRIPTORS;
        break;
    default:
        break;
    }
    return err_make(stage, kind, error_number);
}

char *err_text(struct err err, char *text, size_t size) {
    if (!size)
        return text;
    const char *meaning = err_kind_meaning((enum err_kind)err.kind);
    if (err.kind == ERR_HTTP_STATUS)
        snprintf(text, size, "%s: %d", meaning, err.detail);
    else if (err.detail > 0 && err.stage != STAGE_INPUT && strerrorname_np(err.detail))
        snprintf(text, size, "%s (%s)", meaning, strerrorname_np(err.detail));
    else
        snprintf(text, size, "%s", meaning);
    return text;
}
