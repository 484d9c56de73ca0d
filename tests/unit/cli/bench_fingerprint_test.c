/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bench_fingerprint_test.c: what is read of this machine and of others, and which difference is named.
 */
#include "bench_saved_help.h"

#include <sys/utsname.h>

#include "../../../tools/ringfetch/bench_fingerprint.h"

static void test_this_machine(void **state) {
    (void)state;
    struct bench_fingerprint fingerprint = {0};
    struct utsname name;
    assert_int_equal(uname(&name), 0);
    assert_true(bench_fingerprint_read(&fingerprint));
    assert_non_null(strstr(fingerprint.system, name.release));
    assert_non_null(strstr(fingerprint.system, name.machine));
    assert_string_equal(fingerprint.version, RF_VERSION);
    assert_true(fingerprint.cores >= 1);
    assert_true((long)fingerprint.cores <= sysconf(_SC_NPROCESSORS_CONF));
    assert_string_equal(fingerprint.host, name.nodename);
    assert_non_null(fingerprint.cpu);
    assert_string_equal(fingerprint.tls, "");
    assert_string_equal(fingerprint.options, "");
    assert_string_equal(fingerprint.url, "");
    /* What others have filled in stays; what is read again is not leaked. */
    free(fingerprint.options);
    fingerprint.options = strdup("connections=1");
    assert_true(bench_fingerprint_read(&fingerprint));
    assert_string_equal(fingerprint.options, "connections=1");
    bench_fingerprint_deinit(&fingerprint);
    bench_fingerprint_deinit(&fingerprint);
}

static void assert_cpu(const char *cpuinfo, const char *name) {
    char text[64];
    FILE *file = fmemopen((void *)(uintptr_t)cpuinfo, strlen(cpuinfo), "r");
    assert_string_equal(bench_fingerprint_cpu(file, text, sizeof text), name);
    fclose(file);
}

static void test_processors(void **state) {
    (void)state;
    assert_cpu("processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\n"
               "model name\t: AMD EPYC 7B13\nstepping\t: 0\n\nprocessor\t: 1\n"
               "model name\t: Another\n",
               "AMD EPYC 7B13");
    assert_cpu("processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n"
               "CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n",
               "ARM implementer 0x41 part 0xd0c");
    assert_cpu("processor\t: 0\nCPU implementer\t: 0x61\n", "ARM implementer 0x61 part ?");
    assert_cpu("processor\t: 0\ncpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported");
    assert_cpu("processor\t: 0\nhart\t\t: 2\nisa\t: rv64imafdc\nuarch\t: sifive,u74-mc\n",
               "sifive,u74-mc");
    assert_cpu("model name\t:\nmodel name\t: late\n", "late");
    assert_cpu("nothing that is known\n", "");
    assert_cpu("\n", "");
}

static struct bench_fingerprint make_fingerprint(void) {
    struct made_side none = {0};
    return make_run(&none, NULL).fingerprint;
}

static void assert_differs(const struct bench_fingerprint *then,
                           const struct bench_fingerprint *now, const char *phrase) {
    char text[512] = "";
    const char *said = bench_fingerprint_differs(then, now, text, sizeof text);
    if (!phrase) {
        assert_null(said);
        return;
    }
    assert_ptr_equal(said, text);
    assert_string_equal(said, phrase);
}

static void test_differences(void **state) {
    (void)state;
    struct bench_fingerprint then = make_fingerprint(), now = make_fingerprint();
    assert_differs(&then, &now, NULL);
    now.url = literal("http://127.0.0.1:1/");
    now.host = literal("another");
    assert_differs(&then, &now, NULL);
    now.options = literal("connections=100 pipeline=1");
    assert_differs(&then, &now, "other options: connections=50 then, connections=100 now");
    now.options = literal("connections=50 pipeline=1 rate=10");
    assert_differs(&then, &now, "other options: none then, rate=10 now");
    assert_differs(&now, &then, "other options: rate=10 then, none now");
    now.options = literal("connections=50  pipeline=16");
    assert_differs(&then, &now, "other options: pipeline=1 then, pipeline=16 now");
    now.version = literal("0.2.0");
    assert_differs(&then, &now, "another version of ringfetch: 0.1.0 then, 0.2.0 now");
    now.tls = literal("");
    assert_differs(&then, &now, "other TLS: 1.3 TLS_AES_128_GCM_SHA256 then, none now");
    now.cores = 2;
    assert_differs(&then, &now, "another number of cores: 4 then, 2 now");
    now.cores = 8;
    assert_differs(&then, &now, "another number of cores: 4 then, 8 now");
    now.cpu = literal("");
    assert_differs(&then, &now, "another processor: Some CPU @ 3 GHz then, an unknown one now");
    now.system = literal("Linux 6.12\033[2J");
    assert_differs(&then, &now, "another kernel: Linux 6.1.0 x86_64 then, Linux 6.12\\x1b[2J now");
}

/* Members that a file lacks are "", and equal to each other. */
static void test_unknown(void **state) {
    (void)state;
    struct bench_fingerprint then = {0}, now = {0};
    assert_differs(&then, &now, NULL);
    now.cpu = literal("some");
    assert_differs(&then, &now, "another processor: an unknown one then, some now");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_processors),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
