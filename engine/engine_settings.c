/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_settings.c: defaults, and the engine's own copy of what the user set, checked as a whole before anything runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "engine.h"
#include "net/socket.h"

void rf_settings_init(struct rf_settings *settings) {
    *settings = (struct rf_settings){
        .concurrency = 256,
        .per_host = 32,
        .connect_timeout_ms = 10000,
        .stall_time_ms = 30000,
        .retries = 2,
        .redirects_max = 10,
        .fail_on_status = true,
        .idle_time_ms = 15000,
        .confirms = 1,
        .sniff_bytes = 65536,
    };
}

void rf_request_init(struct rf_request *request) {
    *request = (struct rf_request){.size = -1};
}

static const char *copy_text(const char *text) {
    char *copy = text ? strdup(text) : NULL;
    CHECK(!text || copy);
    return copy;
}

static const char *const *copy_list(const char *const *list) {
    if (!list)
        return NULL;
    size_t count = 0;
    while (list[count])
        count++;
    const char **copy = calloc(count + 1, sizeof *copy);
    CHECK(copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = copy_text(list[i]);
    return copy;
}

static void free_list(const char *const *list) {
    for (size_t i = 0; list && list[i]; i++)
        free((void *)(uintptr_t)list[i]);
    free((void *)(uintptr_t)list);
}

/* `why` is one line, whatever the value holds. */
static enum rf_exit bad(char *why, size_t why_size, const char *what, const char *value) {
    snprintf(why, why_size, "%s: \"%s\"", what, value);
    for (char *at = why; why_size && *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    return RF_USAGE;
}

/* Zeros become what they stand for. */
void settings_fill_in(struct rf_settings *settings) {
    if (!settings->threads)
        settings->threads = settings->ordinary_descriptors
                                ? limits_cores()
                                : limits_workers(limits_cores(), settings->concurrency);
    if (settings->threads > settings->concurrency)
        settings->threads = settings->concurrency;
    /* What is read ahead lets hosts take turns; its memory is bounded however long the list. */
    if (!settings->read_ahead) {
        unsigned ahead = settings->concurrency < 65536 ? settings->concurrency : 65536;
        settings->read_ahead = settings->concurrency + (ahead > 4096 ? ahead : 4096);
    }
    unsigned share = settings->concurrency / settings->threads;
    if (!settings->idle_max)
        settings->idle_max = share > 64 ? share : 64;
}

static enum rf_exit check_fields(struct rf_engine *engine, char *why, size_t why_size) {
    const char *const *headers = engine->settings.headers;
    while (headers && headers[engine->field_count])
        engine->field_count++;
    engine->fields = calloc(engine->field_count + 1, sizeof *engine->fields);
    CHECK(engine->fields);
    for (unsigned i = 0; i < engine->field_count; i++) {
        if (!request_field_parse(&engine->fields[i], headers[i]))
            return bad(why, why_size, "not a header field", headers[i]);
        if (request_field_is_framing(&engine->fields[i]))
            return bad(why, why_size, "this header field is ringfetch's own to set", headers[i]);
    }
    return RF_OK;
}

static bool has_control(const char *text) {
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static enum rf_exit check_sockets(const struct rf_settings *settings, char *why, size_t why_size) {
    struct sockaddr_un un;
    if (settings->unix_socket && strlen(settings->unix_socket) >= sizeof un.sun_path)
        return bad(why, why_size, "this socket path is too long", settings->unix_socket);
    if (settings->interface && !socket_has_interface(settings->interface))
        return bad(why, why_size, "this machine has no such interface or address",
                   settings->interface);
    return RF_OK;
}

static enum rf_exit check(struct rf_engine *engine, char *why, size_t why_size) {
    const struct rf_settings *settings = &engine->settings;
    if (!settings->concurrency || !settings->per_host) {
        snprintf(why, why_size, "concurrency and per_host must be at least 1");
        return RF_USAGE;
    }
    if (settings->shards && (!settings->shard || settings->shard > settings->shards)) {
        snprintf(why, why_size, "shard %u of %u does not exist", settings->shard, settings->shards);
        return RF_USAGE;
    }
    if (settings->tls_min > RF_TLS_1_3 || settings->tls_max > RF_TLS_1_3) {
        snprintf(why, why_size, "tls_min and tls_max must be RF_TLS_ANY, _1_2 or _1_3");
        return RF_USAGE;
    }
    if (settings->method && !request_method_is_valid(settings->method))
        return bad(why, why_size, "not a method", settings->method);
    const char *texts[] = {settings->user_agent, settings->referer, settings->range,
                           settings->user};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (has_control(texts[i]))
            return bad(why, why_size, "control characters in a header field's value", texts[i]);
    if (check_sockets(settings, why, why_size) != RF_OK)
        return RF_USAGE;
    return check_fields(engine, why, why_size);
}

enum rf_exit settings_take(struct rf_engine *engine, const struct rf_settings *settings, char *why,
                           size_t why_size) {
    struct rf_settings *copy = &engine->settings;
    *copy = *settings;
    copy->method = copy_text(settings->method);
    copy->headers = copy_list(settings->headers);
    copy->user_agent =
        copy_text(settings->user_agent ? settings->user_agent : "ringfetch/" RF_VERSION);
    copy->referer = copy_text(settings->referer);
    copy->user = copy_text(settings->user);
    copy->range = copy_text(settings->range);
    copy->resolve = copy_list(settings->resolve);
    copy->connect_to = copy_list(settings->connect_to);
    copy->dns_servers = copy_text(settings->dns_servers);
    copy->interface = copy_text(settings->interface);
    copy->unix_socket = copy_text(settings->unix_socket);
    copy->cacert = copy_text(settings->cacert);
    copy->capath = copy_text(settings->capath);
    copy->cert = copy_text(settings->cert);
    copy->key = copy_text(settings->key);
    copy->ciphers = copy_text(settings->ciphers);
    copy->pinned_key = copy_text(settings->pinned_key);
    copy->expect = copy_list(settings->expect);
    if (settings->body) {
        void *body = malloc(settings->body_bytes + 1);
        CHECK(body);
        memcpy(body, settings->body, settings->body_bytes);
        copy->body = body;
    }
    enum rf_exit result = check(engine, why, why_size);
    if (result == RF_OK)
        result = check_settings(engine, why, why_size);
    if (result == RF_OK)
        settings_fill_in(copy);
    return result;
}

void settings_drop(struct rf_engine *engine) {
    struct rf_settings *settings = &engine->settings;
    const void *owned[] = {
        settings->method, settings->user_agent,  settings->referer,    settings->user,
        settings->range,  settings->dns_servers, settings->interface,  settings->unix_socket,
        settings->body,   settings->cacert,      settings->capath,     settings->cert,
        settings->key,    settings->ciphers,     settings->pinned_key, engine->fields};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free((void *)(uintptr_t)owned[i]);
    free_list(settings->headers);
    free_list(settings->resolve);
    free_list(settings->connect_to);
    free_list(settings->expect);
    expect_free(engine->expect);
}
