/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The timer wheel against a plain table of due times, on invented clocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ring/ring_timers.h"

static struct timer_wheel wheel;

struct alarm {
    struct ring_timer timer;
    uint64_t due_ns; /* what the table says; 0: not set */
    uint64_t again_ns;
    struct alarm *stops;
    unsigned fired;
};

static uint64_t now_ns;

static void on_alarm(struct ring_timer *timer) {
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    assert_false(ring_timer_is_set(timer));
    assert_true(alarm->due_ns != 0 && now_ns >= alarm->due_ns);
    alarm->due_ns = 0;
    alarm->fired++;
    if (alarm->again_ns) {
        alarm->due_ns = alarm->again_ns;
        timer_wheel_set(&wheel, timer, alarm->again_ns);
    }
    if (alarm->stops) {
        ring_timer_stop(&alarm->stops->timer);
        alarm->stops->due_ns = 0;
    }
}

static void alarm_init(struct alarm *alarm) {
    memset(alarm, 0, sizeof *alarm);
    ring_timer_init(&alarm->timer, on_alarm);
}

static void alarm_set(struct alarm *alarm, uint64_t due_ns) {
    alarm->due_ns = due_ns;
    timer_wheel_set(&wheel, &alarm->timer, due_ns);
    assert_true(ring_timer_is_set(&alarm->timer));
}

static unsigned advance_to(uint64_t ns) {
    now_ns = ns;
    return timer_wheel_advance(&wheel, ns);
}

static void start(uint64_t ns) {
    now_ns = ns;
    timer_wheel_init(&wheel, ns);
}

/* Turns as a ring would, until the alarm has fired, and returns when that was. */
static uint64_t run_until_fired(struct alarm *alarm, unsigned *turns) {
    unsigned fired = alarm->fired;
    for (*turns = 0; alarm->fired == fired; ++*turns) {
        uint64_t next_ns = timer_wheel_next_ns(&wheel);
        assert_true(next_ns != UINT64_MAX);
        assert_true(*turns < 100);
        advance_to(next_ns > now_ns ? next_ns : now_ns);
    }
    return now_ns;
}

static void fires_at_or_after_its_time(void **state) {
    (void)state;
    struct alarm alarm;
    alarm_init(&alarm);
    start(123456789);
    assert_true(timer_wheel_next_ns(&wheel) == UINT64_MAX);
    alarm_set(&alarm, 125000001);
    assert_int_equal(advance_to(125000000), 0);
    assert_int_equal(advance_to(125999999), 0);
    assert_int_equal(advance_to(126000000), 1);
    assert_false(ring_timer_is_set(&alarm.timer));
    assert_true(timer_wheel_next_ns(&wheel) == UINT64_MAX);
    alarm_set(&alarm, 127000000);
    assert_int_equal(advance_to(126999999), 0);
    assert_int_equal(advance_to(127000000), 1);
    alarm_set(&alarm, 5); /* long past */
    assert_true(timer_wheel_next_ns(&wheel) <= now_ns);
    assert_int_equal(advance_to(now_ns), 1);
}

static void far_futures(void **state) {
    (void)state;
    static const uint64_t distances[] = {
        1, 63, 64, 65, 4095, 4096, 30000, 262143, 262144, 3600000, 86400000, UINT64_C(31536000000)};
    unsigned turns;
    struct alarm alarm;
    alarm_init(&alarm);
    start(UINT64_C(987654321987));
    for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
        uint64_t due_ns = now_ns + distances[i] * NS_PER_MS;
        alarm_set(&alarm, due_ns);
        uint64_t fired_ns = run_until_fired(&alarm, &turns);
        assert_true(fired_ns >= due_ns && fired_ns < due_ns + NS_PER_MS);
        assert_true(turns <= TIMER_LEVELS);
    }
    alarm_set(&alarm, UINT64_MAX);
    assert_true(timer_wheel_next_ns(&wheel) > now_ns);
    assert_int_equal(advance_to(now_ns + 3600 * NS_PER_S), 0);
    ring_timer_stop(&alarm.timer);
    assert_true(timer_wheel_next_ns(&wheel) == UINT64_MAX);
}

static void put_off_again_and_again(void **state) {
    (void)state;
    struct alarm alarm;
    unsigned turns;
    alarm_init(&alarm);
    start(NS_PER_S);
    for (unsigned i = 0; i < 10000; i++) {
        alarm_set(&alarm, now_ns + 50 * NS_PER_MS);
        assert_int_equal(advance_to(now_ns + 3 * NS_PER_MS), 0);
    }
    uint64_t due_ns = alarm.due_ns;
    assert_true(run_until_fired(&alarm, &turns) == due_ns);
    alarm_set(&alarm, now_ns + 50 * NS_PER_MS);
    alarm_set(&alarm, now_ns + 2 * NS_PER_MS); /* brought forward */
    due_ns = alarm.due_ns;
    assert_true(run_until_fired(&alarm, &turns) == due_ns);
}

static void stopped_by_another_that_fires(void **state) {
    (void)state;
    struct alarm first, second;
    alarm_init(&first);
    alarm_init(&second);
    start(0);
    first.stops = &second;
    second.stops = &first;
    alarm_set(&first, 5 * NS_PER_MS);
    alarm_set(&second, 5 * NS_PER_MS);
    assert_int_equal(advance_to(9 * NS_PER_MS), 1);
    assert_int_equal(first.fired + second.fired, 1);
    assert_true(timer_wheel_next_ns(&wheel) == UINT64_MAX);
    ring_timer_stop(&second.timer); /* harmless */
}

static void set_by_itself_while_it_fires(void **state) {
    (void)state;
    struct alarm alarm;
    alarm_init(&alarm);
    start(0);
    alarm.again_ns = 1; /* always past */
    alarm_set(&alarm, 5 * NS_PER_MS);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(advance_to(9 * NS_PER_MS), 1); /* once a call, lest it never end */
        assert_int_equal(alarm.fired, i);
    }
    ring_timer_stop(&alarm.timer);
    assert_int_equal(advance_to(10 * NS_PER_MS), 0);
}

enum { ALARMS = 300, STEPS = 20000 };
static struct alarm alarms[ALARMS];

static unsigned long count_due(void) {
    unsigned long due = 0;
    for (unsigned i = 0; i < ALARMS; i++)
        due += alarms[i].due_ns &&
               (alarms[i].due_ns + NS_PER_MS - 1) / NS_PER_MS <= now_ns / NS_PER_MS;
    return due;
}

/* Never later than the first alarm. */
static void check_next(void) {
    uint64_t next_ns = timer_wheel_next_ns(&wheel), first_ns = UINT64_MAX;
    for (unsigned i = 0; i < ALARMS; i++)
        if (alarms[i].due_ns && alarms[i].due_ns < first_ns)
            first_ns = alarms[i].due_ns;
    if (first_ns == UINT64_MAX)
        assert_true(next_ns == UINT64_MAX);
    else
        assert_true(next_ns < first_ns + NS_PER_MS);
}

static void at_random_against_a_table(void **state) {
    (void)state;
    struct random random;
    unsigned long due;
    random_seed(&random, 20240607);
    start(random_next(&random) % (UINT64_C(1) << 50));
    for (unsigned i = 0; i < ALARMS; i++)
        alarm_init(&alarms[i]);
    for (unsigned step = 0; step < STEPS; step++) {
        struct alarm *alarm = &alarms[random_below(&random, ALARMS)];
        uint64_t span_ns = UINT64_C(1) << random_below(&random, 42);
        switch (random_below(&random, 4)) {
        case 0:
        case 1:
            alarm_set(alarm, now_ns + random_below(&random, span_ns) + 1);
            break;
        case 2:
            ring_timer_stop(&alarm->timer);
            alarm->due_ns = 0;
            break;
        default:
            now_ns += random_below(&random, span_ns);
            due = count_due();
            assert_int_equal(advance_to(now_ns), due);
            assert_int_equal(count_due(), 0);
        }
        if (step % 16 == 0)
            check_next();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_at_or_after_its_time),
        cmocka_unit_test(far_futures),
        cmocka_unit_test(put_off_again_and_again),
        cmocka_unit_test(stopped_by_another_that_fires),
        cmocka_unit_test(set_by_itself_while_it_fires),
        cmocka_unit_test(at_random_against_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
