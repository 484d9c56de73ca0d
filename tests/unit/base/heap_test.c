/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * heap_test.c: the heap of due times against a plain search, over many random moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

#include "base/hash.h"
#include "base/heap.h"

enum { ITEMS = 300 };

static struct heap heap;
static struct heap_item items[ITEMS];

static void check_heap(void) {
    uint64_t earliest = UINT64_MAX;
    uint32_t count = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        if (!items[i].place)
            continue;
        count++;
        assert_true(items[i].place <= heap.count);
        assert_ptr_equal(heap.item[items[i].place - 1], &items[i]);
        if (items[i].due_ns < earliest)
            earliest = items[i].due_ns;
    }
    assert_int_equal(count, heap.count);
    for (uint32_t i = 1; i < count; i++)
        assert_true(heap.item[(i - 1) / 2]->due_ns <= heap.item[i]->due_ns);
    if (count)
        assert_true(heap_first(&heap)->due_ns == earliest);
    else
        assert_null(heap_first(&heap));
}

static void test_random_moves(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 1);
    check_heap();
    for (int i = 0; i < 20000; i++) {
        struct heap_item *item = &items[random_below(&random, ITEMS)];
        if (random_below(&random, 3))
            heap_set(&heap, item, random_below(&random, 1000));
        else
            heap_remove(&heap, item);
        check_heap();
    }
    for (int i = 0; i < ITEMS; i++)
        heap_remove(&heap, &items[i]);
    check_heap();
    heap_deinit(&heap);
}

static void test_in_order(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 2);
    for (int i = 0; i < ITEMS; i++)
        heap_set(&heap, &items[i], i % 10 ? random_next(&random) : UINT64_MAX);
    uint64_t last = 0;
    for (int i = 0; i < ITEMS; i++) {
        struct heap_item *item = heap_first(&heap);
        assert_true(item->due_ns >= last);
        last = item->due_ns;
        heap_remove(&heap, item);
        assert_int_equal(item->place, 0);
        heap_remove(&heap, item); /* again: harmless */
    }
    assert_null(heap_first(&heap));
    heap_deinit(&heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_moves),
        cmocka_unit_test(test_in_order),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
