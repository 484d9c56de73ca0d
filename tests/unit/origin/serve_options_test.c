/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * serve_options_test.c: the options of `ringfetch serve`, above all what those about TLS need of one another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ringfetch/ringfetch.h>

#include "../../../tools/origin/serve_options.h"

enum { WORDS_MAX = 12 };

static struct serve_options options;
static char said[1024]; /* on stderr */

/* Splits at blanks. */
static int read_line(const char *line) {
    static char words[256];
    char *argv[WORDS_MAX + 1] = {"serve"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    FILE *file = tmpfile();
    int kept = dup(2);
    assert_non_null(file);
    dup2(fileno(file), 2);
    int status = serve_options_read(&options, argc, argv);
    dup2(kept, 2);
    close(kept);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return status;
}

static void assert_refused(const char *line, const char *part) {
    assert_int_equal(read_line(line), RF_USAGE);
    if (!strstr(said, part) || strchr(said, '\n') != said + strlen(said) - 1)
        fail_msg("%s: %s lacks %s, or is no line", line, said, part);
    serve_options_deinit(&options);
}

static void test_defaults(void **state) {
    (void)state;
    assert_int_equal(read_line(""), -1);
    assert_int_equal(options.port, 8080);
    assert_string_equal(options.address, "127.0.0.1");
    assert_true(options.threads > 0);
    assert_false(options.tls);
    assert_int_equal(options.tls_names.count, 0);
    serve_options_deinit(&options);
}

static void test_tls(void **state) {
    (void)state;
    assert_int_equal(read_line("--tls-name a.test --tls --tls-name *.b.test --tls-ca ca.pem"), -1);
    assert_true(options.tls);
    assert_int_equal(options.tls_names.count, 2);
    assert_string_equal(options.tls_names.items[0], "a.test");
    assert_string_equal(options.tls_names.items[1], "*.b.test");
    assert_string_equal(options.tls_ca, "ca.pem");
    serve_options_deinit(&options);
    assert_int_equal(read_line("--tls --cert a.pem --key b.pem"), -1);
    assert_string_equal(options.cert, "a.pem");
    assert_string_equal(options.key, "b.pem");
    serve_options_deinit(&options);
    assert_int_equal(read_line("--tls --cert both.pem"), -1);
    serve_options_deinit(&options);
}

static void test_contradictions(void **state) {
    (void)state;
    assert_refused("--tls-name a.test", "--tls-name needs --tls");
    assert_refused("--tls-ca ca.pem", "--tls-ca needs --tls");
    assert_refused("--cert a.pem", "--cert needs --tls");
    assert_refused("--key a.pem", "--key needs --tls");
    assert_refused("--tls --key a.pem", "--key needs --cert");
    assert_refused("--tls --cert a.pem --tls-ca ca.pem", "--tls-ca");
    assert_refused("--tls --cert a.pem --tls-name a.test", "--tls-name");
    assert_refused("--tls=yes", "--tls takes no value");
}

static void test_other_refusals(void **state) {
    (void)state;
    assert_refused("--port 65536", "--port 65536");
    assert_refused("--threads 0", "--threads 0");
    assert_refused("operand", "operand");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_other_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
