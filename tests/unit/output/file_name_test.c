/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * file_name_test.c: what URLs become as file names: a table of cases, and properties that hold for any bytes at all.
 */
#include "harness.h"

#include "base/hash.h"
#include "output/file_component.h"
#include "output/file_name.h"
#include "output/utf8.h"

static const char *expand(const char *template, const char *url, const char *tag) {
    static char path[FILE_PATH_BYTES_MAX + 1];
    char why[200] = "";
    struct name_facts facts = {.url = url, .tag = tag, .n = 42, .status = 200, .sha256 = "abcd"};
    struct name_template *name = name_template_parse(template, why, sizeof why);
    if (!name)
        fail_msg("%s: %s", template, why);
    bool good = name_expand(name, &facts, path);
    name_template_free(name);
    return good ? path : NULL;
}

static const struct {
    const char *template, *url, *path;
} cases[] = {
    /* basename */
    {"{basename}", "http://h/", "index.html"},
    {"{basename}", "http://h", "index.html"},
    {"{basename}", "http://h/a/", "index.html"},
    {"{basename}", "http://h/a", "a"},
    {"{basename}", "http://h/a/b.html", "b.html"},
    {"{basename}", "http://h/a/b.html?x=/y/z", "b.html"},
    {"{basename}", "http://h/a/b.html#x/y", "b.html"},
    {"{basename}", "http://h/?q", "index.html"},
    {"{basename}", "http://h?q", "index.html"},
    {"{basename}", "http://h/a%20b", "a b"},
    {"{basename}", "http://h/%C3%A9t%C3%A9", "\xC3\xA9t\xC3\xA9"},
    {"{basename}", "http://h/%FF%FE", "__"},
    {"{basename}", "http://h/a%C3", "a_"},
    {"{basename}", "http://h/%C0%AF", "__"},         /* an overlong '/' */
    {"{basename}", "http://h/%ED%A0%80", "___"},     /* a surrogate */
    {"{basename}", "http://h/%F4%90%80%80", "____"}, /* beyond U+10FFFF */
    {"{basename}", "http://h/%F0%9F%98%80", "\xF0\x9F\x98\x80"},
    {"{basename}", "http://h/%C2%85x", "_x"}, /* a C1 control */
    {"{basename}", "http://h/%2e%2e", "_"},
    {"{basename}", "http://h/%2E", "_"},
    {"{basename}", "http://h/...", "_"},
    {"{basename}", "http://h/a...", "a"},
    {"{basename}", "http://h/a.%20.", "a"},
    {"{basename}", "http://h/%20", "_"},
    {"{basename}", "http://h/%20a", " a"},
    {"{basename}", "http://h/..%2f..%2fetc%2fpasswd", ".._.._etc_passwd"},
    {"{basename}", "http://h/..%5c..%5cx", ".._.._x"},
    {"{basename}", "http://h/a%00b", "a_b"},
    {"{basename}", "http://h/a%0ab%0d%1b%7f", "a_b___"},
    {"{basename}", "http://h/%3c%3e%3a%22%7c%3f%2a", "_______"},
    {"{basename}", "http://h/a:b", "a_b"},
    {"{basename}", "http://h/a*b|c", "a_b_c"},
    {"{basename}", "http://h/%", "%"},
    {"{basename}", "http://h/%4", "%4"},
    {"{basename}", "http://h/%zz%4g", "%zz%4g"},
    {"{basename}", "http://h/100%25", "100%"},
    {"{basename}", "http://h/%2541", "%41"},
    {"{basename}", "http://h/-rf", "-rf"},
    {"{basename}", "http://h/~user", "~user"},
    {"{basename}", "http://h/.htaccess", ".htaccess"},
    {"{basename}", "http://h/{n}", "{n}"},
    {"{basename}", "http://h/%7Bn%7D", "{n}"},
    {"{basename}", "http://h/a;b=c", "a;b=c"},
    {"{basename}", "http://h/a&b", "a&b"},
    {"{basename}", "http://h/a'b$c`d", "a'b$c`d"},
    /* devices of Windows */
    {"{basename}", "http://h/con", "_con"},
    {"{basename}", "http://h/CON", "_CON"},
    {"{basename}", "http://h/con.txt", "_con.txt"},
    {"{basename}", "http://h/nul.tar.gz", "_nul.tar.gz"},
    {"{basename}", "http://h/Aux.", "_Aux"},
    {"{basename}", "http://h/prn%20.x", "_prn .x"},
    {"{basename}", "http://h/com1", "_com1"},
    {"{basename}", "http://h/LPT9.log", "_LPT9.log"},
    {"{basename}", "http://h/com0", "_com0"},
    {"{basename}", "http://h/com10", "com10"},
    {"{basename}", "http://h/com", "com"},
    {"{basename}", "http://h/console", "console"},
    {"{basename}", "http://h/nulx", "nulx"},
    {"{basename}", "http://h/x.con", "x.con"},
    /* our own unfinished files */
    {"{basename}", "http://h/.a.part", "_a.part"},
    {"{basename}", "http://h/.a.PART.META", "_a.PART.META"},
    {"{basename}", "http://h/.a.part.meta.", "_a.part.meta"},
    {"{basename}", "http://h/a.part", "a.part"},
    {"{basename}", "http://h/.parts", ".parts"},
    {"{path}", "http://h/x/.a.part/y", "x/_a.part/y"},
    /* path */
    {"{path}", "http://h/", "index.html"},
    {"{path}", "http://h", "index.html"},
    {"{path}", "http://h/a/b/c", "a/b/c"},
    {"{path}", "http://h/a/b/", "a/b/index.html"},
    {"{path}", "http://h//a///b", "a/b"},
    {"{path}", "http://h/a%2fb/c", "a_b/c"},
    {"{path}", "http://h/a/%2e%2e/%2e%2e/b", "a/_/_/b"},
    {"{path}", "http://h/../../b", "_/_/b"},
    {"{path}", "http://h/a./b%20/c", "a/b/c"},
    {"{path}", "http://h/aux/x", "_aux/x"},
    {"{path}", "http://h/a\\b", "a_b"},
    {"{path}", "http://h/a?b/c", "a"},
    {"mirror/{path}", "http://h/a/", "mirror/a/index.html"},
    {"{host}/{path}", "http://h/", "h/index.html"},
    /* host */
    {"{host}", "http://example.com/", "example.com"},
    {"{host}", "http://example.com:8080/", "example.com"},
    {"{host}", "http://user:p@ss@example.com:80/", "example.com"},
    {"{host}", "http://u:p@[::1]:80/", "__1"},
    {"{host}", "http://[2001:db8::1]/x", "2001_db8__1"},
    {"{host}", "http://127.0.0.1:1/", "127.0.0.1"},
    {"{host}", "https://h?x@y", "h"},
    {"{host}", "https://h/x@y", "h"},
    {"{host}", "http://example.com./", "example.com"},
    {"{host}", "http://nul/", "_nul"},
    /* ext */
    {"x.{ext}", "http://h/a.tar.gz", "x.gz"},
    {"x.{ext}", "http://h/a", "x"},
    {"x.{ext}", "http://h/.profile", "x"},
    {"x.{ext}", "http://h/a.", "x"},
    {"x.{ext}", "http://h/", "x.html"},
    {"x.{ext}", "http://h/d.d/a", "x"},
    {"{n}.{ext}", "http://h/a.p%2Fq", "42.p_q"},
    /* numbers */
    {"{n}", "http://h/", "42"},
    {"{n:06}", "http://h/", "000042"},
    {"{n:6}", "http://h/", "000042"},
    {"{n:1}", "http://h/", "42"},
    {"{n:020}", "http://h/", "00000000000000000042"},
    {"{status}", "http://h/", "200"},
    {"{sha256}", "http://h/", "abcd"},
    {"{sha256}/{n}-{basename}", "http://h/x.y", "abcd/42-x.y"},
    /* braces and literals */
    {"{{{n}}}", "http://h/", "{42}"},
    {"{{n}}", "http://h/", "{n}"},
    {"a b:c", "http://h/", "a b:c"},
    {"./a", "http://h/", "_/a"},
    {"a//b", "http://h/", "a/b"},
    {"..a/b..", "http://h/", "..a/b"},
};

static void the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = expand(cases[i].template, cases[i].url, NULL);
        if (!path || strcmp(path, cases[i].path) != 0)
            fail_msg("%s of %s: %s instead of %s", cases[i].template, cases[i].url,
                     path ? path : "nothing", cases[i].path);
    }
}

/* Every byte that some file system refuses, in every place where one can stand. */
static void each_byte_in_each_place(void **state) {
    (void)state;
    static const char *const templates[] = {"{basename}", "{path}", "a{basename}b", "{path}.x"};
    for (unsigned byte = 0; byte < 256; byte++) {
        char url[64];
        bool bad = byte < 0x20 || byte >= 0x7F || strchr("/\\<>:\"|?*", (int)byte);
        snprintf(url, sizeof url, "http://h/x%%%02xy", byte);
        for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
            const char *at = strchr(expand(templates[i], url, NULL), 'x') + 1;
            assert_int_equal((unsigned char)*at, bad ? '_' : byte);
        }
    }
}

static void tags_are_cleaned(void **state) {
    (void)state;
    assert_string_equal(expand("{tag}", "http://h/", "a/../b"), "a_.._b");
    assert_string_equal(expand("{tag}/x", "http://h/", ".."), "_/x");
    assert_string_equal(expand("{tag}{tag}", "http://h/", "."), "_");
    assert_string_equal(expand("{tag}", "http://h/", NULL), "index.html");
    assert_string_equal(expand("a/{tag}", "http://h/", NULL), "a/index.html");
    assert_string_equal(expand("{tag}/a", "http://h/", NULL), "a");
}

static void bad_templates_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",       "/a",       "a/",        "..",   "../a", "a/..",  "a/../b", "{x}",
        "{",      "a{",       "a}b",       "}",    "{n:}", "{n:x}", "{n:0x}", "{n:21}",
        "{n:-1}", "{host:3}", "{basename", "{ n}", "{n }", "{}",    "{N}",    "{{{n}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[200] = "";
        struct name_template *name = name_template_parse(bad[i], why, sizeof why);
        if (name)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_true(strlen(why) > 8);
        assert_null(strchr(why, '\n'));
    }
}

static void the_fault_is_named(void **state) {
    (void)state;
    char why[200] = "";
    assert_null(name_template_parse("{basename}.{nope}", why, sizeof why));
    assert_non_null(strstr(why, "--name"));
    assert_non_null(strstr(why, "{nope}"));
}

static void long_names_keep_their_extension(void **state) {
    (void)state;
    char url[1200] = "http://h/";
    memset(url + 9, 'a', 600);
    strcpy(url + 609, ".html");
    const char *path = expand("{basename}", url, NULL);
    char first[FILE_PATH_BYTES_MAX + 1];
    strcpy(first, path);
    assert_int_equal(strlen(path), FILE_NAME_BYTES_MAX);
    assert_string_equal(path + strlen(path) - 5, ".html");
    url[300] = 'b'; /* beyond the cut: another hash */
    path = expand("{basename}", url, NULL);
    assert_int_equal(strlen(path), FILE_NAME_BYTES_MAX);
    assert_string_not_equal(path, first);
    /* Not in the middle of a character. */
    for (size_t pad = 0; pad < 4; pad++) {
        strcpy(url, "http://h/");
        memset(url + 9, 'a', pad);
        url[9 + pad] = '\0';
        for (int i = 0; i < 150; i++)
            strcat(url, "\xE2\x82\xAC");
        path = expand("{basename}", url, NULL);
        assert_true(strlen(path) <= FILE_NAME_BYTES_MAX && strlen(path) > FILE_NAME_BYTES_MAX - 4);
        for (size_t i = 0, left = strlen(path); left;) {
            size_t count = utf8_sequence((const uint8_t *)path + i, left);
            assert_true(count > 0);
            i += count;
            left -= count;
        }
    }
}

static void too_long_altogether(void **state) {
    (void)state;
    static char url[16384] = "http://h";
    size_t len = 8;
    for (int i = 0; i < 100; i++)
        len += (size_t)sprintf(url + len, "/%0100d", i);
    assert_null(expand("{path}", url, NULL));
    len = 8;
    for (int i = 0; i < 500; i++)
        len += (size_t)sprintf(url + len, "/a");
    assert_null(expand("{path}", url, NULL));
    assert_non_null(expand("{basename}", url, NULL));
}

static void wanted_names(void **state) {
    (void)state;
    char path[FILE_PATH_BYTES_MAX + 1];
    static const char *const good[][2] = {{"a", "a"},      {"a/b", "a/b"},        {"./a", "a"},
                                          {"a//b", "a/b"}, {"a/./b", "a/b"},      {"..a", "..a"},
                                          {"a..", "a.."},  {"con", "con"},        {"a:b*", "a:b*"},
                                          {"...", "..."},  {".hidden", ".hidden"}};
    static const char *const bad[] = {"",       "/", "/a", "..",  "../a", "a/..",
                                      "a/../b", ".", "a/", "a/.", "./"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(name_check_wanted(good[i][0], path));
        assert_string_equal(path, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (name_check_wanted(bad[i], path))
            fail_msg("\"%s\" was taken", bad[i]);
    char longer[300];
    memset(longer, 'a', sizeof longer);
    longer[256] = '\0';
    assert_false(name_check_wanted(longer, path));
    longer[255] = '\0';
    assert_true(name_check_wanted(longer, path));
}

static void names_beside_a_name(void **state) {
    (void)state;
    char out[FILE_NAME_BYTES_MAX + 1], longest[FILE_NAME_BYTES_MAX + 1];
    name_with_suffix(out, "a.tar.gz", 12);
    assert_string_equal(out, "a.tar.gz.12");
    name_temporary(out, "a", 7, 8);
    assert_string_equal(out, ".a.7.8.part");
    name_part(out, "a");
    assert_string_equal(out, ".a.part");
    name_part_meta(out, "a");
    assert_string_equal(out, ".a.part.meta");
    memset(longest, 'a', sizeof longest);
    longest[FILE_NAME_BYTES_MAX] = '\0';
    name_with_suffix(out, longest, 4294967295u);
    assert_int_equal(strlen(out), FILE_NAME_BYTES_MAX);
    name_temporary(out, longest, 4294967295u, 4294967295u);
    assert_int_equal(strlen(out), FILE_NAME_BYTES_MAX);
    name_part_meta(out, longest);
    assert_int_equal(strlen(out), FILE_NAME_BYTES_MAX);
}

static void assert_safe(const char *path, const char *url) {
    size_t len = strlen(path);
    if (!len || path[0] == '/' || path[len - 1] == '/' || strstr(path, "//"))
        fail_msg("%s of %s", path, url);
    for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t count = strcspn(at, "/");
        if (count > FILE_NAME_BYTES_MAX || at[count - 1] == '.' || at[count - 1] == ' ')
            fail_msg("%s of %s", path, url);
    }
    for (size_t i = 0; i < len;) {
        size_t count = utf8_sequence((const uint8_t *)path + i, len - i);
        if (!count || (unsigned char)path[i] < 0x20 || strchr("\\<>:\"|?*\x7F", path[i]))
            fail_msg("%s of %s", path, url);
        i += count;
    }
}

static void any_bytes_make_a_safe_name(void **state) {
    (void)state;
    static const char alphabet[] = "a.%/2eEfF5cC0 \\:-_~con\x01\x80\xC3\xA9\xE2\x82\xAC?#@[]";
    static const char *const templates[] = {"{path}", "{basename}", "{host}/{path}",
                                            "{tag}-{n}/{ext}{basename}"};
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 40000; round++) {
        char url[700] = "http://h/", tag[32];
        size_t len = 9 + (size_t)random_below(&random, round % 50 ? 40 : 650);
        for (size_t i = 9; i < len; i++)
            url[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
        url[len] = '\0';
        for (size_t i = 0; i < 8; i++)
            tag[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
        tag[8] = '\0';
        char *exact = malloc(len + 1); /* so that reading too far is seen */
        memcpy(exact, url, len + 1);
        const char *path = expand(templates[round % 4], exact, tag);
        if (path)
            assert_safe(path, url);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),           cmocka_unit_test(each_byte_in_each_place),
        cmocka_unit_test(tags_are_cleaned),    cmocka_unit_test(bad_templates_are_refused),
        cmocka_unit_test(the_fault_is_named),  cmocka_unit_test(long_names_keep_their_extension),
        cmocka_unit_test(too_long_altogether), cmocka_unit_test(wanted_names),
        cmocka_unit_test(names_beside_a_name), cmocka_unit_test(any_bytes_make_a_safe_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
