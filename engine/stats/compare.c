/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * compare.c: a confidence sequence for the change from A to B, by inverting a test that holds at all
 * times. If the change were `c` for each pair, exchanging a pair's blocks would only flip the sign of
 * its log ratio minus c, and a coin decided which block came first: that sign is a fair coin's,
 * whatever the machine did. So whoever bets on signs plays a fair game, product of
 * exp(bet score) / cosh(bet score), and a mixture of such games reaches 1 / alpha at any time with a
 * probability of at most alpha (Ville). The interval is those c at which it has not. Scores are
 * Huber's on the scale of the earlier pairs, so that an outlier counts as one pair. One thread.
 *
 * Rejected, with figures in docs/decisions/0011-ab-statistics.md: looking often at a t interval,
 * asymptotic confidence sequences, group-sequential Hodges-Lehmann intervals, and the normal mixture
 * with squares for cosh, which needs half as many pairs again to see a large change.
 */
#include "stats/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "stats/robust.h"

/* The mixture: this many bets, evenly weighted, each BET_STEP times as high as the one before. A bet
 * is best when it is about the mean score, so the lowest is for long runs and small changes, the
 * highest for a change that the sign of ten pairs shows; between two neighbours little is lost. */
enum { BETS = 11 };
#define BET_MIN 0.1
#define BET_STEP M_SQRT2
/* Pairs before the scale of the earlier ones is believed; until then only signs count. */
enum { SCALE_PAIRS_MIN = 5, BISECTION_STEPS = 40 };
/* No ratio counts as more than e^16: a block without an answer is not infinitely slow. */
#define CHANGE_MAX 16.0
/* How much of min_effect the estimate must be before a change that is proven counts. */
#define COUNTED_SHARE 0.75

const char *compare_verdict_name(enum compare_verdict verdict) {
    static const char *const name[] = {
        [COMPARE_REGRESSED] = "regressed",
        [COMPARE_IMPROVED] = "improved",
        [COMPARE_SAME] = "same",
        [COMPARE_INCONCLUSIVE] = "inconclusive",
    };
    return name[verdict];
}

bool compare_init(struct compare *compare, const struct compare_settings *settings, size_t room) {
    CHECK(settings->confidence >= 0.5 && settings->confidence < 1);
    CHECK(settings->min_effect >= 0 && settings->family >= 1 && room >= 1);
    *compare = (struct compare){
        .settings = *settings,
        .room = room,
        .change = calloc(room, sizeof *compare->change),
        .scale = calloc(room, sizeof *compare->scale),
        .sorted = calloc(room, sizeof *compare->sorted),
    };
    if (compare->change && compare->scale && compare->sorted)
        return true;
    compare_deinit(compare);
    return false;
}

void compare_deinit(struct compare *compare) {
    free(compare->change);
    free(compare->scale);
    free(compare->sorted);
    *compare = (struct compare){0};
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* A pair on the inner scale; NaN: it says nothing. */
static double change_of(enum compare_scale scale, double a, double b) {
    if (scale == COMPARE_DIFFERENCE)
        return isfinite(a) && isfinite(b) ? b - a : NAN;
    if (!(a >= 0 && b >= 0) || (a == 0 && b == 0) || (isinf(a) && isinf(b)))
        return NAN;
    return clip(log(b) - log(a), CHANGE_MAX);
}

/* Robust where an outlier is the machine's doing. A difference is 0 most of the time, and what is not
 * 0 is what matters: there the median would be blind, and it is the root of the mean square. */
static double scale_of_earlier(const struct compare *compare) {
    if (compare->count < SCALE_PAIRS_MIN)
        return 0;
    if (compare->settings.scale == COMPARE_DIFFERENCE)
        return sqrt(compare->squares / (double)compare->count);
    return deviation_of_sorted(compare->sorted, compare->count);
}

static void insert_sorted(struct compare *compare, double change) {
    size_t at = compare->count;
    while (at > 0 && compare->sorted[at - 1] > change) {
        compare->sorted[at] = compare->sorted[at - 1];
        at--;
    }
    compare->sorted[at] = change;
}

bool compare_add(struct compare *compare, double a, double b) {
    double change = change_of(compare->settings.scale, a, b);
    if (isnan(change) || compare->count == compare->room)
        return false;
    compare->scale[compare->count] = scale_of_earlier(compare);
    compare->change[compare->count] = change;
    insert_sorted(compare, change);
    compare->squares += change * change;
    compare->count++;
    return true;
}

/* ---- the interval ---------------------------------------------------------------------------- */

struct evidence {
    double sum, squares;
};

/* The scores of all pairs if the change were `assumed`. */
static struct evidence evidence_against(const struct compare *compare, double assumed) {
    struct evidence evidence = {0};
    for (size_t i = 0; i < compare->count; i++) {
        double left = compare->change[i] - assumed;
        double score = compare->scale[i] > 0 ? clip(left / compare->scale[i], ROBUST_CLIP)
                                             : (double)((left > 0) - (left < 0));
        evidence.sum += score;
        evidence.squares += score * score;
    }
    return evidence;
}

static double log_cosh(double x) {
    return x + log1p(exp(-2 * x)) - M_LN2;
}

/* Whether the mixture has reached 1 / alpha. The logarithm of cosh is concave in the square of its
 * argument, so that all scores being as large as their root mean square is the worst case (Jensen),
 * and one pass over the pairs will do for all bets. */
static bool is_excluded(const struct compare *compare, double assumed) {
    struct evidence evidence = evidence_against(compare, assumed);
    double alpha = (1 - compare->settings.confidence) / compare->settings.family;
    double count = (double)compare->count, size = sqrt(evidence.squares / count);
    double bet = BET_MIN, wealth = 0;
    for (int i = 0; i < BETS; i++) {
        wealth += exp(log_cosh(bet * fabs(evidence.sum)) - count * log_cosh(bet * size));
        bet *= BET_STEP;
    }
    return wealth >= (double)BETS / alpha;
}

/* Where the scores cancel out: what is least excluded. The sum falls as `assumed` rises. */
static double balance(const struct compare *compare) {
    double low = compare->sorted[0], high = compare->sorted[compare->count - 1];
    for (int step = 0; step < BISECTION_STEPS; step++) {
        double middle = low / 2 + high / 2;
        if (evidence_against(compare, middle).sum > 0)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The interval's end between `inside` and `outside`, rounded outwards; infinite where even what lies
 * beyond all pairs is not excluded. */
static double end_between(const struct compare *compare, double inside, double outside) {
    if (!is_excluded(compare, outside))
        return outside > inside ? INFINITY : -INFINITY;
    for (int step = 0; step < BISECTION_STEPS; step++) {
        double middle = inside / 2 + outside / 2;
        if (is_excluded(compare, middle))
            outside = middle;
        else
            inside = middle;
    }
    return outside;
}

/* Far from the centre the excluded need not be one piece. A verdict asks for three points, and at
 * these the interval must not claim more than was tested. */
static void include_if_possible(const struct compare *compare, double point, double *low,
                                double *high) {
    if (point >= *low && point <= *high)
        return;
    if (!is_excluded(compare, point)) {
        *low = fmin(*low, point);
        *high = fmax(*high, point);
    }
}

struct compare_result compare_judge(const struct compare *compare) {
    const struct compare_settings *settings = &compare->settings;
    size_t count = compare->count;
    if (count == 0)
        return compare_conclude(settings, 0, -INFINITY, INFINITY, 0);
    double middle = balance(compare);
    double low = end_between(compare, middle, compare->sorted[0] - 1);
    double high = end_between(compare, middle, compare->sorted[count - 1] + 1);
    double margin = compare_margin(settings), change = 0;
    include_if_possible(compare, 0, &low, &high);
    include_if_possible(compare, margin, &low, &high);
    include_if_possible(compare, -margin, &low, &high);
    if (settings->scale == COMPARE_RATIO) {
        change = centre_of_sorted(compare->sorted, count);
    } else {
        for (size_t i = 0; i < count; i++)
            change += compare->change[i] / (double)count;
    }
    /* An estimate from all pairs at once may lie outside of what was tested pair by pair. */
    return compare_conclude(settings, change, fmin(low, change), fmax(high, change), count);
}

/* ---- the verdict ----------------------------------------------------------------------------- */

double compare_margin(const struct compare_settings *settings) {
    return settings->scale == COMPARE_RATIO ? log1p(settings->min_effect) : settings->min_effect;
}

static enum compare_verdict verdict_of(const struct compare_settings *settings, double change,
                                       double low, double high) {
    double margin = compare_margin(settings), counted = COUNTED_SHARE * margin;
    if (low > -margin && high < margin)
        return COMPARE_SAME;
    if (low > 0 && change >= counted)
        return settings->higher_is_worse ? COMPARE_REGRESSED : COMPARE_IMPROVED;
    if (high < 0 && change <= -counted)
        return settings->higher_is_worse ? COMPARE_IMPROVED : COMPARE_REGRESSED;
    return COMPARE_INCONCLUSIVE;
}

struct compare_result compare_conclude(const struct compare_settings *settings, double change,
                                       double low, double high, size_t samples) {
    bool is_ratio = settings->scale == COMPARE_RATIO;
    return (struct compare_result){
        .change = is_ratio ? exp(change) : change,
        .low = is_ratio ? exp(low) : low,
        .high = is_ratio ? exp(high) : high,
        .verdict = verdict_of(settings, change, low, high),
        .samples = samples,
    };
}
