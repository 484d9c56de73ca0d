/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls_roots.c: the roots of trust, from a file, a directory, or where the system keeps them. The thread that owns the struct tls.
 *
 * Certificates are cut out of their files here and given to the library one by one: a bad or expired one among 140 must not
 * cost the others, and the subjects have to be known (tls_private.h).
 *
 * Rejected: wolfSSL_CTX_load_verify_locations, which stops at the first certificate it doesn't like or tells nothing of what
 * it passed over.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tls/tls_der.h"
#include "tls/tls_private.h"

static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Alpine */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* older Red Hat */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/ssl/cert.pem",                                 /* BSD, Alpine */
};

static const char begin_mark[] = "-----BEGIN CERTIFICATE-----";
static const char end_mark[] = "-----END CERTIFICATE-----";

/* The context whose roots or intermediates are being added on this thread: the library's callback says only what it added. */
static _Thread_local struct tls *adding;

static void on_added(unsigned char *der, int bytes, int type) {
    (void)der;
    (void)bytes;
    if (type == WOLFSSL_CHAIN_CA && adding)
        adding->intermediates++;
}

static void remember(struct tls *tls, struct span subject) {
    struct tls_roots *roots = &tls->roots;
    if (roots->count == roots->room) {
        unsigned room = roots->room ? roots->room * 2 : 256;
        uint64_t *subjects = pool_acquire(tls->pool, room * sizeof *subjects);
        if (roots->count)
            memcpy(subjects, roots->subjects, roots->count * sizeof *subjects);
        pool_release(tls->pool, roots->subjects, roots->room * sizeof *subjects);
        roots->subjects = subjects;
        roots->room = room;
    }
    roots->subjects[roots->count++] = hash_bytes(subject.at, subject.len);
}

bool tls_roots_have(const struct tls_roots *roots, struct span subject) {
    uint64_t hash = hash_bytes(subject.at, subject.len);
    for (unsigned i = 0; i < roots->count; i++)
        if (roots->subjects[i] == hash)
            return true;
    return false;
}

static void add_der(struct tls *tls, struct span der) {
    struct tls_names names;
    if (!tls_names_read(der, &names))
        return;
    if (wolfSSL_CTX_load_verify_buffer(tls->ctx, der.at, (long)der.len, WOLFSSL_FILETYPE_ASN1) ==
        WOLFSSL_SUCCESS)
        remember(tls, names.subject);
}

static void add_pem(struct tls *tls, struct span pem) {
    uint8_t *der = pool_acquire(tls->pool, pem.len);
    int bytes = wc_CertPemToDer(pem.at, (int)pem.len, der, (int)pem.len, CERT_TYPE);
    if (bytes > 0)
        add_der(tls, span_of(der, (size_t)bytes));
    pool_release(tls->pool, der, pem.len);
}

static void add_bundle(struct tls *tls, struct span text) {
    while (text.len) {
        const uint8_t *begin = memmem(text.at, text.len, begin_mark, strlen(begin_mark));
        if (!begin)
            return;
        text = span_skip(text, (size_t)(begin - text.at));
        const uint8_t *end = memmem(text.at, text.len, end_mark, strlen(end_mark));
        if (!end)
            return;
        size_t len = (size_t)(end - text.at) + strlen(end_mark);
        add_pem(tls, span_of(text.at, len));
        text = span_skip(text, len);
    }
}

static void add_file(struct tls *tls, const char *path) {
    struct bytes text = {0};
    if (tls_options_read_file(path, tls->pool, &text) == 0)
        add_bundle(tls, bytes_span(&text));
    bytes_release(&text, tls->pool);
}

static void add_directory(struct tls *tls, const char *path) {
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[4096];
        if (entry->d_name[0] != '.' &&
            (size_t)snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < sizeof name)
            add_file(tls, name);
    }
    closedir(dir);
}

static void add_system(struct tls *tls) {
    const char *file = getenv("SSL_CERT_FILE"), *dirs = getenv("SSL_CERT_DIR");
    if (file && *file)
        add_file(tls, file);
    if (dirs && *dirs)
        add_directory(tls, dirs);
    if ((file && *file) || (dirs && *dirs))
        return;
    for (size_t i = 0; i < sizeof system_files / sizeof *system_files && !tls->roots.count; i++)
        add_file(tls, system_files[i]);
}

bool tls_roots_load(struct tls *tls) {
    struct tls_roots *roots = &tls->roots;
    roots->count = 0;
    tls->intermediates = 0;
    wolfSSL_CTX_SetCACb(tls->ctx, on_added);
    if (roots->cacert)
        add_file(tls, roots->cacert);
    if (roots->capath)
        add_directory(tls, roots->capath);
    if (!roots->cacert && !roots->capath)
        add_system(tls);
    roots->loaded = roots->count > 0;
    return roots->loaded;
}

/* A server's chain may add intermediates without end to what the library remembers, so that is emptied now and then. Handshakes
 * under way lose their server's intermediates only if they are in the middle of checking them, which no other call interrupts. */
bool tls_roots_ready(struct tls *tls) {
    adding = tls;
    if (tls->roots.loaded && tls->intermediates <= TLS_INTERMEDIATES_MAX)
        return true;
    if (tls->roots.loaded)
        wolfSSL_CTX_UnloadCAs(tls->ctx);
    return tls_roots_load(tls);
}

void tls_roots_deinit(struct tls *tls) {
    struct tls_roots *roots = &tls->roots;
    if (adding == tls)
        adding = NULL;
    pool_release_text(tls->pool, roots->cacert);
    pool_release_text(tls->pool, roots->capath);
    pool_release(tls->pool, roots->subjects, roots->room * sizeof *roots->subjects);
}
