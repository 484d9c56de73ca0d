/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * template_test.c: placeholders and what fills them: numbers and their distribution, UUIDs, lines of files, lengths of bodies; and that no
 * end of a line gets into a head.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "guard.h"
#include "load/template.h"

static struct pool_depot depot;
static struct pool pool;
static struct template_shared shared;
static struct bytes into;
static struct random dice;
static char why[300];
static char path[] = "/tmp/template_test_XXXXXX";

static int open_shared(void **state) {
    (void)state;
    pool_depot_init(&depot);
    pool_init(&pool, &depot);
    template_shared_init(&shared, &pool);
    random_seed(&dice, 42);
    return 0;
}

static int close_shared(void **state) {
    (void)state;
    bytes_release(&into, &pool);
    template_shared_deinit(&shared);
    assert_int_equal(pool.live_bytes, 0);
    pool_depot_deinit(&depot);
    return 0;
}

static enum template_result try_make(struct template *template, struct span text,
                                     enum template_where where) {
    struct template_builder *builder = template_begin(&shared);
    enum template_result result = template_add(builder, text, where, why, sizeof why);
    if (result == TEMPLATE_OK)
        template_end(builder, template);
    else
        template_abandon(builder);
    return result;
}

static struct template make(const char *text, enum template_where where) {
    struct template template;
    struct span span = span_of(guard_copy(text, strlen(text)), strlen(text));
    if (try_make(&template, span, where) != TEMPLATE_OK)
        fail_msg("%s", why);
    return template;
}

static void check_filled(struct span filled, const char *expected) {
    if (!span_is(filled, expected))
        fail_msg("\"%.*s\", not \"%s\"", (int)filled.len, (const char *)filled.at, expected);
}

static void check_fill(const char *text, enum template_where where, uint64_t seq,
                       const char *expected) {
    struct template template = make(text, where);
    check_filled(template_fill(&template, seq, &dice, &into, &pool), expected);
    template_deinit(&template, &pool);
}

static void write_file(const char *content, size_t len) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}
#define WRITE(literal) write_file(literal, sizeof(literal) - 1)

/* A text with the file's name in place of each @. */
static const char *with_path(const char *text) {
    static char result[500];
    size_t len = 0;
    for (; *text; text++)
        len += (size_t)(*text == '@' ? snprintf(result + len, sizeof result - len, "%s", path)
                                     : snprintf(result + len, sizeof result - len, "%c", *text));
    return result;
}

/* ---- what is a placeholder -------------------------------------------------------------------------- */

static void test_braces(void **state) {
    (void)state;
    check_fill("", TEMPLATE_BODY, 1, "");
    check_fill("{{", TEMPLATE_BODY, 1, "{");
    check_fill("}}", TEMPLATE_BODY, 1, "}}");
    check_fill("{{}}", TEMPLATE_BODY, 1, "{}");
    check_fill("{{seq}}", TEMPLATE_BODY, 1, "{seq}");
    check_fill("{{{seq}}}", TEMPLATE_BODY, 7, "{7}");
    check_fill("{{\"a\":{seq},\"b\":{{}}}}", TEMPLATE_BODY, 7, "{\"a\":7,\"b\":{}}");
    check_fill("{\"a\":{\"b\":{seq}}}", TEMPLATE_BODY, 7, "{\"a\":{\"b\":7}}");
    check_fill("{seqs}{sea}{ seq}{uu}{", TEMPLATE_BODY, 7, "{seqs}{sea}{ seq}{uu}{");
}

static void test_has_holes(void **state) {
    (void)state;
    static const char *const holes[] = {"{seq}", "a{uuid}b", "{rand:1:2}", "{line:x}",
                                        "{seq",  "{seq:",    "{{{rand}"};
    static const char *const none[] = {"", "{", "}", "{{seq}}", "{se", "{sequence}", "{\"seq\":1}"};
    for (size_t i = 0; i < sizeof holes / sizeof *holes; i++)
        assert_true(
            template_has_holes(span_of(guard_copy(holes[i], strlen(holes[i])), strlen(holes[i]))));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(
            template_has_holes(span_of(guard_copy(none[i], strlen(none[i])), strlen(none[i]))));
}

static void test_malformed(void **state) {
    (void)state;
    static const char *const cases[] = {"{seq",
                                        "x{uuid",
                                        "{seq:}",
                                        "{uuid:4}",
                                        "{rand}",
                                        "{rand:}",
                                        "{rand:1}",
                                        "{rand:1:}",
                                        "{rand::1}",
                                        "{rand:2:1}",
                                        "{rand:-:1}",
                                        "{rand:1:x}",
                                        "{rand:1.5:2}",
                                        "{rand: 1:2}",
                                        "{rand:1:2:3}",
                                        "{rand:+1:2}",
                                        "{line}",
                                        "{line:}",
                                        "{line:x",
                                        "{rand:0:9223372036854775808}",
                                        "{rand:-9223372036854775809:0}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct template template;
        why[0] = '\0';
        if (try_make(&template, span_text(cases[i]), TEMPLATE_BODY) != TEMPLATE_BAD)
            fail_msg("\"%s\" is taken", cases[i]);
        assert_non_null(strstr(why, "placeholder \"{"));
    }
    char text[1000] = "{rand:";
    memset(text + 6, 'x', sizeof text - 7);
    struct template template;
    assert_int_equal(try_make(&template, span_of(text, sizeof text - 1), TEMPLATE_URL),
                     TEMPLATE_BAD);
    assert_true(strlen(why) < 150);
}

/* ---- values ------------------------------------------------------------------------------------------ */

static void test_seq(void **state) {
    (void)state;
    check_fill("{seq}/{seq}", TEMPLATE_URL, UINT64_MAX,
               "18446744073709551615/18446744073709551615");
    struct template template = make("{uuid}", TEMPLATE_BODY);
    assert_false(template.has_seq);
    template_deinit(&template, &pool);
    template = make("a{seq}", TEMPLATE_BODY);
    assert_true(template.has_seq);
    check_filled(template_sample(&template, &into, &pool), "a1");
    template_deinit(&template, &pool);
}

static void test_rand_limits(void **state) {
    (void)state;
    check_fill("{rand:5:5}", TEMPLATE_BODY, 0, "5");
    check_fill("{rand:-9223372036854775808:-9223372036854775808}", TEMPLATE_BODY, 0,
               "-9223372036854775808");
    check_fill("{rand:9223372036854775807:9223372036854775807}", TEMPLATE_BODY, 0,
               "9223372036854775807");
    struct template template =
        make("{rand:-9223372036854775808:9223372036854775807}", TEMPLATE_BODY);
    unsigned negative = 0;
    for (int i = 0; i < 1000; i++)
        negative += template_fill(&template, 0, &dice, &into, &pool).at[0] == '-';
    assert_in_range(negative, 430, 570);
    template_deinit(&template, &pool);
}

/* 100 cells, so 99 degrees of freedom: above 148.2 comes once in a thousand seeds, and this seed is fixed. Both ends must come. */
static void test_rand_is_even(void **state) {
    (void)state;
    enum { CELLS = 100, EACH = 1000 };
    struct template template = make("{rand:-40:59}", TEMPLATE_BODY);
    unsigned count[CELLS] = {0};
    for (int i = 0; i < CELLS * EACH; i++) {
        struct span filled = template_fill(&template, 0, &dice, &into, &pool);
        char text[8];
        snprintf(text, sizeof text, "%.*s", (int)filled.len, (const char *)filled.at);
        int cell = atoi(text) + 40;
        assert_in_range(cell, 0, CELLS - 1);
        count[cell]++;
    }
    double square = 0;
    for (int i = 0; i < CELLS; i++)
        square += ((double)count[i] - EACH) * ((double)count[i] - EACH) / EACH;
    assert_true(square < 148.2);
    assert_true(square > 61); /* and not too even either */
    template_deinit(&template, &pool);
}

static bool is_uuid(struct span text) {
    static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    if (text.len != sizeof form - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *allowed = form[i] == 'x' ? "0123456789abcdef" : form[i] == 'y' ? "89ab" : NULL;
        if (allowed ? !memchr(allowed, text.at[i], strlen(allowed)) : text.at[i] != form[i])
            return false;
    }
    return true;
}

static void test_uuid(void **state) {
    (void)state;
    struct template template = make("{uuid}{uuid}", TEMPLATE_URL);
    char last[36] = "";
    for (int i = 0; i < 2000; i++) {
        struct span both = template_fill(&template, 0, &dice, &into, &pool);
        assert_int_equal(both.len, 72);
        assert_true(is_uuid(span_of(both.at, 36)) && is_uuid(span_of(both.at + 36, 36)));
        assert_memory_not_equal(both.at, both.at + 36, 36);
        assert_memory_not_equal(both.at, last, 36);
        memcpy(last, both.at, 36);
    }
    assert_true(is_uuid(span_of(template_sample(&template, &into, &pool).at, 36)));
    template_deinit(&template, &pool);
}

static void test_streams_differ(void **state) {
    (void)state;
    struct random a, b;
    for (uint64_t stream = 0; stream < 50; stream++) {
        random_seed_stream(&a, 7, stream);
        random_seed_stream(&b, 7, stream + 1);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                assert_int_not_equal(a.s[i], b.s[j]);
    }
    for (int i = 0; i < 100000; i++) {
        double unit = random_unit(&a);
        assert_true(unit > 0 && unit <= 1);
    }
}

/* ---- files ------------------------------------------------------------------------------------------- */

static void test_lines(void **state) {
    (void)state;
    WRITE("one\r\n\r\n\ntwo x\nlast");
    struct template template = make(with_path("{line:@}|"), TEMPLATE_BODY);
    check_filled(template_sample(&template, &into, &pool), "one|");
    static const char *const expected[] = {"one|", "two x|", "last|", "one|"};
    for (size_t i = 0; i < 4; i++)
        check_filled(template_fill(&template, 0, &dice, &into, &pool), expected[i]);
    /* Another template goes on in the same file, which isn't read again. */
    WRITE("changed\n");
    check_fill(with_path("{line:@}{line:@}"), TEMPLATE_FIELD, 0, "two xlast");
    template_deinit(&template, &pool);
}

static void test_lines_in_urls(void **state) {
    (void)state;
    WRITE("a b/c?d=e&f#%g~\xc3\xa4\r\x01{seq}\n");
    check_fill(with_path("{line:@}"), TEMPLATE_URL, 5,
               "a%20b/c%3Fd%3De%26f%23%25g~%C3%A4%0D%01%7Bseq%7D");
    check_fill(with_path("{line:@}"), TEMPLATE_BODY, 5, "a b/c?d=e&f#%g~\xc3\xa4\r\x01{seq}");
}

static void test_lines_in_fields(void **state) {
    (void)state;
    struct template template;
    WRITE("good\nba\rd\n");
    assert_int_equal(try_make(&template, span_text(with_path("x {line:@}")), TEMPLATE_FIELD),
                     TEMPLATE_BAD);
    assert_non_null(strstr(why, "a line of the file holds CR or NUL"));
    check_fill(with_path("{line:@}"), TEMPLATE_BODY, 0, "good");
}

static void test_nul_in_fields(void **state) {
    (void)state;
    struct template template;
    WRITE("go\0od\n");
    assert_int_equal(try_make(&template, span_text(with_path("x {line:@}")), TEMPLATE_FIELD),
                     TEMPLATE_BAD);
}

static void test_unreadable(void **state) {
    (void)state;
    struct template template;
    assert_int_equal(try_make(&template, span_text("{line:/}"), TEMPLATE_BODY),
                     TEMPLATE_UNREADABLE);
    assert_string_equal(why, "{line:/} can't be read: Is a directory");
    WRITE("\r\n\n\r\n");
    assert_int_equal(try_make(&template, span_text(with_path("{line:@}")), TEMPLATE_BODY),
                     TEMPLATE_UNREADABLE);
    assert_non_null(strstr(why, "there is no line in it"));
}

enum { THREADS = 4, TAKES = 5000 };

static void *take_lines(void *context) {
    struct template *template = context;
    struct pool own;
    struct random random;
    struct bytes bytes = {0};
    pool_init(&own, &depot);
    random_seed(&random, 1);
    unsigned *count = calloc(10, sizeof *count);
    for (int i = 0; i < TAKES; i++)
        count[template_fill(template, 0, &random, &bytes, &own).at[0] - '0']++;
    bytes_release(&bytes, &own);
    return count;
}

/* No line is lost, and none is taken twice in a round, however many take them. */
static void test_threads_share_lines(void **state) {
    (void)state;
    pthread_t thread[THREADS];
    unsigned total[10] = {0};
    WRITE("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    struct template template = make(with_path("{line:@}"), TEMPLATE_BODY);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_lines, &template), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(thread[i], &result);
        for (int line = 0; line < 10; line++)
            total[line] += ((unsigned *)result)[line];
        free(result);
    }
    for (int line = 0; line < 10; line++)
        assert_int_equal(total[line], THREADS * TAKES / 10);
    template_deinit(&template, &pool);
}

/* ---- lengths ------------------------------------------------------------------------------------------ */

static struct template with_length(const char *head, const char *body) {
    struct template template;
    struct template_builder *builder = template_begin(&shared);
    assert_int_equal(template_add(builder, span_text(head), TEMPLATE_FIELD, why, sizeof why), 0);
    template_add_length(builder);
    template_add_text(builder, span_text("|"));
    template_add_body(builder);
    assert_int_equal(template_add(builder, span_text(body), TEMPLATE_BODY, why, sizeof why), 0);
    template_end(builder, &template);
    return template;
}

static void test_length(void **state) {
    (void)state;
    struct template template = with_length("head{seq}:", "a{seq}");
    assert_true(template.has_length);
    check_filled(template_fill(&template, 1, &dice, &into, &pool), "head1:2|a1");
    check_filled(template_fill(&template, 123456789, &dice, &into, &pool),
                 "head123456789:10|a123456789");
    template_deinit(&template, &pool);
    template = with_length("head{seq}:", "{{12}}");
    assert_false(template.has_length || template.constant);
    check_filled(template_fill(&template, 9, &dice, &into, &pool), "head9:4|{12}");
    template_deinit(&template, &pool);
    template = with_length("head:", "");
    assert_true(template.constant);
    check_filled(template_fill(&template, 9, &dice, &into, &pool), "head:0|");
    template_deinit(&template, &pool);
}

static int make_path(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shared, close_shared)
    const struct CMUnitTest tests[] = {
        TEST(test_braces),        TEST(test_has_holes),           TEST(test_malformed),
        TEST(test_seq),           TEST(test_rand_limits),         TEST(test_rand_is_even),
        TEST(test_uuid),          TEST(test_streams_differ),      TEST(test_lines),
        TEST(test_lines_in_urls), TEST(test_lines_in_fields),     TEST(test_nul_in_fields),
        TEST(test_unreadable),    TEST(test_threads_share_lines), TEST(test_length),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
