/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * err_test.c: the table of errors: names, faults, what an errno means, and the sentence for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

static void check_name(const char *name) {
    assert_true(*name);
    for (; *name; name++)
        assert_true(islower((unsigned char)*name) || isdigit((unsigned char)*name) ||
                    strchr("-.", *name));
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(err_kind_name(ERR_NONE), "");
    assert_string_equal(err_stage_name(ERR_OK), "");
    assert_string_equal(err_fault_name(ERR_OK), "");
    assert_false(err_is(ERR_OK));
    for (int kind = 1; kind < ERR_KIND_COUNT; kind++) {
        struct err err = err_make(STAGE_LOCAL, (enum err_kind)kind, 0);
        check_name(err_kind_name((enum err_kind)kind));
        check_name(err_fault_name(err));
        assert_true(err_is(err));
        assert_true(err_fault(err) != FAULT_NONE);
        assert_true(*err_kind_meaning((enum err_kind)kind));
        for (int other = 0; other < kind; other++)
            assert_string_not_equal(err_kind_name((enum err_kind)kind),
                                    err_kind_name((enum err_kind)other));
    }
    for (int stage = 1; stage < ERR_STAGE_COUNT; stage++)
        check_name(err_stage_name(err_make((enum err_stage)stage, ERR_REFUSED, 0)));
}

/* What scripts read in records stays. */
static void test_some_names(void **state) {
    (void)state;
    struct err err = err_make(STAGE_CONNECT, ERR_REFUSED, ECONNREFUSED);
    assert_string_equal(err_stage_name(err), "connect");
    assert_string_equal(err_kind_name(ERR_REFUSED), "refused");
    assert_string_equal(err_fault_name(err), "target");
    assert_true(err_may_retry(err));
    err = err_make(STAGE_INPUT, ERR_BAD_LINE, 3);
    assert_string_equal(err_fault_name(err), "policy");
    assert_false(err_may_retry(err));
    err = err_make(STAGE_LOCAL, ERR_INTERRUPTED, 0);
    assert_string_equal(err_fault_name(err), "cancelled");
}

struct meaning {
    int error_number;
    enum err_kind kind;
    enum err_fault fault;
};

/* A fault of this machine is never the target's. */
static void test_socket_errnos(void **state) {
    (void)state;
    static const struct meaning table[] = {
        {ECONNREFUSED, ERR_REFUSED, FAULT_TARGET}, {ECONNRESET, ERR_RESET, FAULT_TARGET},
        {EPIPE, ERR_RESET, FAULT_TARGET},          {EHOSTUNREACH, ERR_UNREACHABLE, FAULT_TARGET},
        {ETIMEDOUT, ERR_TIMED_OUT, FAULT_TARGET},  {ENETUNREACH, ERR_NETWORK_DOWN, FAULT_LOCAL},
        {ENETDOWN, ERR_NETWORK_DOWN, FAULT_LOCAL}, {EMFILE, ERR_DESCRIPTORS, FAULT_LOCAL},
        {ENFILE, ERR_DESCRIPTORS, FAULT_LOCAL},    {EADDRNOTAVAIL, ERR_PORTS, FAULT_LOCAL},
        {EADDRINUSE, ERR_PORTS, FAULT_LOCAL},      {ENOMEM, ERR_MEMORY, FAULT_LOCAL},
        {ENOBUFS, ERR_MEMORY, FAULT_LOCAL},        {EPERM, ERR_FORBIDDEN, FAULT_LOCAL},
        {EACCES, ERR_FORBIDDEN, FAULT_LOCAL},      {ECANCELED, ERR_CANCELLED, FAULT_CANCELLED},
        {EINVAL, ERR_SOCKET, FAULT_LOCAL},         {12345, ERR_SOCKET, FAULT_LOCAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err err = err_from_errno(STAGE_CONNECT, table[i].error_number);
        assert_int_equal(err.stage, STAGE_CONNECT);
        assert_int_equal(err.kind, table[i].kind);
        assert_int_equal(err.detail, table[i].error_number);
        assert_int_equal(err_fault(err), table[i].fault);
    }
}

static void test_file_errnos(void **state) {
    (void)state;
    static const struct meaning table[] = {
        {ENOSPC, ERR_DISK_FULL, FAULT_LOCAL},       {EDQUOT, ERR_DISK_FULL, FAULT_LOCAL},
        {EACCES, ERR_NOT_PERMITTED, FAULT_LOCAL},   {EROFS, ERR_NOT_PERMITTED, FAULT_LOCAL},
        {EEXIST, ERR_EXISTS, FAULT_POLICY},         {ELOOP, ERR_BAD_NAME, FAULT_POLICY},
        {ENAMETOOLONG, ERR_BAD_NAME, FAULT_POLICY}, {EPIPE, ERR_PIPE_CLOSED, FAULT_LOCAL},
        {EMFILE, ERR_DESCRIPTORS, FAULT_LOCAL},     {EIO, ERR_NOT_WRITTEN, FAULT_LOCAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err err = err_from_file_errno(STAGE_OUTPUT, table[i].error_number);
        assert_int_equal(err.stage, STAGE_OUTPUT);
        assert_int_equal(err.kind, table[i].kind);
        assert_int_equal(err.detail, table[i].error_number);
        assert_int_equal(err_fault(err), table[i].fault);
    }
    assert_int_equal(err_from_file_errno(STAGE_INPUT, EIO).kind, ERR_UNREADABLE);
    assert_int_equal(err_from_file_errno(STAGE_INPUT, EACCES).kind, ERR_UNREADABLE);
}

static void test_text(void **state) {
    (void)state;
    char text[200];
    err_text(err_make(STAGE_CONNECT, ERR_REFUSED, ECONNREFUSED), text, sizeof text);
    assert_string_equal(text, "the connection was refused (ECONNREFUSED)");
    err_text(err_make(STAGE_HEAD, ERR_HTTP_STATUS, 404), text, sizeof text);
    assert_string_equal(text, "the server answered with an error status: 404");
    err_text(err_make(STAGE_INPUT, ERR_BAD_LINE, EIO), text, sizeof text);
    assert_string_equal(text, "the input line is malformed"); /* 5 is a line there */
    err_text(err_make(STAGE_SEND, ERR_SOCKET, 99999), text, sizeof text);
    assert_string_equal(text, "the socket failed");
    assert_ptr_equal(err_text(err_make(STAGE_SEND, ERR_SOCKET, 0), text, 5), text);
    assert_string_equal(text, "the ");
    text[0] = 'x';
    err_text(ERR_OK, text, 0);
    assert_int_equal(text[0], 'x');
}

static void ask_for_a_name(uint8_t kind) {
    close(STDERR_FILENO);
    open("/dev/null", O_WRONLY);
    signal(SIGABRT, SIG_DFL);
    err_kind_name((enum err_kind)kind);
    _exit(0);
}

static void test_out_of_range(void **state) {
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        ask_for_a_name(ERR_KIND_COUNT);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_some_names),
        cmocka_unit_test(test_socket_errnos), cmocka_unit_test(test_file_errnos),
        cmocka_unit_test(test_text),          cmocka_unit_test(test_out_of_range),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
