/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check_html_run.c: see check_html_run.h. Charts are drawn from this, never from the rows, of which there may be fewer than results.
 */
#include "check_html_run.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { NAME_BYTES = 200, SOURCES_SHOWN = 20, HOSTS_SHOWN = 10, CURVE_POINTS = 120 };

static unsigned long long ull(uint64_t number) {
    return number;
}

/* ---- counts ----------------------------------------------------------------------------------- */

static void put_sources(FILE *out, const char *const *sources) {
    size_t count = 0;
    fputs(",\"sources\":[", out);
    for (; sources && sources[count]; count++) {
        if (count < SOURCES_SHOWN) {
            fputs(count ? "," : "", out);
            html_string(out, sources[count], NAME_BYTES);
        }
    }
    fprintf(out, "],\"source_count\":%zu", count);
}

static void put_totals(FILE *out, const struct tally *tally) {
    fprintf(out, ",\"total\":%llu,\"bad\":%llu,\"cached\":%llu,\"attempts\":%llu,\"bytes\":%llu",
            ull(tally->total), ull(tally->bad), ull(tally->cached), ull(tally->attempts),
            ull(tally->body_bytes));
}

static void put_verdicts(FILE *out, const struct tally *tally) {
    fputs(",\"verdicts\":{", out);
    for (int i = RF_VERDICT_OK; i < RF_VERDICTS; i++) {
        fprintf(out, "%s\"%s\":%llu", i > RF_VERDICT_OK ? "," : "",
                rf_verdict_name((enum rf_verdict)i), ull(tally->by_verdict[i]));
    }
    fputs("},\"changes\":{", out);
    for (int i = CHANGE_NONE + 1; i < CHANGES; i++) {
        fprintf(out, "%s\"%s\":%llu", i > CHANGE_NONE + 1 ? "," : "",
                tally_change_name((enum tally_change)i), ull(tally->by_change[i]));
    }
    fputc('}', out);
}

static void put_statuses(FILE *out, const struct tally *tally) {
    const char *comma = "";
    fputs(",\"statuses\":[", out);
    for (unsigned i = 0; i < TALLY_STATUSES; i++) {
        if (tally->by_status[i]) {
            fprintf(out, "%s[%u,%llu]", comma, i, ull(tally->by_status[i]));
            comma = ",";
        }
    }
    fputc(']', out);
}

static void put_kinds(FILE *out, const struct tally *tally) {
    const char *comma = "";
    fputs(",\"kinds\":[", out);
    for (unsigned i = 1; i < RF_KINDS_MAX; i++) {
        const char *name = rf_kind_name(i);
        struct rf_error error = {.kind = (uint8_t)i};
        char meaning[NAME_BYTES];
        if (tally->by_kind[i] && name) {
            fprintf(out, "%s[", comma);
            text_json(out, name);
            fprintf(out, ",%llu,", ull(tally->by_kind[i]));
            text_json(out, rf_error_fault(error));
            fputc(',', out);
            text_json(out, rf_error_text(error, meaning, sizeof meaning));
            fputc(']', out);
            comma = ",";
        }
    }
    fputc(']', out);
}

static void put_certificates(FILE *out, const struct tally *tally) {
    fputs(",\"certs\":[", out);
    for (unsigned i = 0; i < TALLY_CERT_BUCKETS; i++) {
        fputs(i ? ",[" : "[", out);
        text_json(out, tally_cert_bucket_name(i));
        fprintf(out, ",%llu]", ull(tally->cert_days[i]));
    }
    fputc(']', out);
}

/* ---- durations -------------------------------------------------------------------------------- */

static double ms_of(uint64_t us) {
    return (double)us / 1000;
}

static void put_phase(FILE *out, const struct rf_histogram *histogram) {
    fprintf(out, ",\"count\":%llu,\"p50\":%.6g,\"p90\":%.6g,\"p99\":%.6g,\"max\":%.6g}",
            ull(rf_histogram_total(histogram)), ms_of(rf_histogram_percentile(histogram, 50)),
            ms_of(rf_histogram_percentile(histogram, 90)),
            ms_of(rf_histogram_percentile(histogram, 99)), ms_of(rf_histogram_max(histogram)));
}

static void put_phases(FILE *out, const struct tally *tally) {
    const char *comma = "";
    fputs(",\"phases\":[", out);
    for (int i = 0; i < PHASES; i++) {
        if (tally->phase[i] && rf_histogram_total(tally->phase[i])) {
            fprintf(out, "%s{\"name\":\"%s\"", comma, tally_phase_name((enum tally_phase)i));
            put_phase(out, tally->phase[i]);
            comma = ",";
        }
    }
    fputc(']', out);
}

/* The distribution of total as pairs of milliseconds and percent. Its far end is what people look for, so the last percent is
 * drawn as finely as all that comes before. */
static void put_curve(FILE *out, const struct rf_histogram *total) {
    fputs(",\"curve\":[", out);
    if (total && rf_histogram_total(total)) {
        fprintf(out, "[%.6g,0]", ms_of(rf_histogram_min(total)));
        for (int i = 1; i < CURVE_POINTS; i++) {
            double percent = i < 100 ? i : 99 + (i - 99) / (CURVE_POINTS - 99.0);
            fprintf(out, ",[%.6g,%.6g]", ms_of(rf_histogram_percentile(total, percent)), percent);
        }
        fprintf(out, ",[%.6g,100]", ms_of(rf_histogram_max(total)));
    }
    fputc(']', out);
}

/* ---- hosts ------------------------------------------------------------------------------------ */

static void put_hosts(FILE *out, const char *name, const struct tally *tally, const size_t *index,
                      size_t count) {
    fprintf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        const struct tally_host *host = &tally->hosts[index[i]];
        fputs(i ? ",{\"name\":" : "{\"name\":", out);
        html_string(out, host->name, NAME_BYTES);
        fprintf(out, ",\"count\":%llu,\"bad\":%llu,\"approximate\":%s", ull(host->count),
                ull(host->bad), host->approximate ? "true" : "false");
        if (host->timed) {
            fprintf(out, ",\"mean\":%.6g,\"max\":%.6g", host->ms_sum / (double)host->timed,
                    host->ms_max);
        }
        fputc('}', out);
    }
    fputc(']', out);
}

static void put_all_hosts(FILE *out, const struct tally *tally) {
    size_t index[HOSTS_SHOWN];
    put_hosts(out, "worst", tally, index, tally_worst_hosts(tally, index, HOSTS_SHOWN));
    put_hosts(out, "slowest", tally, index, tally_slowest_hosts(tally, index, HOSTS_SHOWN));
}

/* ---- all of it -------------------------------------------------------------------------------- */

static void put_count(FILE *out, const struct html_count *count) {
    fprintf(out,
            ",\"rows\":{\"notable\":%llu,\"notable_written\":%llu,\"well\":%llu,"
            "\"well_written\":%llu,\"slowest\":%llu,\"stride\":%llu}",
            ull(count->notable), ull(count->notable_written), ull(count->well),
            ull(count->well_written), ull(count->slowest), ull(count->stride));
}

static void put_run(FILE *out, const struct check_run *run, const struct html_count *count) {
    const struct tally *tally = run->tally;
    fprintf(out,
            "{\"v\":1,\"version\":\"" RF_VERSION
            "\",\"begun\":%lld,\"seconds\":%.6g,\"exit\":%d,\"compared\":%s",
            (long long)(tally->begun_us / 1000), run->seconds, (int)run->exit,
            run->compared ? "true" : "false");
    put_sources(out, run->sources);
    put_totals(out, tally);
    put_verdicts(out, tally);
    put_statuses(out, tally);
    put_kinds(out, tally);
    put_certificates(out, tally);
    put_phases(out, tally);
    put_curve(out, tally->phase[PHASE_TOTAL]);
    put_all_hosts(out, tally);
    put_count(out, count);
    fputs("}", out);
}

bool html_run(FILE *out, const struct check_run *run, const struct html_count *count) {
    char *text = NULL;
    size_t len = 0;
    FILE *json = open_memstream(&text, &len);
    if (!json) {
        return false;
    }
    put_run(json, run, count);
    bool whole = !ferror(json);
    whole = fclose(json) == 0 && whole;
    if (whole) {
        html_escape(out, text, len);
    }
    free(text);
    return whole;
}
