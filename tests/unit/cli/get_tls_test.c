/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * get_tls_test.c: get's options for https: what is refused before anything runs, what reaches the settings, and what people
 * are told. Everything happens in a directory of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/commands.h"
#include "../../../tools/ringfetch/get_options.h"
#include "fake_engine.h"

#define U "https://x/"
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define WORDS(...) ((const char *const[]){"get", __VA_ARGS__ __VA_OPT__(, ) NULL})
#define GET(...) fake_run(cmd_get, WORDS(__VA_ARGS__))

static char directory[] = "/tmp/get_tls_testXXXXXX";
static const char *const files[] = {"a.pem", "b:c.pem", "key.pem"};

static int make_files(void **state) {
    (void)state;
    if (!mkdtemp(directory) || chdir(directory) || mkdir("d", 0700)) {
        return -1;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *file = fopen(files[i], "w");
        if (!file || fclose(file)) {
            return -1;
        }
    }
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        unlink(files[i]);
    }
    return rmdir("d") || chdir("/") || rmdir(directory);
}

static int set_up(void **state) {
    (void)state;
    fake_reset();
    return 0;
}

#define REFUSED(complaint, ...)                                                                    \
    do {                                                                                           \
        struct fake_printed printed_ = GET(__VA_ARGS__, U);                                        \
        assert_string_equal(printed_.err, "ringfetch get: " complaint "\n");                       \
        assert_int_equal(printed_.status, RF_USAGE);                                               \
        assert_string_equal(fake.calls, "");                                                       \
    } while (0)

static void test_files(void **state) {
    (void)state;
    REFUSED("--cacert nowhere.pem: No such file or directory", "--cacert", "nowhere.pem");
    REFUSED("--cacert '': must not be empty", "--cacert=");
    REFUSED("--cacert d: a directory, not a file", "--cacert", "d");
    REFUSED("--capath a.pem: not a directory", "--capath", "a.pem");
    REFUSED("--capath nowhere: No such file or directory", "--capath", "nowhere");
    REFUSED("--key nowhere.pem: No such file or directory", "-Ea.pem", "--key", "nowhere.pem");
    REFUSED("--key is for a client certificate: add -E, --cert", "--key", "key.pem");
}

/* The complaint never holds what may be a password. */
static void test_certificate(void **state) {
    (void)state;
    REFUSED("--cert: a.pem: takes no password: encrypted keys are not supported", "--cert",
            "a.pem:secret");
    REFUSED("-E: a.pem: takes no password: encrypted keys are not supported", "-Ea.pem:");
    REFUSED("-E: b:c.pem: takes no password: encrypted keys are not supported", "-E",
            "b:c.pem:secret:more");
    REFUSED("-E: nowhere\\x1b: No such file or directory", "-E", "nowhere\033:secret");
    REFUSED("-E: d: a directory, not a file", "-E", "d");
    REFUSED("--cert: must not be empty", "--cert", "");
    assert_int_equal(GET("-E", "b:c.pem", U).status, RF_OK);
    assert_int_equal(GET("-E", "./b:c.pem", "--key", "key.pem", U).status, RF_OK);
}

static void test_versions(void **state) {
    (void)state;
    REFUSED("--tls-min 1.1: TLS before 1.2 is not supported", "--tls-min", "1.1");
    REFUSED("--tls-max 1.0: TLS before 1.2 is not supported", "--tls-max", "1.0");
    REFUSED("--tlsv1.0: TLS before 1.2 is not supported", "--tlsv1.0");
    REFUSED("--tlsv1.1: TLS before 1.2 is not supported", "--tlsv1.1");
    REFUSED("--tls-max 1.4: must be 1.2 or 1.3", "--tls-max", "1.4");
    REFUSED("--tls-min '': must be 1.2 or 1.3", "--tls-min=");
    REFUSED("--tls-min 1.3 and --tls-max 1.2 contradict each other", "--tls-max", "1.2",
            "--tls-min", "1.3");
    REFUSED("--tls-min 1.3 and --tls-max 1.2 contradict each other", "--tlsv1.3", "--tls-max",
            "1.2");
    static const struct {
        const char *words[4];
        enum rf_tls min, max;
    } cases[] = {
        {{"-s"}, RF_TLS_ANY, RF_TLS_ANY},
        {{"--tls-min", "1.2"}, RF_TLS_1_2, RF_TLS_ANY},
        {{"--tls-min=1.3"}, RF_TLS_1_3, RF_TLS_ANY},
        {{"--tlsv1.2"}, RF_TLS_1_2, RF_TLS_ANY},
        {{"--tlsv1.2", "--tlsv1.3"}, RF_TLS_1_3, RF_TLS_ANY},
        {{"--tlsv1.2", "--tls-max", "1.2"}, RF_TLS_1_2, RF_TLS_1_2},
        {{"--tlsv1.3", "--tls-max", "1.3"}, RF_TLS_1_3, RF_TLS_1_3},
        {{"--tlsv1.3", "--tls-max", "default"}, RF_TLS_1_3, RF_TLS_ANY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *given = cases[i].words;
        const char *const words[] = {"get", U, given[0], given[1], given[2], NULL};
        assert_int_equal(fake_run(cmd_get, words).status, RF_OK);
        assert_int_equal(fake.settings.tls_min, cases[i].min);
        assert_int_equal(fake.settings.tls_max, cases[i].max);
    }
}

#define WRONG_CIPHERS "must be names of ciphers separated by ':'"
#define WRONG_PIN "must be sha256// and 44 characters of base64, several separated by ';'"

static void test_lists(void **state) {
    (void)state;
    REFUSED("--ciphers '': " WRONG_CIPHERS, "--ciphers", "");
    REFUSED("--ciphers A:: " WRONG_CIPHERS, "--ciphers", "A:");
    REFUSED("--ciphers :A: " WRONG_CIPHERS, "--ciphers", ":A");
    REFUSED("--ciphers A::B: " WRONG_CIPHERS, "--ciphers", "A::B");
    REFUSED("--ciphers HIGH:!MD5: " WRONG_CIPHERS, "--ciphers", "HIGH:!MD5");
    REFUSED("--tls13-ciphers A,B: " WRONG_CIPHERS, "--tls13-ciphers", "A,B");
    REFUSED("--pinnedpubkey nowhere: No such file or directory", "--pinnedpubkey", "nowhere");
    REFUSED("--pinnedpubkey sha256//: " WRONG_PIN, "--pinnedpubkey", "sha256//");
    REFUSED("--pinnedpubkey sha256//AAAA: " WRONG_PIN, "--pinnedpubkey", "sha256//AAAA");
    REFUSED("--pinnedpubkey " PIN "=: " WRONG_PIN, "--pinnedpubkey", PIN "=");
    REFUSED("--pinnedpubkey " PIN ";: " WRONG_PIN, "--pinnedpubkey", PIN ";");
    REFUSED("--pinnedpubkey " PIN ";x: " WRONG_PIN, "--pinnedpubkey", PIN ";x");
    REFUSED("--pinnedpubkey sha256//x;" PIN ": " WRONG_PIN, "--pinnedpubkey", "sha256//x;" PIN);
    assert_int_equal(GET("--pinnedpubkey", PIN ";" PIN, U).status, RF_OK);
    assert_int_equal(GET("--pinnedpubkey", "a.pem", U).status, RF_OK);
}

/* Strings live as long as the options, so they are looked at before these are gone. */
static void read_options(struct get_options *options, const char *const *words) {
    char *argv[16] = {0}, why[256];
    int argc = 0;
    for (; words[argc]; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc];
    }
    get_options_init(options);
    assert_int_equal(options_parse(&get_table, argc, argv, options, why, sizeof why), OPTIONS_DONE);
    assert_true(get_options_finish(options, why, sizeof why));
}

static void test_settings(void **state) {
    (void)state;
    struct get_options options;
    const struct rf_settings *got = &options.settings;
    read_options(&options, WORDS("-k", "--cacert", "a.pem", "--capath=d", "-Ea.pem", "--key",
                                 "key.pem", "--pinnedpubkey", PIN, "--no-sessionid", U));
    assert_true(got->insecure && got->no_resumption);
    assert_string_equal(got->cacert, "a.pem");
    assert_string_equal(got->capath, "d");
    assert_string_equal(got->cert, "a.pem");
    assert_string_equal(got->key, "key.pem");
    assert_string_equal(got->pinned_key, PIN);
    assert_null(got->ciphers);
    get_options_deinit(&options);
    read_options(&options, WORDS(U));
    assert_false(got->insecure || got->no_resumption);
    assert_true(!got->cacert && !got->capath && !got->cert && !got->key && !got->pinned_key);
    get_options_deinit(&options);
}

static void test_joined_ciphers(void **state) {
    (void)state;
    struct get_options options;
    read_options(&options, WORDS("--ciphers", "A:B", "--tls13-ciphers", "C", U));
    assert_string_equal(options.settings.ciphers, "C:A:B");
    get_options_deinit(&options);
    read_options(&options, WORDS("--ciphers", "A:B", U));
    assert_string_equal(options.settings.ciphers, "A:B");
    get_options_deinit(&options);
    read_options(&options, WORDS("--tls13-ciphers", "C", U));
    assert_string_equal(options.settings.ciphers, "C");
    get_options_deinit(&options);
}

static void test_warning(void **state) {
    (void)state;
    fake.result_count = 2;
    fake.results[0] = fake.results[1] = (struct rf_result){.ok = true, .url = U, .status = 200};
    assert_string_equal(GET("-k", U).err, "ringfetch: certificates are not verified (-k)\n");
    assert_string_equal(GET("--insecure", "-s", U).err, "");
    assert_string_equal(GET(U).err, "");
}

/* Which names a certificate is for is a stranger's word. */
static void test_failure(void **state) {
    (void)state;
    fake.result_count = 1;
    fake.results[0] =
        (struct rf_result){.url = "https://h/",
                           .error = {.kind = FAKE_WRONG_HOST},
                           .detail = "the certificate is for a.example, \033b.example, not for h"};
    fake.run_exit = RF_SOME_FAILED;
    assert_non_null(strstr(GET(U).err, "ringfetch: https://h/: tls: wrong-host: the certificate is "
                                       "for a.example, \\x1bb.example, not for h\n"));
}

static void test_verbose(void **state) {
    (void)state;
    struct rf_tls_facts tls = {.version = "1.3", .verify = "ok"};
    fake.result_count = 1;
    fake.results[0] = (struct rf_result){
        .ok = true, .url = U, .status = 200, .ip = "::1", .port = 443, .tls = &tls};
    assert_non_null(
        strstr(GET("-v", U).err, "https://x/: 200, 0 B in 0.0 ms, ::1 port 443, TLS 1.3\n"));
    tls.resumed = true;
    assert_non_null(strstr(GET("-v", U).err, ", TLS 1.3 resumed\n"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_files),   TEST(test_certificate), TEST(test_versions),
        TEST(test_lists),   TEST(test_settings),    TEST(test_joined_ciphers),
        TEST(test_warning), TEST(test_failure),     TEST(test_verbose),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
