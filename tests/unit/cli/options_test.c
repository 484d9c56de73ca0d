/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * options_test.c: the parser, by a table of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/ringfetch/options.h"
#include "fake_engine.h"

struct target {
    bool all, loud;
    const char *text;
    unsigned count, ms;
    uint64_t bytes;
    double rate;
    int word;
    struct option_list list, operands;
};

static bool take_operand(void *target, const struct option_row *row, const char *value, char *why,
                         size_t why_size) {
    (void)row, (void)why, (void)why_size;
    return option_list_add(&((struct target *)target)->operands, value);
}

static const char *const words[] = {"red", "green", "blue", NULL};

#define AT(member) .offset = offsetof(struct target, member)
static const struct option_row rows[] = {
    {"all", 'a', OPTION_NO, option_flag, AT(all)},
    {"loud", 'l', 0, option_flag, AT(loud)},
    {"text", 't', OPTION_VALUE, option_text, AT(text)},
    {"count", 'c', OPTION_VALUE, option_count, AT(count), .min = 1, .max = 9},
    {"ms", 0, OPTION_VALUE, option_ms, AT(ms)},
    {"bytes", 0, OPTION_VALUE, option_bytes, AT(bytes)},
    {"rate", 0, OPTION_VALUE, option_rate, AT(rate)},
    {"word", 'w', OPTION_VALUE, option_word, AT(word), .words = words},
    {"list", 'L', OPTION_VALUE, option_list, AT(list)},
    {"later", 'k', OPTION_LATER, .take = NULL},
    {"nothing", 0, 0, .take = NULL},
};
static const struct option_table table = {
    "try", "the help\n", rows, sizeof rows / sizeof *rows, take_operand, NULL};

static char line[512];

static enum option_end parse(const struct option_table *by, struct target *target,
                             const char *const *given) {
    char *argv[16] = {(char *)(uintptr_t) "try"};
    int argc = 1;
    for (; given[argc - 1]; argc++) {
        argv[argc] = (char *)(uintptr_t)given[argc - 1];
    }
    *target = (struct target){0};
    line[0] = '\0';
    return options_parse(by, argc, argv, target, line, sizeof line);
}

static void done(struct target *target) {
    option_list_deinit(&target->list);
    option_list_deinit(&target->operands);
}

#define PARSE(...) parse(&table, &target, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_forms(void **state) {
    (void)state;
    struct target target;
    assert_int_equal(PARSE(), OPTIONS_DONE);
    assert_int_equal(PARSE("--text", "a", "--count=3", "-w", "blue"), OPTIONS_DONE);
    assert_string_equal(target.text, "a");
    assert_int_equal(target.count, 3);
    assert_int_equal(target.word, 2);
    assert_int_equal(PARSE("-alt", "x"), OPTIONS_DONE);
    assert_true(target.all && target.loud);
    assert_string_equal(target.text, "x");
    assert_int_equal(PARSE("-alta=b"), OPTIONS_DONE);
    assert_string_equal(target.text, "a=b");
    assert_int_equal(PARSE("--text=", "-t", "", "--text==x"), OPTIONS_DONE);
    assert_string_equal(target.text, "=x");
    assert_int_equal(PARSE("--text", "--all"), OPTIONS_DONE);
    assert_string_equal(target.text, "--all");
    assert_false(target.all);
    assert_int_equal(PARSE("--all", "--no-all", "--nothing"), OPTIONS_DONE);
    assert_false(target.all);
    assert_int_equal(PARSE("--ms", "0.5", "--bytes", "2k", "--rate", "60/m", "-c1", "-c2"),
                     OPTIONS_DONE);
    assert_int_equal(target.ms, 500);
    assert_int_equal(target.bytes, 2048);
    assert_true(target.rate == 1.0);
    assert_int_equal(target.count, 2);
}

static void test_order(void **state) {
    (void)state;
    struct target target;
    assert_int_equal(PARSE("x", "-La", "-", "--list", "b", "--", "-a", "--text"), OPTIONS_DONE);
    assert_int_equal(target.list.count, 2);
    assert_string_equal(target.list.items[1], "b");
    assert_null(target.list.items[2]);
    assert_int_equal(target.operands.count, 4);
    assert_string_equal(target.operands.items[0], "x");
    assert_string_equal(target.operands.items[1], "-");
    assert_string_equal(target.operands.items[2], "-a");
    assert_string_equal(target.operands.items[3], "--text");
    assert_false(target.all);
    done(&target);
}

#define REFUSED(complaint, ...)                                                                    \
    do {                                                                                           \
        struct target target;                                                                      \
        assert_int_equal(PARSE(__VA_ARGS__), OPTIONS_BAD);                                         \
        assert_string_equal(line, complaint);                                                      \
        done(&target);                                                                             \
    } while (0)

static void test_refused(void **state) {
    (void)state;
    REFUSED("ringfetch try: unknown option --foo (see ringfetch try --help)", "--foo=bar");
    REFUSED("ringfetch try: unknown option --tex (see ringfetch try --help)", "--tex", "a");
    REFUSED("ringfetch try: unknown option --texts (see ringfetch try --help)", "--texts");
    REFUSED("ringfetch try: unknown option --no-loud (see ringfetch try --help)", "--no-loud");
    REFUSED("ringfetch try: unknown option --no- (see ringfetch try --help)", "--no-");
    REFUSED("ringfetch try: unknown option --help (see ringfetch try --help)", "--help=x");
    REFUSED("ringfetch try: unknown option -z (see ringfetch try --help)", "-az");
    REFUSED("ringfetch try: unknown option -\\x1b (see ringfetch try --help)", "-\033");
    REFUSED("ringfetch try: unknown option -- (see ringfetch try --help)", "--=");
    REFUSED("ringfetch try: --all takes no value", "--all=yes");
    REFUSED("ringfetch try: --no-all takes no value", "--no-all=yes");
    REFUSED("ringfetch try: --text needs a value", "--text");
    REFUSED("ringfetch try: -t needs a value", "-at");
    REFUSED("ringfetch try: --count abc: not a number", "--count", "abc");
    REFUSED("ringfetch try: -c '': not a number", "-c", "");
    REFUSED("ringfetch try: -c 10: must be 1 to 9", "-c10");
    REFUSED("ringfetch try: --count 0: must be 1 to 9", "--count=0");
    REFUSED("ringfetch try: --count 99999999999999999999: must be 1 to 9", "--count",
            "99999999999999999999");
    REFUSED("ringfetch try: -w re\\x1b: must be red, green or blue", "-wre\033");
    REFUSED("ringfetch try: --ms 1d: not a time such as 0.5 (seconds), 500ms, 2m or 1h", "--ms",
            "1d");
    REFUSED("ringfetch: --later is not supported yet", "--later=x");
    REFUSED("ringfetch: -k (--later) is not supported yet", "-ak");
    /* The first fault counts. */
    REFUSED("ringfetch try: -c x: not a number", "-cx", "--foo");
}

static void test_ends(void **state) {
    (void)state;
    struct target target;
    assert_int_equal(PARSE("--help", "--foo"), OPTIONS_HELP);
    assert_int_equal(PARSE("-ah"), OPTIONS_HELP);
    assert_int_equal(PARSE("-V"), OPTIONS_VERSION);
    assert_int_equal(PARSE("--version"), OPTIONS_VERSION);
    static const struct option_table bare = {"bare", "", NULL, 0, NULL, NULL};
    assert_int_equal(parse(&bare, &target, (const char *const[]){"x\n", NULL}), OPTIONS_BAD);
    assert_string_equal(line,
                        "ringfetch bare: takes no argument x\\x0a (see ringfetch bare --help)");
}

/* Complaints stay within their buffers, whatever was written. */
static void test_long_words(void **state) {
    (void)state;
    char word[4096];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    word[0] = word[1] = '-';
    struct target target;
    assert_int_equal(PARSE(word), OPTIONS_BAD);
    assert_non_null(strstr(line, "unknown option --xxx"));
    assert_int_equal(PARSE("-w", word), OPTIONS_BAD);
    assert_non_null(strstr(line, "...: must be red, green or blue"));
}

static int read_options(int argc, char **argv) {
    struct target target = {0};
    int status = options_read(&table, argc, argv, &target);
    done(&target);
    return status;
}

static void test_read(void **state) {
    (void)state;
    struct fake_printed printed =
        fake_run(read_options, (const char *const[]){"try", "--help", NULL});
    assert_int_equal(printed.status, 0);
    assert_string_equal(printed.out, "the help\n");
    printed = fake_run(read_options, (const char *const[]){"try", "-V", NULL});
    assert_int_equal(printed.status, 0);
    assert_string_equal(printed.out, "ringfetch " RF_VERSION "\n");
    printed = fake_run(read_options, (const char *const[]){"try", "--count", "x", NULL});
    assert_int_equal(printed.status, RF_USAGE);
    assert_string_equal(printed.err, "ringfetch try: --count x: not a number\n");
    assert_string_equal(printed.out, "");
    printed = fake_run(read_options, (const char *const[]){"try", "x", NULL});
    assert_int_equal(printed.status, -1);
    assert_string_equal(printed.err, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_ends),
        cmocka_unit_test(test_long_words), cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
