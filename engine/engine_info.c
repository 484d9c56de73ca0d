/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_info.c: what this machine and this build can do, line by line, for `ringfetch info`. Any thread.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "document/document.h"
#include "engine.h"
#include "tls/tls_speed.h"

struct info {
    rf_info_fn *line;
    void *context;
};

__attribute__((format(printf, 4, 5))) static void say(const struct info *info, const char *group,
                                                      const char *name, const char *format, ...) {
    char value[256];
    va_list list;
    va_start(list, format);
    vsnprintf(value, sizeof value, format, list);
    va_end(list);
    info->line(info->context, group, name, value);
}

static void say_features(const struct info *info, const struct ring_features *features) {
    const struct {
        const char *name;
        bool has;
    } rows[] = {
        {"single issuer", features->single_issuer},
        {"deferred task work", features->defer_taskrun},
        {"direct descriptors", features->direct_descriptors},
        {"provided buffer rings", features->buffer_rings},
        {"multishot receive", features->multishot_recv},
        {"multishot accept", features->multishot_accept},
        {"receive bundles", features->bundles},
        {"minimum wait", features->min_wait},
        {"socket options by ring", features->socket_options},
        {"timeout with wait", features->ext_arg},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        say(info, "io_uring", rows[i].name, "%s", rows[i].has ? "yes" : "no");
}

static void say_limit(const struct info *info, const char *name, uint64_t value) {
    if (value == RLIM_INFINITY)
        say(info, "limits", name, "unlimited");
    else
        say(info, "limits", name, "%" PRIu64, value);
}

static void say_memory(const struct info *info, const struct rf_settings *settings,
                       uint64_t descriptors) {
    struct ring_options options;
    limits_ring(&options, settings, settings->threads);
    uint64_t buffers = (uint64_t)options.buffers * options.buffer_bytes;
    uint64_t slots = options.slots < descriptors ? options.slots : descriptors;
    say(info, "memory", "receive buffers a worker", "%u x %u bytes = %" PRIu64 " KiB",
        options.buffers, options.buffer_bytes, buffers / 1024);
    say(info, "memory", "sockets a worker", "%" PRIu64, slots);
    say(info, "memory", "queue entries a worker", "%u", options.entries);
    say(info, "memory", "a request in flight", "%zu bytes",
        sizeof(struct job) + conn_pool_conn_bytes()); /* and its texts, its host and its origin */
    say(info, "memory", "workers", "%u", settings->threads);
}

/* A tenth of a second for each figure: a processor without AES instructions, or a library that doesn't use them, shows at once. */
static void say_tls(const struct info *info) {
    struct tls_speed speed;
    say(info, "TLS", "versions", "1.2, 1.3");
    say(info, "TLS", "library", "%s", tls_library_source());
    if (tls_library_is_slow())
        say(info, "TLS", "warning",
            "this wolfSSL is the system's: AES up to 48 times slower, up to 60 times the memory a "
            "connection");
    tls_speed_measure(&speed, 100 * NS_PER_MS);
    say(info, "TLS", "AES-128-GCM", "%.0f MB/s", speed.gcm_bytes_per_s / 1e6);
    say(info, "TLS", "handshakes a core", "%.0f/s", speed.handshakes_per_s);
    say(info, "TLS", "resumed handshakes a core", "%.0f/s", speed.resumptions_per_s);
}

enum rf_exit rf_info(const struct rf_settings *settings, rf_info_fn *line, void *context) {
    struct info info = {.line = line, .context = context};
    struct ring_features features;
    struct utsname system;
    struct rlimit limit;
    say(&info, "ringfetch", "version", "%s", RF_VERSION);
    if (uname(&system) == 0)
        say(&info, "system", "kernel", "%s %s %s", system.sysname, system.release, system.machine);
    ring_probe(&features);
    if (features.error) {
        char why[WHY_BYTES];
        engine_explain_ring(features.error, why, sizeof why);
        say(&info, "io_uring", "usable", "no: %s", why);
        return RF_ENVIRONMENT;
    }
    say(&info, "io_uring", "usable", "yes");
    say_features(&info, &features);
    uint64_t descriptors = limits_raise();
    say_limit(&info, "descriptors", descriptors);
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
        say_limit(&info, "locked memory, bytes", limit.rlim_cur);
    if (getrlimit(RLIMIT_NPROC, &limit) == 0)
        say_limit(&info, "threads", limit.rlim_cur);
    struct rf_settings filled = *settings;
    settings_fill_in(&filled);
    say_memory(&info, &filled, descriptors);
    say(&info, "libraries", "liburing", "%s", ring_library());
    say(&info, "libraries", "c-ares", "%s", resolver_library());
    say(&info, "libraries", "libidn2", "%s", url_library());
    say(&info, "libraries", "jansson", "%s", input_library());
    say(&info, "libraries", "documents", "%s", document_libraries());
    say(&info, "libraries", "PCRE2", "%s", expect_library());
    say(&info, "libraries", "wolfSSL", "%s", tls_library());
    say_tls(&info);
    return RF_OK;
}
