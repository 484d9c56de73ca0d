/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * console_test.c: bar and lines on a pseudo-terminal, byte for byte; and the standard descriptors
 * at the start of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/console.h"
#include "../../../tools/ringfetch/streams.h"

/* Bar, line, bar, nothing on a terminal of this kind; what arrived there. */
static const char *on_terminal(const char *term, unsigned short columns, unsigned *width) {
    static char text[4096];
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY), saved = dup(2);
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    struct termios raw;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    ioctl(slave, TIOCSWINSZ, &size);
    setenv("TERM", term, 1);
    fflush(stderr);
    dup2(slave, 2);
    console_open();
    *width = console_columns();
    console_bar("one");
    console_line("a %s", "line");
    console_bar("two");
    console_bar(NULL);
    console_line("end");
    dup2(saved, 2);
    close(saved);
    close(slave);
    size_t used = 0;
    ssize_t count;
    while (used < sizeof text - 1 &&
           (count = read(master, text + used, sizeof text - 1 - used)) > 0) {
        used += (size_t)count;
    }
    close(master);
    text[used] = '\0';
    return text;
}

static void test_terminal(void **state) {
    (void)state;
    unsigned width;
    assert_string_equal(on_terminal("xterm", 120, &width),
                        "one\r\033[Ka line\none\r\033[Ktwo\r\033[Kend\n");
    assert_int_equal(width, 120);
    on_terminal("xterm", 0, &width);
    assert_int_equal(width, 80);
}

static void test_dumb_terminal(void **state) {
    (void)state;
    unsigned width;
    assert_string_equal(on_terminal("dumb", 80, &width),
                        "one\r   \ra line\none\r   \rtwo\r   \rend\n");
    assert_false(console_is_terminal());
}

static void test_no_terminal(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    int saved = dup(2);
    dup2(pipes[1], 2);
    close(pipes[1]);
    console_open();
    console_bar("one");
    console_line("%5000s", "x"); /* longer than a line may be: cut, and still a line */
    console_bar(NULL);
    dup2(saved, 2);
    close(saved);
    char text[8192];
    size_t used = 0;
    ssize_t count;
    while ((count = read(pipes[0], text + used, sizeof text - used)) > 0) {
        used += (size_t)count;
    }
    close(pipes[0]);
    assert_memory_equal(text, "one\n ", 5);
    assert_true(used > 4000);
    assert_int_equal(text[used - 1], '\n');
}

/* In a process of its own: 0 when the three descriptors behave as promised. */
static int child_without_descriptors(void) {
    close(0);
    close(1);
    close(2);
    if (!streams_fill() || fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 ||
        fcntl(2, F_GETFD) < 0) {
        return 1;
    }
    char byte;
    if (read(0, &byte, 1) != -1 || errno != EBADF || write(1, "x", 1) != -1 || errno != EBADF) {
        return 2;
    }
    return write(2, "x", 1) == 1 ? 0 : 3;
}

static void test_streams(void **state) {
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(child_without_descriptors());
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    /* What is open stays as it is. */
    int before = dup(1);
    close(before);
    assert_true(streams_fill());
    int after = dup(1);
    close(after);
    assert_int_equal(before, after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_dumb_terminal),
        cmocka_unit_test(test_no_terminal),
        cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
