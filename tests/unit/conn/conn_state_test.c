/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * conn_state_test.c: a connection's legal moves are those of the diagram in conn.h and no others; an
 * illegal one ends the process.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "conn/conn.h"

/* The diagram, written down once more. */
static bool is_in_diagram(enum conn_state from, enum conn_state to) {
    static const enum conn_state moves[][2] = {
        {CONN_ADDRESS, CONN_CONNECT}, {CONN_CONNECT, CONN_ROOM},   {CONN_ROOM, CONN_CONNECT},
        {CONN_ADDRESS, CONN_ROOM},    {CONN_CONNECT, CONN_ANSWER}, {CONN_ANSWER, CONN_REUSE},
        {CONN_REUSE, CONN_ANSWER},    {CONN_QUIET, CONN_CLOSE},    {CONN_CLOSE, CONN_GONE},
        {CONN_QUIET, CONN_GONE},      {CONN_CONNECT, CONN_SECURE}, {CONN_SECURE, CONN_ANSWER},
        {CONN_ROOM, CONN_ADDRESS},
    };
    if (to == CONN_QUIET)
        return from < CONN_QUIET;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (moves[i][0] == from && moves[i][1] == to)
            return true;
    return false;
}

static void test_moves_are_the_diagram(void **state) {
    (void)state;
    for (unsigned from = 0; from < CONN_STATES; from++)
        for (unsigned to = 0; to < CONN_STATES; to++)
            assert_int_equal(conn_state_may_go(from, to), is_in_diagram(from, to));
}

static void go_and_exit(enum conn_state from, enum conn_state to) {
    struct conn conn = {.state = (uint8_t)from};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    conn_go(&conn, to);
    _exit(conn.state == to ? 0 : 1);
}

static void test_illegal_moves_end_the_process(void **state) {
    (void)state;
    for (unsigned from = 0; from < CONN_STATES; from++) {
        for (unsigned to = 0; to < CONN_STATES; to++) {
            int status;
            pid_t child = fork();
            assert_true(child >= 0);
            if (!child)
                go_and_exit(from, to);
            assert_int_equal(waitpid(child, &status, 0), child);
            if (is_in_diagram(from, to))
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            else
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves_are_the_diagram),
        cmocka_unit_test(test_illegal_moves_end_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
