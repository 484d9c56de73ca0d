/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_options.c: the tables of get's options, of which check has most too, and how each value is stored. What
 * contradicts what is get_check.c's.
 */
#include "get_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "get_help.h"
#include "get_tls.h"
#include "values.h"

enum {
    CONCURRENCY_MAX = 10000000,
    THREADS_MAX = 1024,
    RETRIES_MAX = 1000,
    REDIRECTS_MAX = 1000,
    USER_BYTES_MAX = 1024 /* what fits into any server's limit for a field, in base64 */
};

static bool say(char *why, size_t why_size, const char *complaint) {
    if (complaint) {
        snprintf(why, why_size, "%s", complaint);
    }
    return complaint == NULL;
}

static bool take_filled(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    return say(why, why_size, *value ? NULL : "must not be empty") &&
           option_text(target, row, value, why, why_size);
}

/* Text that goes into a field of its own (-A, -e). A tabulator could stand there, but the engine
 * wants none either. */
static const char *check_text(const char *value) {
    return field_has_control(value) || strchr(value, '\t') ? "must not hold control characters"
                                                           : NULL;
}

static bool take_field_text(void *target, const struct option_row *row, const char *value,
                            char *why, size_t why_size) {
    return say(why, why_size, check_text(value)) && option_text(target, row, value, why, why_size);
}

static bool take_method(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    return say(why, why_size, field_check_method(value)) &&
           option_text(target, row, value, why, why_size);
}

static bool take_range(void *target, const struct option_row *row, const char *value, char *why,
                       size_t why_size) {
    return say(why, why_size, field_check_range(value)) &&
           option_text(target, row, value, why, why_size);
}

static bool take_user(void *target, const struct option_row *row, const char *value, char *why,
                      size_t why_size) {
    const char *complaint = !strchr(value, ':')              ? "not NAME:PASSWORD"
                            : strlen(value) > USER_BYTES_MAX ? "too long"
                                                             : check_text(value);
    return say(why, why_size, complaint) && option_text(target, row, value, why, why_size);
}

static bool take_shard(void *target, const struct option_row *row, const char *value, char *why,
                       size_t why_size) {
    (void)row;
    struct rf_settings *settings = &((struct get_options *)target)->settings;
    return say(why, why_size, value_shard(value, &settings->shard, &settings->shards));
}

/* Remembers who reads standard input: only one can. */
static bool take_stdin(struct get_options *options, const char *option, char *why,
                       size_t why_size) {
    if (options->stdin_taker) {
        snprintf(why, why_size, "standard input is read by %s already", options->stdin_taker);
        return false;
    }
    options->stdin_taker = option;
    return true;
}

static bool add_input(struct get_options *options, const char *text, bool is_file, char *why,
                      size_t why_size) {
    /* A list of operands can be long: grow at powers of two. */
    size_t count = options->input_count;
    if ((count & (count - 1)) == 0) {
        struct get_input *inputs =
            realloc(options->inputs, (count ? 2 * count : 1) * sizeof *inputs);
        if (!inputs) {
            return say(why, why_size, "out of memory");
        }
        options->inputs = inputs;
    }
    options->inputs[options->input_count++] = (struct get_input){text, is_file};
    return true;
}

static bool take_input_file(void *target, const struct option_row *row, const char *value,
                            char *why, size_t why_size) {
    (void)row;
    if (strcmp(value, "-") == 0 && !take_stdin(target, "-i, --input-file", why, why_size)) {
        return false;
    }
    return say(why, why_size, *value ? NULL : "must not be empty") &&
           add_input(target, value, true, why, why_size);
}

bool get_options_take_url(void *target, const struct option_row *row, const char *value, char *why,
                          size_t why_size) {
    (void)row;
    return say(why, why_size,
               strcmp(value, "-") == 0 ? "not a URL; -i - reads a list from standard input"
                                       : NULL) &&
           add_input(target, value, false, why, why_size);
}

static bool take_field(struct get_options *options, const char *text, char *why, size_t why_size) {
    bool needless;
    if (!say(why, why_size, field_check(text, &needless))) {
        return false;
    }
    return needless ||
           say(why, why_size, option_list_add(&options->headers, text) ? NULL : "out of memory");
}

/* A field a line; blank lines are passed over. The text is kept for as long as the options are. */
static bool take_field_file(struct get_options *options, const char *path, char *why,
                            size_t why_size) {
    struct data file = {0};
    if (!data_add_file(&file, path, false, why, why_size)) {
        data_deinit(&file);
        return false;
    }
    if (strlen(file.bytes) != file.count || !option_list_add(&options->owned, file.bytes)) {
        data_deinit(&file);
        return say(why, why_size, "a field must not hold NUL");
    }
    char *line = file.bytes;
    while (line) {
        char *end = strchr(line, '\n');
        if (end) {
            end[end > line && end[-1] == '\r' ? -1 : 0] = '\0';
        }
        if (*line && !take_field(options, line, why, why_size)) {
            return false;
        }
        line = end ? end + 1 : NULL;
    }
    return true;
}

static bool take_header(void *target, const struct option_row *row, const char *value, char *why,
                        size_t why_size) {
    (void)row;
    if (value[0] != '@') {
        return take_field(target, value, why, why_size);
    }
    if (strcmp(value, "@-") == 0 && !take_stdin(target, "-H, --header", why, why_size)) {
        return false;
    }
    return take_field_file(target, value + 1, why, why_size);
}

static bool take_data(void *target, const struct option_row *row, const char *value, char *why,
                      size_t why_size) {
    struct get_options *options = target;
    if (strcmp(value, "@-") == 0 && !take_stdin(options, "--data", why, why_size)) {
        return false;
    }
    return data_add_value(&options->body, value, row->letter == 'd', why, why_size);
}

/* Colons outside of brackets, where those of IPv6 addresses stand. */
static unsigned count_colons(const char *text) {
    unsigned colons = 0;
    for (bool bracket = false; *text; text++) {
        bracket = *text == '[' || (bracket && *text != ']');
        colons += *text == ':' && !bracket;
    }
    return colons;
}

static bool take_resolve(void *target, const struct option_row *row, const char *value, char *why,
                         size_t why_size) {
    return say(why, why_size, count_colons(value) < 2 ? "not HOST:PORT:ADDR" : NULL) &&
           option_list(target, row, value, why, why_size);
}

static bool take_connect_to(void *target, const struct option_row *row, const char *value,
                            char *why, size_t why_size) {
    return say(why, why_size, count_colons(value) != 3 ? "not HOST1:PORT1:HOST2:PORT2" : NULL) &&
           option_list(target, row, value, why, why_size);
}

/* Refuses what can't be an output before the engine is built. */
bool get_options_take_output(void *target, const struct option_row *row, const char *value,
                             char *why, size_t why_size) {
    static const struct {
        const char *kind;
        bool needs_argument, takes_argument;
    } kinds[] = {{"files", false, true},
                 {"stdout", false, false},
                 {"jsonl", true, true},
                 {"csv", true, true},
                 {"null", false, false}};
    size_t count = strcspn(value, ":");
    if (memchr(value, '/', count) || (count > 3 && memcmp(value + count - 3, ".so", 3) == 0)) {
        return say(why, why_size, "plug-ins are not supported yet");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].kind) != count || memcmp(kinds[i].kind, value, count) != 0) {
            continue;
        }
        if (kinds[i].needs_argument && (!value[count] || !value[count + 1])) {
            snprintf(why, why_size, "needs a file (%s:FILE, %s:-)", kinds[i].kind, kinds[i].kind);
            return false;
        }
        if (!kinds[i].takes_argument && value[count]) {
            snprintf(why, why_size, "%s takes no argument", kinds[i].kind);
            return false;
        }
        return option_list(target, row, value, why, why_size);
    }
    return say(why, why_size, "must be files:DIR, stdout, jsonl:FILE, csv:FILE or null");
}

/* ---- the table ------------------------------------------------------------------------------ */

#define AT(member) .offset = offsetof(struct get_options, member)
#define FLAG(name, letter, member)                                                                 \
    { name, letter, 0, option_flag, AT(member) }
#define VALUE(name, letter, take, member)                                                          \
    { name, letter, OPTION_VALUE, take, AT(member) }
#define COUNT(name, letter, member, low, high)                                                     \
    { name, letter, OPTION_VALUE, option_count, AT(member), .min = low, .max = high }
#define WORD(name, letter, member, list)                                                           \
    { name, letter, OPTION_VALUE, option_word, AT(member), .words = list }
#define OWN(name, letter, take)                                                                    \
    { name, letter, OPTION_VALUE, take, .offset = 0 }
#define LATER(name, letter)                                                                        \
    { name, letter, OPTION_LATER, .take = NULL }

/* In the order of enum rf_on_exist and enum progress_mode. */
static const char *const on_exist_words[] = {"rename", "skip", "overwrite", "fail", "resume", NULL};
static const char *const progress_words[] = {"auto", "bar", "json", "none", NULL};

static const struct option_row shared_rows[] = {
    OWN("input-file", 'i', take_input_file),
    FLAG("globoff", 'g', settings.globoff),
    OWN("shard", 0, take_shard),

    VALUE("request", 'X', take_method, settings.method),
    OWN("header", 'H', take_header),
    OWN("data", 'd', take_data),
    OWN("data-binary", 0, take_data),
    FLAG("head", 'I', head),
    VALUE("user-agent", 'A', take_field_text, settings.user_agent),
    VALUE("referer", 'e', take_field_text, settings.referer),
    VALUE("user", 'u', take_user, settings.user),
    VALUE("range", 'r', take_range, settings.range),
    COUNT("max-redirs", 0, settings.redirects_max, 0, REDIRECTS_MAX),
    {"http1.1", 0, 0, .take = NULL},

    VALUE("resolve", 0, take_resolve, resolve),
    VALUE("connect-to", 0, take_connect_to, connect_to),
    VALUE("dns-servers", 0, take_filled, settings.dns_servers),
    VALUE("dns-rate", 0, option_rate, settings.dns_rate),
    COUNT("dns-in-flight", 0, settings.dns_in_flight, 1, CONCURRENCY_MAX),
    FLAG("ipv4", '4', ipv4),
    FLAG("ipv6", '6', ipv6),
    VALUE("interface", 0, take_filled, settings.interface),
    VALUE("unix-socket", 0, take_filled, settings.unix_socket),

    FLAG("insecure", 'k', settings.insecure),
    VALUE("cacert", 0, tls_take_file, settings.cacert),
    VALUE("capath", 0, tls_take_directory, settings.capath),
    {"cert", 'E', OPTION_VALUE | OPTION_SECRET, tls_take_certificate, AT(settings.cert)},
    VALUE("key", 0, tls_take_file, settings.key),
    VALUE("tls-min", 0, tls_take_version, settings.tls_min),
    VALUE("tls-max", 0, tls_take_version, settings.tls_max),
    {"tlsv1.0", 0, 0, tls_take_named_version, AT(settings.tls_min)},
    {"tlsv1.1", 0, 0, tls_take_named_version, AT(settings.tls_min)},
    {"tlsv1.2", 0, 0, tls_take_named_version, AT(settings.tls_min)},
    {"tlsv1.3", 0, 0, tls_take_named_version, AT(settings.tls_min)},
    VALUE("ciphers", 0, tls_take_ciphers, settings.ciphers),
    VALUE("tls13-ciphers", 0, tls_take_ciphers, tls13_ciphers),
    VALUE("pinnedpubkey", 0, tls_take_pin, settings.pinned_key),
    FLAG("no-sessionid", 0, settings.no_resumption),

    COUNT("concurrency", 'j', settings.concurrency, 1, CONCURRENCY_MAX),
    COUNT("per-host", 0, settings.per_host, 1, CONCURRENCY_MAX),
    COUNT("threads", 't', settings.threads, 1, THREADS_MAX),
    VALUE("rate", 0, option_rate, settings.rate),
    VALUE("per-host-rate", 0, option_rate, settings.per_host_rate),
    VALUE("limit-rate", 0, option_bytes, settings.limit_rate_bytes),

    VALUE("connect-timeout", 0, option_ms, settings.connect_timeout_ms),
    VALUE("max-time", 'm', option_ms, settings.max_time_ms),
    VALUE("stall-time", 0, option_ms, settings.stall_time_ms),
    VALUE("total-time", 0, option_ms, settings.total_time_ms),
    COUNT("retry", 0, settings.retries, 0, RETRIES_MAX),
    VALUE("retry-delay", 0, option_ms, settings.retry_delay_ms),
    VALUE("retry-max-time", 0, option_ms, settings.retry_max_time_ms),
    FLAG("retry-all", 0, settings.retry_all),
    VALUE("max-filesize", 0, option_bytes, settings.filesize_max_bytes),

    WORD("progress", 0, progress, progress_words),
    FLAG("silent", 's', silent),
    FLAG("verbose", 'v', verbose),

    LATER("cookie", 'b'),
    LATER("cookie-jar", 'c'),
    LATER("compressed", 0),
    LATER("proxy", 'x'),
    LATER("http2", 0),
};

const struct option_table shared_table = {
    "get", get_help, shared_rows, sizeof shared_rows / sizeof *shared_rows, get_options_take_url,
    NULL};

/* What becomes of bodies. */
static const struct option_row rows[] = {
    VALUE("output", 0, get_options_take_output, outputs),
    VALUE("directory", 'P', take_filled, directory),
    VALUE("name", 'o', take_filled, output.name),
    FLAG("ordered", 0, output.ordered),
    WORD("on-exist", 0, on_exist, on_exist_words),
    {"fail", 'f', OPTION_NO, option_flag, AT(settings.fail_on_status)},
};

const struct option_table get_table = {
    "get", get_help, rows, sizeof rows / sizeof *rows, get_options_take_url, &shared_table};

void get_options_init(struct get_options *options) {
    *options = (struct get_options){.on_exist = -1};
    rf_settings_init(&options->settings);
}

void get_options_deinit(struct get_options *options) {
    for (size_t i = 0; i < options->owned.count; i++) {
        free((void *)(uintptr_t)options->owned.items[i]);
    }
    option_list_deinit(&options->owned);
    option_list_deinit(&options->headers);
    option_list_deinit(&options->resolve);
    option_list_deinit(&options->connect_to);
    option_list_deinit(&options->outputs);
    data_deinit(&options->body);
    free(options->inputs);
    options->inputs = NULL;
}
