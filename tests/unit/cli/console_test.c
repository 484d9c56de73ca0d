/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * console_test.c: bar, block and lines on a pseudo-terminal, byte for byte and as a terminal shows them; and the
 * standard descriptors at the start of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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

/* stderr on a pseudo-terminal of this kind, until terminal_end returns what arrived there. */
struct terminal {
    int master, slave, saved;
    pthread_t reader;
};
static char terminal_text[65536];

/* Reads all the time, because a terminal holds only a few KiB. */
static void *read_terminal(void *argument) {
    int master = *(int *)argument;
    size_t used = 0;
    ssize_t count;
    while (used < sizeof terminal_text - 1 &&
           (count = read(master, terminal_text + used, sizeof terminal_text - 1 - used)) > 0) {
        used += (size_t)count;
    }
    terminal_text[used] = '\0';
    return NULL;
}

static void resize(const struct terminal *terminal, unsigned short columns) {
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    ioctl(terminal->slave, TIOCSWINSZ, &size);
}

static struct terminal terminal_begin(const char *term, unsigned short columns) {
    static int master;
    struct terminal terminal = {.master = posix_openpt(O_RDWR | O_NOCTTY), .saved = dup(2)};
    assert_true(terminal.master >= 0 && grantpt(terminal.master) == 0 &&
                unlockpt(terminal.master) == 0);
    terminal.slave = open(ptsname(terminal.master), O_RDWR | O_NOCTTY);
    struct termios raw;
    tcgetattr(terminal.slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(terminal.slave, TCSANOW, &raw);
    resize(&terminal, columns);
    setenv("TERM", term, 1);
    master = terminal.master;
    assert_int_equal(pthread_create(&terminal.reader, NULL, read_terminal, &master), 0);
    fflush(stderr);
    dup2(terminal.slave, 2);
    console_open();
    return terminal;
}

static const char *terminal_end(struct terminal *terminal) {
    dup2(terminal->saved, 2);
    close(terminal->saved);
    close(terminal->slave);
    pthread_join(terminal->reader, NULL);
    close(terminal->master);
    return terminal_text;
}

/* Bar, line, bar, nothing on a terminal of this kind; what arrived there. */
static const char *on_terminal(const char *term, unsigned short columns, unsigned *width) {
    struct terminal terminal = terminal_begin(term, columns);
    *width = console_columns();
    console_bar("one");
    console_line("a %s", "line");
    console_bar("two");
    console_bar(NULL);
    console_line("end");
    return terminal_end(&terminal);
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

/* ---- blocks ------------------------------------------------------------------------------------- */

static void test_block(void **state) {
    (void)state;
    struct terminal terminal = terminal_begin("xterm", 80);
    assert_int_equal(console_rows(), 24);
    console_block("one\ntwo");
    console_line("line");
    console_block("\033[31mx\033[0m\ny");
    console_block("z");
    console_block(NULL);
    console_line("end");
    assert_string_equal(terminal_end(&terminal), "one\033[K\ntwo\033[K\033[J"
                                                 "\r\033[1A\033[Jline\none\ntwo"
                                                 "\r\033[1A\033[31mx\033[0m\033[K\ny\033[K\033[J"
                                                 "\r\033[1Az\033[K\033[J"
                                                 "\r\033[Kend\n");
}

/* As much of a terminal as blocks need: rows without end, of so many columns. */
enum { SCREEN_ROWS = 400, SCREEN_COLUMNS = 20 };
struct screen {
    char cell[SCREEN_ROWS][SCREEN_COLUMNS + 1];
    unsigned row, column;
};

static void blank(struct screen *screen, unsigned row, unsigned from) {
    memset(screen->cell[row] + from, ' ', SCREEN_COLUMNS - from);
}

/* The sequence behind ESC [; returns its length. */
static size_t obey(struct screen *screen, const char *at) {
    char *end;
    unsigned number = (unsigned)strtoul(at, &end, 10);
    if (*end == 'A') {
        assert_true(number > 0 && number <= screen->row);
        screen->row -= number;
    } else if (*end == 'K' || *end == 'J') {
        blank(screen, screen->row, screen->column);
        for (unsigned row = screen->row + 1; *end == 'J' && row < SCREEN_ROWS; row++) {
            blank(screen, row, 0);
        }
    } else {
        assert_int_equal(*end, 'm');
    }
    return (size_t)(end - at) + 1;
}

static void play(struct screen *screen, const char *text) {
    for (unsigned row = 0; row < SCREEN_ROWS; row++) {
        blank(screen, row, 0);
    }
    for (const char *at = text; *at; at++) {
        if (*at == '\r') {
            screen->column = 0;
        } else if (*at == '\n') {
            screen->row++;
            screen->column = 0;
        } else if (*at == '\033') {
            assert_int_equal(at[1], '[');
            at += 1 + obey(screen, at + 2);
        } else {
            assert_true(screen->column < SCREEN_COLUMNS);
            screen->cell[screen->row][screen->column++] = *at;
        }
    }
}

static void assert_row(const struct screen *screen, unsigned row, const char *text) {
    char wanted[SCREEN_COLUMNS];
    assert_true(strlen(text) <= sizeof wanted);
    memset(wanted, ' ', sizeof wanted);
    memcpy(wanted, text, strlen(text));
    assert_memory_equal(screen->cell[row], wanted, SCREEN_COLUMNS);
}

/* Whatever is drawn below them, lines stay whole and in order, and of blocks only the last is left. */
static void test_screen(void **state) {
    (void)state;
    static struct screen screen;
    enum { LINES = 100 };
    char block[512];
    struct terminal terminal = terminal_begin("xterm", SCREEN_COLUMNS);
    for (unsigned i = 0; i < LINES; i++) {
        size_t used = 0;
        for (unsigned row = 0; row < 1 + i * 7 % 12; row++) {
            used += (size_t)sprintf(block + used, "%s\033[1m%.*s\033[0m", row ? "\n" : "",
                                    (int)(1 + (i + row) % 18), "block-block-block-block");
        }
        console_block(block);
        if (i % 5 == 0) {
            console_bar("bar");
        }
        console_line("line %u", i);
        if (i % 9 == 0) {
            console_block(NULL);
        }
    }
    console_block("the\nlast\n\nblock");
    play(&screen, terminal_end(&terminal));
    for (unsigned i = 0; i < LINES; i++) {
        snprintf(block, sizeof block, "line %u", i);
        assert_row(&screen, i, block);
    }
    assert_row(&screen, LINES, "the");
    assert_row(&screen, LINES + 1, "last");
    assert_row(&screen, LINES + 2, "");
    assert_row(&screen, LINES + 3, "block");
    for (unsigned row = LINES + 4; row < SCREEN_ROWS; row++) {
        assert_row(&screen, row, "");
    }
}

/* A terminal that becomes narrower wraps what was drawn: the block is then so much higher. */
static void test_resize(void **state) {
    (void)state;
    struct terminal terminal = terminal_begin("xterm", 80);
    console_block("\033[1m123456789012\033[0m\n1234\n12345");
    resize(&terminal, 5);
    console_block("a\nb");
    assert_non_null(strstr(terminal_end(&terminal), "\r\033[4Aa\033[K\nb"));
}

/* After the process was stopped, what stands above the cursor is the shell's. */
static void test_stopped(void **state) {
    (void)state;
    struct terminal terminal = terminal_begin("xterm", 80);
    console_block("one\ntwo");
    raise(SIGCONT);
    console_line("line");
    console_block("three\nfour");
    raise(SIGCONT);
    console_block("five\nsix");
    raise(SIGCONT);
    console_block(NULL);
    assert_string_equal(terminal_end(&terminal), "one\033[K\ntwo\033[K\033[J"
                                                 "line\n"
                                                 "three\033[K\nfour\033[K\033[J"
                                                 "five\033[K\nsix\033[K\033[J");
}

static void test_no_block(void **state) {
    (void)state;
    static char large[CONSOLE_BLOCK_BYTES_MAX + 1];
    struct terminal terminal = terminal_begin("xterm", 80);
    memset(large, 'x', sizeof large - 1);
    console_block(large);
    console_block("");
    assert_string_equal(terminal_end(&terminal), "");
    terminal = terminal_begin("dumb", 80);
    assert_false(console_has_colour());
    console_block("one\ntwo");
    console_line("line");
    assert_string_equal(terminal_end(&terminal), "line\n");
}

static void test_colour(void **state) {
    (void)state;
    static const struct {
        const char *no_colour;
        bool colour;
    } rows[] = {{NULL, true}, {"", true}, {"1", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsetenv("NO_COLOR");
        if (rows[i].no_colour) {
            setenv("NO_COLOR", rows[i].no_colour, 1);
        }
        struct terminal terminal = terminal_begin("xterm", 80);
        bool colour = console_has_colour();
        terminal_end(&terminal);
        assert_int_equal(colour, rows[i].colour);
    }
    unsetenv("NO_COLOR");
}

/* In a session of its own, whose terminal is `name`: draws while another process group has it. */
static int draw_in_background(const char *name) {
    setsid();
    int slave = open(name, O_RDWR); /* becomes the controlling terminal */
    dup2(slave, 2);
    setenv("TERM", "xterm", 1);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        console_open();
        console_block("one\ntwo");
        console_bar("bar");
        console_line("line");
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void test_background(void **state) {
    (void)state;
    struct terminal terminal = terminal_begin("xterm", 80);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(draw_in_background(ptsname(terminal.master)));
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_string_equal(terminal_end(&terminal), "line\n");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- standard descriptors ------------------------------------------------------------------------- */

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
        cmocka_unit_test(test_terminal),    cmocka_unit_test(test_dumb_terminal),
        cmocka_unit_test(test_no_terminal), cmocka_unit_test(test_block),
        cmocka_unit_test(test_screen),      cmocka_unit_test(test_resize),
        cmocka_unit_test(test_stopped),     cmocka_unit_test(test_no_block),
        cmocka_unit_test(test_colour),      cmocka_unit_test(test_background),
        cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
