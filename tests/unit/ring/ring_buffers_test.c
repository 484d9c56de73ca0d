/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The order of receive buffers when they come back in another order than they went out, which no kernel can be made to
 * do at will. Looks inside the room, as the order shows nowhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ring/ring_private.h"

enum { COUNT = 8, BYTES = 64 };

static struct io_uring uring;
static struct buffers buffers;

static int setup(void **state) {
    (void)state;
    assert_int_equal(io_uring_queue_init(4, &uring, 0), 0);
    assert_int_equal(buffers_open(&buffers, &uring, COUNT, BYTES), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buffers_close(&buffers, &uring);
    io_uring_queue_exit(&uring);
    return 0;
}

static void check_span(unsigned i, unsigned id, size_t len) {
    assert_ptr_equal(buffers.spans[i].at, buffers.memory + (size_t)id * BYTES);
    assert_int_equal(buffers.spans[i].len, len);
}

static void neighbours_are_joined(void **state) {
    (void)state;
    assert_int_equal(buffers_spans(&buffers, 0, 1), 1);
    check_span(0, 0, 1);
    assert_int_equal(buffers_spans(&buffers, 2, 3 * BYTES + 5), 1);
    check_span(0, 2, 3 * BYTES + 5);
    assert_int_equal(buffers_spans(&buffers, 2, 3 * BYTES), 1);
    check_span(0, 2, 3 * BYTES);
}

static void order_is_that_of_giving_back(void **state) {
    (void)state;
    buffers_recycle(&buffers, 3, 1);
    buffers_recycle(&buffers, 0, 2 * BYTES + 1); /* 0, 1, 2 */
    buffers_recycle(&buffers, 5, 10);
    buffers_recycle(&buffers, 4, BYTES);
    assert_int_equal(buffers_spans(&buffers, 7, 6 * BYTES + 9), 5);
    check_span(0, 7, BYTES);
    check_span(1, 3, BYTES);
    check_span(2, 0, 3 * BYTES);
    check_span(3, 5, BYTES);
    check_span(4, 4, 9);
    buffers_recycle(&buffers, 7, 6 * BYTES + 9);
    /* The shared ring as the kernel reads it: the last seven entries. */
    static const uint16_t order[] = {7, 3, 0, 1, 2, 5, 4};
    for (unsigned i = 0; i < 7; i++) {
        unsigned place = (buffers.shared->tail - 7U + i) % COUNT;
        assert_int_equal(buffers.shared->bufs[place].bid, order[i]);
        assert_true(buffers.shared->bufs[place].addr ==
                    (uint64_t)(uintptr_t)(buffers.memory + (size_t)order[i] * BYTES));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_are_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(order_is_that_of_giving_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
