/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * serve_options.c: see serve_options.h. The help must fit a screen, endpoints included: the manual has the rest.
 */
#include "serve_options.h"

#include <stdio.h>
#include <unistd.h>

#include "endpoints.h"

static const char usage[] =
    "Usage: ringfetch serve [options]\n"
    "A test origin: HTTP/1.1, good answers and bad ones. Ends with SIGINT or SIGTERM.\n"
    "  -p, --port N       8080; 0 picks a free one; the first line on stderr tells\n"
    "      --address ADDR 127.0.0.1; 0.0.0.0 or :: to be reached from elsewhere too,\n"
    "                     and from all of 127.0.0.0/8\n"
    "  -t, --threads N    one ring each (as cores; more to hold more connections)\n"
    "      --dir DIR      what /file/ serves\n"
    "      --work-us N    computes for so long at each request\n"
    "      --log FILE     a line a request, - is stdout\n"
    "      --tls          https only, by a throw-away CA; stderr tells the --cacert\n"
    "      --tls-name NAME  a further name or address of its certificate; repeatable\n"
    "      --tls-ca FILE  keeps the CA's certificate there\n"
    "      --cert FILE, --key FILE  your own certificate with its chain, and its key\n"
    "\n";
static const char examples[] = "\n"
                               "Examples:\n"
                               "  ringfetch serve --port 0 --threads 1 --log -\n"
                               "  ringfetch serve --tls --tls-ca ca.pem\n"
                               "  curl -i 'http://127.0.0.1:8080/redirect/3?code=307'\n";

#define AT(member) .offset = offsetof(struct serve_options, member)
static const struct option_row rows[] = {
    {"port", 'p', OPTION_VALUE, option_count, AT(port), .max = 65535},
    {"address", 0, OPTION_VALUE, option_text, AT(address)},
    {"threads", 't', OPTION_VALUE, option_count, AT(threads), .min = 1, .max = 1024},
    {"dir", 0, OPTION_VALUE, option_text, AT(directory)},
    {"work-us", 0, OPTION_VALUE, option_count, AT(work_us), .max = 10000000},
    {"log", 0, OPTION_VALUE, option_text, AT(log)},
    {"tls", 0, 0, option_flag, AT(tls)},
    {"tls-name", 0, OPTION_VALUE, option_list, AT(tls_names)},
    {"tls-ca", 0, OPTION_VALUE, option_text, AT(tls_ca)},
    {"cert", 0, OPTION_VALUE, option_text, AT(cert)},
    {"key", 0, OPTION_VALUE, option_text, AT(key)},
};

/* What one option needs or forbids of another. */
static int check(const struct serve_options *options) {
    const char *minting = options->tls_names.count ? "--tls-name"
                          : options->tls_ca        ? "--tls-ca"
                                                   : NULL;
    const char *first = minting         ? minting
                        : options->cert ? "--cert"
                        : options->key  ? "--key"
                                        : NULL;
    if (first && !options->tls)
        return options_refuse("serve", "%s needs --tls", first);
    if (options->key && !options->cert)
        return options_refuse("serve", "--key needs --cert");
    if (options->cert && minting)
        return options_refuse(
            "serve", "%s is for a certificate of the origin's own making, not --cert", minting);
    return -1;
}

int serve_options_read(struct serve_options *options, int argc, char **argv) {
    char help[sizeof usage + sizeof examples + 4096];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *options = (struct serve_options){.port = 8080, .address = "127.0.0.1"};
    snprintf(help, sizeof help, "%s%s%s", usage, endpoints_help, examples);
    const struct option_table table = {"serve", help, rows, sizeof rows / sizeof *rows, NULL, NULL};
    int status = options_read(&table, argc, argv, options);
    options->grows = !options->threads;
    if (options->grows)
        options->threads = cores > 0 ? (unsigned)cores : 1;
    return status >= 0 ? status : check(options);
}

void serve_options_deinit(struct serve_options *options) {
    option_list_deinit(&options->tls_names);
}
