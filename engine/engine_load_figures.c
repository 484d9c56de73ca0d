/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine_load_figures.c: what was added up, in the public header's words, and what of this machine limited it. The
 * conductor's when the threads have ended, but for gathering, which is each thread's last act.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine_load.h"

#define CPU_LIMIT 0.95
#define LATE_SHARE 0.01
#define LATE_NS 1e6
#define GAP_SHARE 0.1
#define RATE_MISSED 0.02

/* ---- this machine -------------------------------------------------------------------------------------- */

static uint64_t ns_of(struct timeval time) {
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * 1000;
}

/* The first line of /proc/stat: ticks of all cores by what they did, in columns of which the fourth is idle and the fifth
 * waits for disks. Guests' (the ninth on) are in the first two already. */
static void read_machine(struct load_machine_marks *marks) {
    enum { LINE_BYTES = 512, COLUMNS = 8, IDLE = 3, DISK = 4 };
    char line[LINE_BYTES] = "";
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return;
    bool is_there = fgets(line, sizeof line, file) && strncmp(line, "cpu ", 4) == 0;
    fclose(file);
    char *at = line + 4, *end;
    for (int i = 0; is_there && i < COLUMNS; i++, at = end) {
        uint64_t ticks = strtoull(at, &end, 10);
        if (end == at)
            return;
        marks->machine_all += ticks;
        marks->machine_busy += i == IDLE || i == DISK ? 0 : ticks;
    }
}

struct load_machine_marks load_machine_read(void) {
    struct load_machine_marks marks = {.wall_ns = clock_now_ns()};
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        marks.process_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
    read_machine(&marks);
    return marks;
}

static double share(double part, double whole) {
    double of = whole > 0 ? part / whole : 0;
    return of < 1 ? of : 1;
}

static double busiest_worker(const struct rf_load *load) {
    double most = 0;
    for (unsigned i = 0; i < load->merge.workers; i++) {
        const struct load_hand *hand = &load->merge.hand[i];
        double of = share((double)hand->cpu_ns, (double)hand->length_ns);
        most = of > most ? of : most;
    }
    return most;
}

/* ---- what limited it ------------------------------------------------------------------------------------- */

bool load_schedule_slipped(const struct load_schedule_facts *facts) {
    double gap_ns = facts->rps_scheduled > 0 ? 1e9 / facts->rps_scheduled : 0;
    double late_ns = gap_ns * GAP_SHARE > LATE_NS ? gap_ns * GAP_SHARE : LATE_NS;
    uint64_t total = facts->slip->total;
    uint64_t late = total - histogram_count_to(facts->slip, (uint64_t)late_ns);
    if (total && (double)late > (double)total * LATE_SHARE)
        return true;
    if (!facts->whole)
        return false;
    /* The last one of a short schedule is no miss, nor is what chance leaves out of a random one. */
    double wanted = facts->rps_scheduled * facts->seconds;
    double missing = wanted - (double)facts->requests;
    double chance = facts->poisson ? 4 * sqrt(wanted) : 1;
    return missing > wanted * RATE_MISSED && missing > chance;
}

static double rps_scheduled(const struct rf_load *load) {
    if (!load_is_open_loop(load))
        return 0;
    if (!load->settings.ramp_count)
        return load->settings.rate;
    return ramp_sum(load->ramp, (unsigned)load->settings.ramp_count, load->ramp_s) / load->ramp_s;
}

static bool any_slipped(const struct rf_load *load) {
    for (unsigned i = 0; load_is_open_loop(load) && i < load->merge.sides; i++) {
        const struct load_side *side = &load->merge.side[i];
        struct load_schedule_facts facts = {
            .slip = &side->slip.histogram,
            .rps_scheduled = rps_scheduled(load),
            .seconds = (double)side->length_ns / 1e9,
            .requests = side->requests,
            .whole = !load->abandoned && !load->settings.requests,
            .poisson = load->settings.arrivals == RF_ARRIVALS_POISSON,
        };
        if (load_schedule_slipped(&facts))
            return true;
    }
    return false;
}

static void fill_machine(struct rf_load *load) {
    struct rf_load_machine *machine = &load->machine;
    const struct load_machine_marks *from = &load->before, *to = &load->after;
    double wall_ns = (double)(to->wall_ns - from->wall_ns);
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    machine->threads = load->merge.workers;
    machine->worker_cpu = busiest_worker(load);
    machine->process_cpu = share((double)(to->process_ns - from->process_ns), wall_ns * cores);
    machine->machine_cpu = -1;
    if (to->machine_all > from->machine_all)
        machine->machine_cpu = share((double)to->machine_busy - (double)from->machine_busy,
                                     (double)(to->machine_all - from->machine_all));
    machine->limits = load->merge.limits;
    if (machine->worker_cpu >= CPU_LIMIT)
        machine->limits |= RF_LIMIT_CPU;
    if (any_slipped(load))
        machine->limits |= RF_LIMIT_SCHEDULE;
}

/* ---- one side ------------------------------------------------------------------------------------------- */

static const struct rf_histogram *unless_unused(const struct rf_histogram *histogram) {
    return histogram->histogram.highest ? histogram : NULL;
}

static void fill_counts(struct rf_load_figures *figures, const struct load_side *side) {
    figures->seconds = (double)side->length_ns / 1e9;
    figures->requests = side->requests;
    figures->errors = side->errors;
    if (side->length_ns)
        figures->rps = (double)(side->requests - side->late) / figures->seconds;
    figures->received_bytes = side->received_bytes;
    figures->sent_bytes = side->sent_bytes;
    figures->body_bytes = side->body_bytes;
    memcpy(figures->status, side->status, sizeof figures->status);
    memcpy(figures->errors_by_kind, side->kind, sizeof figures->errors_by_kind);
    figures->connects = side->connects;
    figures->tls_resumed = side->resumed;
    figures->cpu_user_s = (double)side->cpu_user_ns / 1e9;
    figures->cpu_system_s = (double)side->cpu_system_ns / 1e9;
}

static void fill_series(struct rf_load_figures *figures, const struct load_side *side) {
    figures->latency = &side->latency;
    figures->first_byte = &side->first_byte;
    figures->raw = unless_unused(&side->raw);
    figures->slip = unless_unused(&side->slip);
    figures->connect = &side->connect;
    figures->tls = side->tls.histogram.total ? &side->tls : NULL;
    figures->second = side->seconds.second;
    figures->second_count = side->seconds.count;
    figures->block = side->blocks.block;
    figures->block_count = side->blocks.count;
}

static void fill_side(struct rf_load *load, uint8_t index) {
    struct rf_load_figures *figures = &load->figures[index];
    const struct load_facts *facts = &load->facts[index];
    fill_counts(figures, &load->merge.side[index]);
    fill_series(figures, &load->merge.side[index]);
    figures->rps_scheduled = rps_scheduled(load);
    for (unsigned i = 0; i < load->merge.workers; i++) {
        const struct load_hand *hand = &load->merge.hand[i];
        figures->connections += hand->connections[index];
        figures->connections_max += hand->connections_max[index];
        figures->outstanding_max += hand->outstanding_max[index];
    }
    figures->url = load->url[index];
    int family = facts->address.any.sa_family;
    if (family == AF_INET || family == AF_INET6)
        figures->ip = address_text(&facts->address, load->ip[index]);
    figures->server = facts->server[0] ? facts->server : NULL;
    figures->first_error = facts->first_error[0] ? facts->first_error : NULL;
    figures->tls_version = tls_version_name((enum tls_version)facts->tls_version);
    figures->tls_cipher = facts->tls_cipher;
}

/* ---- what only workers know ------------------------------------------------------------------------------- */

bool load_figures_init(struct rf_load *load) {
    unsigned count = load->plan.entry_count;
    load->gathered = calloc(count, sizeof *load->gathered);
    load->entry = calloc(count, sizeof *load->entry);
    load->latency = calloc(count, sizeof(struct rf_histogram *));
    for (unsigned i = 0; load->gathered && i < count; i++)
        load->gathered[i] = (struct rf_load_entry){.name = load->plan.entry[i].name,
                                                   .weight = load->plan.entry[i].weight};
    return load->gathered && load->entry && load->latency;
}

/* Each of the first worker that has it to tell. */
static void gather_facts(struct load_facts *all, const struct load_facts *one) {
    if (!all->address.any.sa_family)
        all->address = one->address;
    if (!all->server[0])
        memcpy(all->server, one->server, sizeof all->server);
    if (!all->first_error[0])
        memcpy(all->first_error, one->first_error, sizeof all->first_error);
    if (!all->tls_cipher) {
        all->tls_version = one->tls_version;
        all->tls_cipher = one->tls_cipher;
    }
}

static bool gather_latency(struct rf_histogram **all, const struct histogram *one) {
    if (one->highest == 0 || one->total == 0)
        return true;
    if (!*all)
        *all = rf_histogram_new(LOAD_HIGHEST_NS);
    return *all && histogram_merge(&(*all)->histogram, one);
}

void load_figures_gather(struct rf_load *load, const struct load_worker *worker) {
    const struct load_entry_tally *one = load_worker_entries(worker);
    pthread_mutex_lock(&load->lock);
    for (unsigned side = 0; side < RF_SIDES; side++)
        gather_facts(&load->facts[side], load_worker_facts(worker, (uint8_t)side));
    for (unsigned i = 0; i < load->plan.entry_count; i++) {
        load->gathered[i].requests += one[i].requests;
        load->gathered[i].errors += one[i].errors;
        load->gathered[i].bytes += one[i].bytes;
        if (!gather_latency(&load->latency[i], &one[i].latency))
            load->lacks_memory = true;
    }
    pthread_mutex_unlock(&load->lock);
}

/* Those of a side one after another, in the order in which they were added. */
static void fill_entries(struct rf_load *load) {
    struct rf_load_entry *next = load->entry;
    for (unsigned side = 0; side < load->merge.sides; side++) {
        load->figures[side].entry = next;
        for (unsigned i = 0; i < load->plan.entry_count; i++) {
            if (load->plan.entry[i].side != side)
                continue;
            *next = load->gathered[i];
            next->latency = load->latency[i];
            next++;
            load->figures[side].entry_count++;
        }
    }
}

bool load_figures_fill(struct rf_load *load) {
    if (load->before.wall_ns)
        fill_machine(load);
    else
        load->machine = (struct rf_load_machine){.machine_cpu = -1, .threads = load->merge.workers};
    for (unsigned side = 0; side < load->merge.sides; side++)
        fill_side(load, (uint8_t)side);
    fill_entries(load);
    load->has_figures = !load->lacks_memory;
    return load->has_figures;
}

void load_figures_drop(struct rf_load *load) {
    for (unsigned i = 0; load->latency && i < load->plan.entry_count; i++)
        rf_histogram_free(load->latency[i]);
    free(load->latency);
    free(load->gathered);
    free(load->entry);
}

/* ---- the public door --------------------------------------------------------------------------------------- */

const struct rf_load_figures *rf_load_figures(const struct rf_load *load, enum rf_side side) {
    if ((unsigned)side >= load->merge.sides || !load->has_figures)
        return NULL;
    return &load->figures[side];
}

struct rf_load_machine rf_load_machine(const struct rf_load *load) {
    return load->machine;
}

struct rf_comparison rf_load_comparison(const struct rf_load *load) {
    return load->judge.comparison;
}
