/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * list_test.c: the circular list: both ends, removal in the middle, and links that are in no list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct link link;
};

static struct item items[5];
static struct link list;

static int set_up(void **state) {
    (void)state;
    list_init(&list);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_init(&items[i].link);
    }
    return 0;
}

/* The list's numbers as one decimal number, read forwards and, to be the same, backwards. */
static int digits(void) {
    int forwards = 0, backwards = 0, place = 1;
    for (struct link *link = list.next; link != &list; link = link->next)
        forwards = forwards * 10 + LIST_ENTRY(link, struct item, link)->number;
    for (struct link *link = list.prev; link != &list; link = link->prev, place *= 10)
        backwards += place * LIST_ENTRY(link, struct item, link)->number;
    assert_int_equal(forwards, backwards);
    return forwards;
}

static void test_empty(void **state) {
    (void)state;
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_last(&list));
    assert_null(list_pop_front(&list));
    assert_false(link_is_linked(&items[0].link));
}

static void test_both_ends(void **state) {
    (void)state;
    list_push_back(&list, &items[2].link);
    assert_ptr_equal(list_first(&list), &items[2].link);
    assert_ptr_equal(list_last(&list), &items[2].link);
    list_push_back(&list, &items[3].link);
    list_push_front(&list, &items[1].link);
    list_push_back(&list, &items[4].link);
    assert_int_equal(digits(), 1234);
    assert_ptr_equal(list_first(&list), &items[1].link);
    assert_ptr_equal(list_last(&list), &items[4].link);
    assert_false(list_is_empty(&list));
    assert_true(link_is_linked(&items[3].link));
}

static void test_remove(void **state) {
    (void)state;
    for (int i = 1; i < 5; i++)
        list_push_back(&list, &items[i].link);
    list_remove(&items[2].link);
    assert_int_equal(digits(), 134);
    assert_false(link_is_linked(&items[2].link));
    list_remove(&items[2].link); /* again: harmless */
    assert_int_equal(digits(), 134);
    list_remove(&items[1].link);
    list_remove(&items[4].link);
    assert_int_equal(digits(), 3);
    list_push_front(&list, &items[2].link);
    assert_int_equal(digits(), 23);
}

static void test_pop(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        list_push_back(&list, &items[i].link);
    for (int i = 0; i < 5; i++) {
        struct link *link = list_pop_front(&list);
        assert_ptr_equal(link, &items[i].link);
        assert_false(link_is_linked(link));
    }
    assert_true(list_is_empty(&list));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, set_up),
        cmocka_unit_test_setup(test_both_ends, set_up),
        cmocka_unit_test_setup(test_remove, set_up),
        cmocka_unit_test_setup(test_pop, set_up),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
