/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * identity.c: see identity.h. The key never leaves memory; only the CA's certificate is written, readable by all, as clients
 * of other users may test against the origin.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringfetch/ringfetch.h>

enum { MACHINE_BYTES_MAX = 254 }; /* with its NUL: no longer DNS name exists */

/* ---- names ------------------------------------------------------------------------------------- */

static void add_once(const char **names, size_t *count, const char *name) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0)
            return;
    names[(*count)++] = name;
}

/* A machine may be called what no certificate can say, which is no reason to refuse to serve. */
static bool is_host_name(const char *text) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    return *text && *text != '.' && *text != '-' && strspn(text, allowed) == strlen(text) &&
           !strstr(text, "..");
}

const char **identity_names(const struct serve_options *options, const char *address,
                            const char *machine) {
    static const char *const loopback[] = {"localhost", "*.localhost", "127.0.0.1", "::1"};
    enum { LOOPBACK = sizeof loopback / sizeof *loopback };
    size_t count = 0;
    const char **names = calloc(LOOPBACK + options->tls_names.count + 3, sizeof *names);
    if (!names)
        return NULL;
    for (size_t i = 0; i < LOOPBACK; i++)
        add_once(names, &count, loopback[i]);
    add_once(names, &count, address);
    if (is_host_name(machine))
        add_once(names, &count, machine);
    for (size_t i = 0; i < options->tls_names.count; i++)
        add_once(names, &count, options->tls_names.items[i]);
    return names;
}

/* ---- the CA's file ----------------------------------------------------------------------------- */

/* An open file at identity->ca_path, or -1. */
static int open_ca(struct identity *identity, const char *kept) {
    enum { MODE = 0644 };
    static const char suffix[] = ".pem";
    const char *place = getenv("TMPDIR");
    if (kept) {
        snprintf(identity->ca_path, sizeof identity->ca_path, "%s", kept);
        return open(kept, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
    }
    snprintf(identity->ca_path, sizeof identity->ca_path, "%s/ringfetch-ca-XXXXXX%s",
             place && *place ? place : "/tmp", suffix);
    int fd = mkostemps(identity->ca_path, sizeof suffix - 1, O_CLOEXEC);
    identity->is_temporary = fd >= 0;
    if (fd >= 0)
        fchmod(fd, MODE);
    return fd;
}

static int write_ca(struct identity *identity, const char *kept, char *why, size_t why_size) {
    size_t len = strlen(identity->mint.ca);
    errno = 0;
    int fd = open_ca(identity, kept);
    bool ok = fd >= 0 && write(fd, identity->mint.ca, len) == (ssize_t)len;
    int error = errno ? errno : ENOSPC; /* a short write leaves none */
    if (fd >= 0 && close(fd) && ok) {
        error = errno;
        ok = false;
    }
    if (ok)
        return RF_OK;
    snprintf(why, why_size, "%s%s: %s", kept ? "--tls-ca " : "", identity->ca_path,
             strerror(error));
    return RF_LOCAL_FAULT;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int mint(struct identity *identity, const struct serve_options *options,
                const union listen_address *address, char *why, size_t why_size) {
    char host[INET6_ADDRSTRLEN] = "", machine[MACHINE_BYTES_MAX] = "";
    listen_host(address, host);
    if (gethostname(machine, sizeof machine - 1))
        machine[0] = '\0';
    const char **names = identity_names(options, host, machine);
    if (!names) {
        snprintf(why, why_size, "%s", strerror(ENOMEM));
        return RF_ENVIRONMENT;
    }
    int refused =
        tls_mint_init(&identity->mint, &(struct tls_mint_options){.names = names}, why, why_size);
    free(names);
    if (refused)
        return options->tls_names.count ? RF_USAGE : RF_ENVIRONMENT;
    identity->tls.cert_pem = span_text(identity->mint.cert);
    identity->tls.key_pem = span_text(identity->mint.key);
    return write_ca(identity, options->tls_ca, why, why_size);
}

int identity_init(struct identity *identity, const struct serve_options *options,
                  const union listen_address *address, char *why, size_t why_size) {
    *identity = (struct identity){.tls = {.server = true, .alpn = "http/1.1"}};
    identity->tls.cert = options->cert;
    identity->tls.key = options->key;
    return options->cert ? RF_OK : mint(identity, options, address, why, why_size);
}

void identity_withdraw(struct identity *identity) {
    if (identity->is_temporary)
        unlink(identity->ca_path);
    identity->is_temporary = false;
}

void identity_deinit(struct identity *identity) {
    identity_withdraw(identity);
    tls_mint_deinit(&identity->mint);
}
