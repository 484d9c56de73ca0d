/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * input_walk_test.c: directories as sources: which files count, in which order, with how few descriptors; and what is ready
 * without waiting when sources of several kinds stand in a row.
 */
#include "input/source_fixture.h"

static void expect_from(struct input *input, const char *source, const char *url) {
    expect_record(input);
    expect_span(record.source, source);
    expect_span(record.url, url);
}

static void make_site(void) {
    mkdir("s", 0700);
    mkdir("s/b", 0700);
    mkdir("s/.git", 0700);
    mkdir("s/b/deep", 0700);
    mkdir("out", 0700);
    put("s/z.html", "<a href='b/y.md#t'>");
    put("s/a.HTM", "<a href='/none'>");
    put("s/b/y.md", "# T\n[x](../z.html) [y](/a.HTM)");
    put("s/b/deep/x.xhtml", "<a href='http://h/'></a>");
    put("s/b.markdown", "[m](http://m/)");
    put("s/b/page.txt", "http://no/");
    put("s/.hidden.html", "<a href='http://no/'>");
    put("s/.git/g.html", "<a href='http://no/'>");
    put("out/o.html", "<a href='http://out/'>");
    if (symlink("../out/o.html", "s/c.html") || symlink("z.html", "s/d.html") ||
        symlink("../out", "s/e") || symlink("..", "s/b/loop") || symlink("gone", "s/f.html") ||
        mkfifo("s/pipe.html", 0600))
        assert_int_equal(errno, EEXIST);
}

static void test_order(void **state) {
    (void)state;
    make_site();
    static const char *const roots[] = {"s", "s/", "./s"};
    for (size_t i = 0; i < 3; i++) {
        char name[40];
        struct input *input = open_source(roots[i], NULL, NULL);
        assert_true(input_is_ready(input));
        const char *slash = i == 1 ? "" : "/";
#define AT(rest) (snprintf(name, sizeof name, "%s%s" rest, roots[i], slash), name)
        expect_from(input, AT("a.HTM"), "/none");
        assert_int_equal(record.err.kind, ERR_NO_SUCH_FILE);
        expect_from(input, AT("b/deep/x.xhtml"), "http://h/");
        expect_from(input, AT("b/y.md"), "../z.html");
        assert_false(err_is(record.err));
        expect_from(input, AT("b/y.md"), "/a.HTM"); /* "/" is the directory that was named */
        assert_false(err_is(record.err));
        expect_from(input, AT("b.markdown"), "http://m/");
        expect_from(input, AT("d.html"), "b/y.md#t");
        assert_true(record.is_decided && !err_is(record.err));
        expect_from(input, AT("z.html"), "b/y.md#t");
        expect_end(input);
    }
}

static void test_one_kind(void **state) {
    (void)state;
    make_site();
    struct input *input = open_source("s", "markdown", NULL);
    expect_from(input, "s/b/y.md", "../z.html");
    expect_from(input, "s/b/y.md", "/a.HTM");
    expect_from(input, "s/b.markdown", "http://m/");
    expect_end(input);
}

/* The base stands for the directory, and each document for its place beneath it. */
static void test_base(void **state) {
    (void)state;
    make_site();
    static const char *const bases[] = {"https://w/docs", "https://w/docs/", "w.example"};
    for (size_t i = 0; i < 3; i++) {
        char url[80];
        const char *root = i < 2 ? "https://w/docs" : "http://w.example";
        struct input *input = open_source("s", "markdown", bases[i]);
        snprintf(url, sizeof url, "%s/z.html", root);
        expect_from(input, "s/b/y.md", url);
        expect_from(input, "s/b/y.md", i < 2 ? "https://w/a.HTM" : "http://w.example/a.HTM");
        expect_from(input, "s/b.markdown", "http://m/");
        expect_end(input);
    }
    mkdir("odd", 0700);
    mkdir("odd/a?b#c%41", 0700);
    put("odd/a?b#c%41/x.md", "[x](y)");
    struct input *input = open_source("odd", NULL, "https://w/");
    expect_from(input, "odd/a?b#c%41/x.md", "https://w/a%3Fb%23c%2541/y");
    expect_end(input);
}

static unsigned open_descriptors(void) {
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Deep and wide: a descriptor or two, whatever the tree. */
static void test_descriptors(void **state) {
    (void)state;
    char name[700] = "deep";
    mkdir(name, 0700);
    for (int i = 0; i < 60; i++) {
        strcat(name, "/d");
        mkdir(name, 0700);
        char file[720];
        snprintf(file, sizeof file, "%s/f.md", name);
        put(file, "[x](http://h/)");
    }
    for (int i = 0; i < 300; i++) {
        char file[40];
        snprintf(file, sizeof file, "deep/n%d.md", i);
        put(file, "<http://h/>");
    }
    unsigned before = open_descriptors(), count = 0;
    struct input *input = open_source("deep", NULL, NULL);
    while (input_next(input, &record) == INPUT_RECORD) {
        expect_span(record.url, "http://h/");
        assert_true(open_descriptors() <= before + 3);
        count++;
    }
    assert_int_equal(count, 360);
    expect_end(input);
}

/* A directory that goes away before it is read, and a file that can't be opened, are records. */
static void test_unreadable(void **state) {
    (void)state;
    mkdir("gone", 0700);
    struct input *input = open_source("gone", NULL, NULL);
    add(input, put("l", "u"), "list", NULL);
    rmdir("gone");
    expect_bad(input, 0, ERR_UNREADABLE, "cannot list the directory: No such file");
    expect_span(record.url, "gone/");
    expect_url(input, 1, 0, "u");
    expect_end(input);
    expect_end((mkdir("nothing", 0700), open_source("nothing", NULL, NULL)));
}

static void test_interrupt(void **state) {
    (void)state;
    make_site();
    struct input *input = open_source("s", NULL, NULL);
    expect_from(input, "s/a.HTM", "/none");
    input_interrupt(input);
    assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
    input_close(input);
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static int saved_stdin;

static int pipe_stdin(void) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    saved_stdin = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    return ends[1];
}

static void feed(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void end_stdin(void) {
    dup2(saved_stdin, STDIN_FILENO);
    close(saved_stdin);
}

static void test_ready_csv(void **state) {
    (void)state;
    int to = pipe_stdin();
    struct input *input = open_source("-", "csv:u", NULL);
    assert_false(input_is_ready(input));
    feed(to, "x,u\n1,a\n2,\n3,b\n4,\"c\"\n5,d\n6,");
    expect_url(input, 2, 3, "a");
    assert_true(input_is_ready(input)); /* behind an empty one */
    expect_url(input, 4, 3, "b");
    assert_false(input_is_ready(input)); /* quotes may go on: not sure */
    expect_url(input, 5, 3, "c");
    assert_true(input_is_ready(input));
    expect_url(input, 6, 3, "d");
    assert_false(input_is_ready(input));
    feed(to, "e\n7\n");
    expect_url(input, 7, 3, "e");
    assert_true(input_is_ready(input)); /* a row too short is a record */
    expect_bad(input, 8, ERR_BAD_LINE, "too short");
    close(to);
    expect_end(input);
    end_stdin();
}

static void test_ready_jsonl_and_document(void **state) {
    (void)state;
    int to = pipe_stdin();
    struct input *input = open_source(
        put("d.html", "<a href='http://1/'><a href='http://2/'><base href=x>"), NULL, NULL);
    add(input, "-", "jsonl:u", NULL);
    assert_false(input_is_ready(input)); /* not looked into yet */
    expect_from(input, "d.html", "http://1/");
    assert_true(input_is_ready(input));
    expect_from(input, "d.html", "http://2/");
    assert_false(input_is_ready(input)); /* a <base> is no record */
    feed(to, "{\"u\":\"a\"}\n\n{}\n  ");
    expect_url(input, 1, 0, "a");
    assert_true(input_is_ready(input));
    expect_bad(input, 3, ERR_BAD_JSON, "missing");
    assert_false(input_is_ready(input));
    close(to);
    expect_end(input);
    end_stdin();
}

/* A guess takes what the first reading gives and doesn't wait for more. */
static void test_guess_of_pipe(void **state) {
    (void)state;
    int to = pipe_stdin();
    struct input *input = open_source("-", NULL, NULL);
    feed(to, "http://a/\n");
    expect_url(input, 1, 0, "http://a/");
    feed(to, "http://b/\n");
    expect_url(input, 2, 0, "http://b/");
    close(to);
    expect_end(input);
    end_stdin();
    to = pipe_stdin();
    input = open_source("-", NULL, NULL);
    feed(to, "<!doctype html><a href='http://c/'><a href='nowhere'>");
    close(to);
    expect_from(input, "-", "http://c/");
    expect_from(input, "-", "nowhere");
    assert_int_equal(record.err.kind, ERR_NO_SUCH_FILE);
    expect_end(input);
    end_stdin();
}

static void *interrupt(void *context) {
    input_interrupt(context);
    return NULL;
}

static void test_interrupt_blocked(void **state) {
    (void)state;
    static const char *const kinds[] = {NULL, "sitemap", "html", "csv:1", "jsonl:u"};
    for (size_t i = 0; i < 5; i++)
        for (int fed = 0; fed < 2; fed++) {
            int to = pipe_stdin();
            pthread_t thread;
            struct input *input = open_source("-", kinds[i], NULL);
            if (fed)
                feed(to, i == 1 ? "<urlset>" : "\n");
            assert_int_equal(pthread_create(&thread, NULL, interrupt, input), 0);
            assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
            pthread_join(thread, NULL);
            assert_int_equal(input_next(input, &record), INPUT_INTERRUPTED);
            input_close(input);
            close(to);
            end_stdin();
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),         cmocka_unit_test(test_one_kind),
        cmocka_unit_test(test_base),          cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_unreadable),    cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_ready_csv),     cmocka_unit_test(test_ready_jsonl_and_document),
        cmocka_unit_test(test_guess_of_pipe), cmocka_unit_test(test_interrupt_blocked),
    };
    return cmocka_run_group_tests_name("input_walk", tests, make_tree, remove_tree);
}
