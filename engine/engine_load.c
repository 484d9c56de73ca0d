/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load.c: builds and frees a load, and takes what it is to ask. The kernel and the options of names and TLS are
 * tried out here, so that what is wrong with them is said before anything is started. The caller's thread, but rf_load_stop.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine_load.h"

enum { NAME_SOCKETS = 16 };

/* ---- trying it out ------------------------------------------------------------------------------------ */

bool load_tls_open(struct rf_load *load, struct tls **tls, struct pool *pool, char *why) {
    const struct rf_settings *settings = &load->common.settings;
    static const uint8_t versions[] = {TLS_VERSION_NONE, TLS_VERSION_1_2, TLS_VERSION_1_3};
    struct tls_options options = {
        .insecure = settings->insecure,
        .cacert = settings->cacert,
        .capath = settings->capath,
        .cert = settings->cert,
        .key = settings->key,
        .version_min = versions[settings->tls_min],
        .version_max = versions[settings->tls_max],
        .ciphers = settings->ciphers,
        .pinned = settings->pinned_key,
        .keylog = getenv("SSLKEYLOGFILE"),
        .alpn = "http/1.1",
        .no_resumption = settings->no_resumption || load->settings.new_session,
    };
    return tls_open(tls, &options, pool, why, WHY_BYTES) == 0;
}

static enum rf_exit try_tls(struct rf_load *load, char *why, size_t why_size) {
    char line[WHY_BYTES] = "";
    struct tls *tls = NULL;
    if (!load_tls_open(load, &tls, &load->pool, line)) {
        snprintf(why, why_size, "%s", line);
        return RF_USAGE;
    }
    tls_close(tls);
    return RF_OK;
}

static enum rf_exit open_names(struct rf_load *load, char *why, size_t why_size) {
    const struct rf_settings *settings = &load->common.settings;
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    struct ring_options options;
    ring_options_init(&options, NAME_SOCKETS);
    options.buffers = RING_BUFFERS_MIN;
    options.ordinary = settings->ordinary_descriptors;
    int failed = ring_open(&load->ring, &options);
    if (failed) {
        engine_explain_ring(-failed, why, why_size);
        return RF_ENVIRONMENT;
    }
    struct resolver_options resolver = {
        .family = families[settings->family],
        .servers = settings->dns_servers,
        .resolve = settings->resolve,
        .server_in_flight_max = settings->dns_in_flight,
        .server_rate = settings->dns_rate,
    };
    return resolver_open(&load->resolver, load->ring, &resolver, why, why_size) == 0 ? RF_OK
                                                                                     : RF_USAGE;
}

void load_names_close(struct rf_load *load) {
    if (load->resolver) {
        resolver_stop(load->resolver);
        while (!resolver_is_idle(load->resolver))
            ring_turn(load->ring, true);
        resolver_close(load->resolver);
    }
    ring_close(load->ring);
    load->resolver = NULL;
    load->ring = NULL;
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

static enum rf_exit open_event(struct rf_load *load, char *why, size_t why_size) {
    load->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (load->event_fd >= 0)
        return RF_OK;
    snprintf(why, why_size, "cannot make an eventfd: %s", strerror(errno));
    return RF_ENVIRONMENT;
}

static uint64_t fresh_seed(void) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed || !seed)
        seed = clock_now_ns();
    return seed;
}

static void init(struct rf_load *load) {
    pthread_mutex_init(&load->lock, NULL);
    pthread_cond_init(&load->changed, NULL);
    pool_depot_init(&load->depot);
    pool_init(&load->pool, &load->depot);
    plan_init(&load->plan, &load->pool);
    load->event_fd = -1;
    load->judge.comparison.verdict = RF_CHANGE_INCONCLUSIVE;
    load->machine.machine_cpu = -1;
}

enum rf_exit rf_load_open(struct rf_load **out, const struct rf_settings *settings,
                          const struct rf_load_settings *load_settings, char *why,
                          size_t why_size) {
    *out = NULL;
    struct rf_load *load = calloc(1, sizeof *load);
    CHECK(load);
    init(load);
    enum rf_exit result = load_settings_take(load, settings, load_settings, why, why_size);
    if (result == RF_OK) {
        limits_raise();
        signal(SIGPIPE, SIG_IGN);
        if (!load->settings.seed)
            load->settings.seed = fresh_seed();
        result = open_event(load, why, why_size);
    }
    if (result == RF_OK)
        result = open_names(load, why, why_size);
    if (result == RF_OK)
        result = try_tls(load, why, why_size);
    if (result != RF_OK) {
        rf_load_close(load);
        return result;
    }
    *out = load;
    return RF_OK;
}

void rf_load_close(struct rf_load *load) {
    if (!load)
        return;
    load_names_close(load);
    load_figures_drop(load);
    load_tallies_deinit(load);
    load_merge_deinit(&load->merge);
    load_compare_deinit(&load->judge);
    load_resolve_drop(load);
    plan_deinit(&load->plan);
    for (unsigned side = 0; side < RF_SIDES; side++)
        free(load->url[side]);
    load_settings_drop(load);
    if (load->event_fd >= 0)
        close(load->event_fd);
    pool_depot_deinit(&load->depot);
    pthread_mutex_destroy(&load->lock);
    pthread_cond_destroy(&load->changed);
    free(load);
}

/* ---- what is asked ------------------------------------------------------------------------------------- */

static size_t count_of(const char *const *list) {
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

/* The settings' fields and the request's own, in that order. NULL: memory is out. */
static const char **join_headers(const char *const *first, const char *const *second,
                                 size_t *count) {
    size_t before = count_of(first), own = count_of(second);
    const char **all = calloc(before + own + 1, sizeof *all);
    for (size_t i = 0; all && i < before; i++)
        all[i] = first[i];
    for (size_t i = 0; all && i < own; i++)
        all[before + i] = second[i];
    *count = before + own;
    return all;
}

static struct plan_request merged(const struct rf_load *load, const struct rf_load_request *request,
                                  const char *const *headers, size_t header_count) {
    const struct rf_settings *settings = &load->common.settings;
    bool has_body = request->body;
    return (struct plan_request){
        .name = request->name,
        .method = request->method ? request->method : settings->method,
        .url = request->url,
        .headers = headers,
        .header_count = header_count,
        .body = has_body ? span_of(request->body, request->body_bytes)
                         : span_of(settings->body, settings->body_bytes),
        .user_agent = settings->user_agent,
        .referer = settings->referer,
        .user = settings->user,
        .expect = {settings->expect, request->expect},
        .connect_to = settings->connect_to,
        .unix_path = settings->unix_socket,
        .weight = request->weight,
        .raw = request->raw,
        .close = load->settings.no_keepalive,
    };
}

static void note_url(struct rf_load *load, enum rf_side side) {
    const struct plan_entry *entry = &load->plan.entry[load->plan.entry_count - 1];
    if (!load->url[side])
        load->url[side] = strndup(entry->url.href, entry->url.href_len);
    if (load->plan.target[entry->target].https)
        load->has_https = true;
}

enum rf_exit rf_load_add(struct rf_load *load, enum rf_side side,
                         const struct rf_load_request *request, char *why, size_t why_size) {
    static const enum rf_exit exits[] = {
        [PLAN_OK] = RF_OK, [PLAN_BAD] = RF_USAGE, [PLAN_UNREADABLE] = RF_LOCAL_FAULT};
    if ((unsigned)side >= RF_SIDES || load->has_run || !request->url) {
        snprintf(why, why_size, "%s",
                 !request->url ? "a request without a URL"
                               : "requests are added before the run, to side A or B");
        return RF_USAGE;
    }
    size_t count;
    const char **headers = join_headers(load->common.settings.headers, request->headers, &count);
    CHECK(headers);
    struct plan_request own = merged(load, request, headers, count);
    enum plan_result result = plan_add(&load->plan, (uint8_t)side, &own, why, why_size);
    free(headers);
    if (result == PLAN_OK)
        note_url(load, side);
    return exits[result];
}

/* ---- stopping it ---------------------------------------------------------------------------------------- */

void rf_load_stop(struct rf_load *load, enum rf_exit exit) {
    int none = 0;
    atomic_compare_exchange_strong(&load->stop, &none, (int)exit);
    load_notify(load);
}
