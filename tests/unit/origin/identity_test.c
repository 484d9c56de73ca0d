/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * identity_test.c: the names of the origin's certificate, and the file of its CA.
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

#include <ringfetch/ringfetch.h>

#include "../../../tools/origin/identity.h"

static char place[] = "/tmp/rf-identity-XXXXXX";
static struct identity identity;
static union listen_address address;
static char why[256];

static int begin(const struct serve_options *options) {
    assert_true(listen_address_parse(&address, "127.0.0.3", 0));
    return identity_init(&identity, options, &address, why, sizeof why);
}

/* `expected` are the names joined by blanks. */
static void assert_names(const struct serve_options *options, const char *host, const char *machine,
                         const char *expected) {
    char joined[512] = "";
    const char **names = identity_names(options, host, machine);
    assert_non_null(names);
    for (size_t i = 0; names[i]; i++) {
        strcat(joined, i ? " " : "");
        strcat(joined, names[i]);
    }
    free(names);
    assert_string_equal(joined, expected);
}

static void test_names(void **state) {
    (void)state;
    const char *items[] = {"a.test", "localhost", "*.b.test", "192.0.2.1", "a.test", NULL};
    struct serve_options none = {0}, some = {.tls_names = {.items = items, .count = 5}};
    assert_names(&none, "127.0.0.1", "", "localhost *.localhost 127.0.0.1 ::1");
    assert_names(&none, "127.0.0.2", "box", "localhost *.localhost 127.0.0.1 ::1 127.0.0.2 box");
    assert_names(&some, "::1", "box",
                 "localhost *.localhost 127.0.0.1 ::1 box a.test *.b.test 192.0.2.1");
}

static void test_machines_without_a_proper_name(void **state) {
    (void)state;
    static const char *const bad[] = {"", "my box", "a_b", "-a", ".a", "a..b", "b\xc3\xbc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_names(&(struct serve_options){0}, "127.0.0.1", bad[i],
                     "localhost *.localhost 127.0.0.1 ::1");
}

static void test_authority_is_temporary(void **state) {
    (void)state;
    struct stat status;
    setenv("TMPDIR", place, 1);
    assert_int_equal(begin(&(struct serve_options){0}), RF_OK);
    assert_int_equal(strncmp(identity.ca_path, place, strlen(place)), 0);
    assert_int_equal(stat(identity.ca_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(status.st_size, strlen(identity.mint.ca));
    assert_true(identity.tls.server);
    assert_int_equal(identity.tls.cert_pem.len, strlen(identity.mint.cert));
    assert_int_equal(identity.tls.key_pem.len, strlen(identity.mint.key));
    identity_withdraw(&identity);
    assert_int_not_equal(stat(identity.ca_path, &status), 0);
    identity_deinit(&identity);
    assert_int_equal(begin(&(struct serve_options){0}), RF_OK);
    identity_deinit(&identity);
    assert_int_not_equal(stat(identity.ca_path, &status), 0);
}

static void test_authority_is_kept(void **state) {
    (void)state;
    char path[64], text[8192];
    snprintf(path, sizeof path, "%s/ca.pem", place);
    assert_int_equal(begin(&(struct serve_options){.tls_ca = path}), RF_OK);
    assert_string_equal(identity.ca_path, path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, identity.mint.ca);
    identity_deinit(&identity);
    assert_int_equal(unlink(path), 0);
}

static void test_nowhere_to_write(void **state) {
    (void)state;
    assert_int_equal(begin(&(struct serve_options){.tls_ca = "/dev/null/ca.pem"}), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "--tls-ca /dev/null/ca.pem: "));
    identity_deinit(&identity);
    assert_int_equal(begin(&(struct serve_options){.tls_ca = "/dev/full"}), RF_LOCAL_FAULT);
    identity_deinit(&identity);
    setenv("TMPDIR", "/dev/null", 1);
    assert_int_equal(begin(&(struct serve_options){0}), RF_LOCAL_FAULT);
    assert_non_null(strstr(why, "/dev/null/ringfetch-ca-"));
    identity_deinit(&identity);
}

static void test_bad_name_is_the_users_fault(void **state) {
    (void)state;
    const char *items[] = {"a b", NULL};
    setenv("TMPDIR", place, 1);
    assert_int_equal(begin(&(struct serve_options){.tls_names = {.items = items, .count = 1}}),
                     RF_USAGE);
    assert_non_null(strstr(why, "a b"));
    identity_deinit(&identity);
}

static void test_the_users_own(void **state) {
    (void)state;
    assert_int_equal(begin(&(struct serve_options){.cert = "c.pem", .key = "k.pem"}), RF_OK);
    assert_string_equal(identity.tls.cert, "c.pem");
    assert_string_equal(identity.tls.key, "k.pem");
    assert_string_equal(identity.ca_path, "");
    identity_deinit(&identity);
}

static int make_place(void **state) {
    (void)state;
    return mkdtemp(place) ? 0 : -1;
}

/* Fails when a file has been left behind. */
static int remove_place(void **state) {
    (void)state;
    return rmdir(place);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_machines_without_a_proper_name),
        cmocka_unit_test(test_authority_is_temporary),
        cmocka_unit_test(test_authority_is_kept),
        cmocka_unit_test(test_nowhere_to_write),
        cmocka_unit_test(test_bad_name_is_the_users_fault),
        cmocka_unit_test(test_the_users_own),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
