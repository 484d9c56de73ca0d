# ringfetch: one Makefile, no recursion into folders. `make help` lists what it can do.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
OPT ?= -O2 -g
SANITIZE ?=
# Every time limit of the tests, multiplied.
SLOW ?= 1
FUZZ_SECONDS ?= 10

# For targets that build by a second make: on all cores, unless the caller said how many.
SUBMAKE = $(MAKE) --no-print-directory WOLFSSL=$(WOLFSSL) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

PKGS = liburing libcares libidn2 jansson nettle libpcre2-8 expat md4c zlib
# Empty where something is missing: $(BUILD)/flags complains then, and targets that set up first still can.
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
URING_VERSION := $(shell pkg-config --modversion liburing 2>/dev/null)
# wolfSSL: empty builds it from the distribution's source; /path takes one of your own, `system` the system's. Whichever it
# is, tools/dev/build-wolfssl puts it into $(WOLFSSL), which builds of several kinds share.
WOLFSSL_PREFIX ?=
WOLFSSL ?= $(BUILD)/wolfssl
# Where a shared library of your own is found again at run time.
WOLFSSL_OWN = $(patsubst %,-L%/lib -Wl$(comma)-rpath$(comma)%/lib,$(filter-out system,$(WOLFSSL_PREFIX)))
comma = ,
LIBS = $(PKG_LIBS) -L$(WOLFSSL)/lib -lwolfssl $(WOLFSSL_OWN) -lm
WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
CPPFLAGS += -D_GNU_SOURCE -Iengine -Iinclude -Itests/unit $(PKG_CFLAGS) -isystem $(WOLFSSL)/include -DLIBURING_VERSION=\"$(URING_VERSION)\"
CFLAGS += -std=gnu11 $(OPT) $(WARN) -fPIC -pthread -fno-strict-aliasing $(SANITIZE)
LDFLAGS += -pthread $(SANITIZE)

# ---- sources, room by room (engine/LAYERS has their order) ------------------------------------------
base   = assert digest err hash heap pool verdict
tls    = tls tls_options tls_roots tls_stream tls_verify tls_chain tls_cert tls_der tls_name tls_sessions tls_memory tls_text tls_mint tls_speed
stats  = compare compare_runs histogram histogram_hdr histogram_hlog quantile rf_histogram robust
expect = expect expect_judge expect_parse expect_regex expect_value expect_why
document = document document_charset document_decode document_entity document_guess document_html document_markdown document_sitemap document_slug document_tags document_text document_text_view document_title
http   = token response framing body request http_date url url_host url_percent url_domain url_symbol url_ip
ring   = ring_uring ring_queue ring_complete ring_accept ring_buffers ring_slots ring_probe ring_timers
net    = address connect_to dns dns_message dns_search name_table resolver resolver_cache resolver_hosts resolver_order \
         resolver_override resolver_question resolver_servers resolver_turn socket
input  = input input_context input_csv input_document input_glob input_gzip input_json input_jsonl input_line input_links input_reader \
         input_sitemap input_source input_stream input_target input_walk
output = output output_fault output_verify output_files output_stdout output_records output_null file_name file_component file_dirs file_place file_suffix file_resume record_json record_csv text writer spill turns
conn   = conn conn_dial conn_h1 conn_origin conn_pool conn_secure conn_wire
# load: what is asked, and who asks it
load_plan = arrivals plan plan_message plan_target plan_turn random template template_file template_fill
load_core = load load_order load_lane load_conn load_request load_wire load_h1 load_judge load_tally
load   = $(load_plan) $(load_core)
job    = host job job_check job_exchange job_memory job_request loan sched
top_load = engine_load engine_load_blocks engine_load_figures engine_load_judge engine_load_merge engine_load_period engine_load_probe engine_load_resolve engine_load_run engine_load_series engine_load_settings engine_load_tallies engine_load_thread
top    = $(top_load) engine engine_check engine_confirm engine_control engine_errors engine_feed engine_fetch engine_info engine_limits engine_result engine_settings engine_sink engine_submit engine_unique engine_worker
sim    = ring_sim ring_sim_ops ring_sim_net ring_sim_world ring_timers

cli    = main check check_options console fields get get_check get_options get_tls info options progress report signals \
         streams text values
cli_tally = check_tally check_reports check_junit check_sarif check_markdown check_github check_escape
cli_html = check_html check_html_page check_html_row check_html_rows check_html_run
cli_memory = check_cache check_cache_file check_diff check_diff_json check_hash
cli_bench = bench bench_asked bench_live bench_options bench_options_check bench_options_values bench_output bench_result bench_servers report_file
cli_bench_save = bench_json bench_json_figures bench_json_out bench_read bench_read_figures bench_read_histogram bench_read_member bench_read_memory \
                 bench_fingerprint bench_judge bench_threshold bench_merge bench_merge_figures bench_merge_time
cli_bench_reports = bench_junit bench_markdown bench_metrics bench_hdr bench_summary bench_summary_bars bench_summary_facts bench_text
cli_bench_html = bench_html bench_html_axis bench_html_compare bench_html_entries bench_html_head bench_html_histogram bench_html_page bench_html_percentiles bench_html_plot bench_html_tables \
                 bench_html_text bench_html_times
cli_bench_requests = bench_requests bench_requests_json
cli_table = check_table check_live check_summary check_text
origin = serve serve_options identity listen worker connection connection_read connection_tls request range query pattern reply keys log tally \
         endpoints endpoints_sizes endpoints_faults endpoints_status endpoints_mirror endpoints_file

examples = fetch_one gather load_one my_output

# What gets built and tested; a part of it for a quick turn: make BUILD=/tmp/b rooms="base http" unit
rooms ?= base tls http stats expect document net input output conn load job ring top cli origin
parts = $(patsubst %,$(2)%.c,$($(1)))
CORE_SRC = $(foreach r,$(filter-out ring top cli origin,$(rooms)),$(call parts,$(r),engine/$(r)/)) \
           $(if $(filter top,$(rooms)),$(call parts,top,engine/))
RING_SRC = $(if $(filter ring,$(rooms)),$(call parts,ring,engine/ring/))
SIM_SRC  = $(call parts,sim,engine/ring/)
CLI_TOOLS = $(foreach part,cli cli_tally cli_html cli_memory cli_table cli_bench cli_bench_save cli_bench_reports cli_bench_html cli_bench_requests,$(call parts,$(part),tools/ringfetch/))
CLI_SRC  = $(CLI_TOOLS) $(call parts,origin,tools/origin/)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB = $(BUILD)/engine.a
SIMLIB = $(BUILD)/engine-sim.a
STATIC = $(BUILD)/libringfetch.a
SHARED = $(BUILD)/libringfetch.so.0
EXAMPLES = $(patsubst %,$(BUILD)/examples/%,$(examples))
# A shared wolfSSL stays outside. Asked when it is there, not when make starts.
WOLFSSL_ARCHIVE = $(shell ls $(WOLFSSL)/lib/libwolfssl.a 2>/dev/null)
LINK = @mkdir -p $(@D); $(strip $(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^))

all: $(BUILD)/ringfetch $(STATIC) $(BUILD)/libringfetch.so $(EXAMPLES)  ## build everything (default)

# ---- how it is built ----------------------------------------------------------------------------------

# A variable's text, in a file that is touched only when the text has changed.
note = mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@

$(WOLFSSL).from: force
	@$(call note,$(WOLFSSL_PREFIX))

WOLFSSL_RECORD = $(WOLFSSL)/share/ringfetch-wolfssl
$(WOLFSSL_RECORD): tools/dev/build-wolfssl $(WOLFSSL).from
	@tools/dev/build-wolfssl $(WOLFSSL) $(WOLFSSL_PREFIX)
	@touch $@

# Compiler, flags and wolfSSL of the last build: objects made with others are made again.
$(BUILD)/flags: force $(WOLFSSL_RECORD)
	@test -n "$(PKG_LIBS)" || { echo "libraries are missing: tools/dev/setup build installs them" >&2; exit 1; }
	@$(call note,$(CC) $(CPPFLAGS) $(CFLAGS) $(shell cksum <$(WOLFSSL_RECORD)))

# Which wolfSSL this is, and how it was configured: its headers mean nothing, or something else, without that before them.
TLS_CPPFLAGS = -include ringfetch_wolfssl.h
$(BUILD)/obj/engine/tls/%.o: private CPPFLAGS += $(TLS_CPPFLAGS)
$(BUILD)/obj/tests/unit/tls/%.o: private CPPFLAGS += $(TLS_CPPFLAGS)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Tests compile in half the time so; what they test is optimised all the same.
$(BUILD)/obj/tests/%.o: private CFLAGS += -O0

# What the assembler takes in is not in the compiler's list of headers.
$(patsubst %,$(BUILD)/obj/tools/ringfetch/%_html_page.o,check bench): $(wildcard tools/ringfetch/page/*)

# What went into the libraries: they are made again when a source is gone, or `rooms` another.
$(BUILD)/sources: force
	@$(call note,$(CORE_SRC) $(RING_SRC) $(SIM_SRC))

$(LIB): $(call obj,$(CORE_SRC) $(RING_SRC)) $(BUILD)/sources
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

# The same engine on the simulated ring: what the fault tests link.
$(SIMLIB): $(call obj,$(CORE_SRC) $(SIM_SRC)) $(BUILD)/sources
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

# The libraries for others: the same objects and what they need of wolfSSL, of which only the public names are visible.
# Inside, names are short.
$(STATIC): $(LIB)
	$(LD) -r -o $(BUILD)/obj/libringfetch.o --whole-archive $< --no-whole-archive $(WOLFSSL_ARCHIVE)
	objcopy --wildcard --keep-global-symbol='rf_*' $(BUILD)/obj/libringfetch.o
	@rm -f $@
	ar rcs $@ $(BUILD)/obj/libringfetch.o

$(SHARED): $(call obj,$(CORE_SRC) $(RING_SRC)) tools/dev/libringfetch.map $(BUILD)/sources
	$(LINK) -shared -Wl,-soname,$(@F) -Wl,--version-script=tools/dev/libringfetch.map $(LIBS)

$(BUILD)/libringfetch.so: $(SHARED)
	ln -sf $(<F) $@

$(BUILD)/ringfetch: $(call obj,$(CLI_SRC)) $(LIB)
	$(LINK) $(LIBS)

$(BUILD)/examples/%: $(BUILD)/obj/tools/examples/%.o $(STATIC)
	$(LINK) $(LIBS)

# ---- tests --------------------------------------------------------------------------------------------

programs = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard $(1)))
UNIT = $(foreach r,$(rooms),$(call programs,tests/unit/$(patsubst top,engine,$(r))/*_test.c))
FAULT = $(call programs,tests/fault/*_test.c)
FUZZ = $(call programs,tests/fuzz/*_fuzz.c)
E2E = $(wildcard tests/e2e/*_test.py)

# A test links what lies beside it and is no test itself.
.SECONDEXPANSION:
helpers = $(call obj,$(filter-out %_test.c,$(wildcard tests/$(1)/*.c)))
# The command line's parts, without main and on a fake engine; the origin's parts. Histograms are real ones.
CLI_PARTS = $(call obj,$(filter-out %/main.c,$(CLI_TOOLS)))
CLI_STATS = $(call obj,$(call parts,stats,engine/stats/) engine/base/assert.c)
ORIGIN_PARTS = $(call obj,$(call parts,origin,tools/origin/)) $(CLI_PARTS)

# Reports are read back through libxml2, which ringfetch itself does without.
XML_TESTS = bench_html_test check_reports_test
$(XML_TESTS:%=$(BUILD)/obj/tests/unit/cli/%.o): private CPPFLAGS += \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags libxml-2.0 2>/dev/null))
$(XML_TESTS:%=$(BUILD)/tests/unit/cli/%): private LIBS += $(shell pkg-config --libs libxml-2.0 2>/dev/null)

$(BUILD)/tests/unit/cli/%: $(BUILD)/obj/tests/unit/cli/%.o $$(call helpers,unit/cli) $$(CLI_PARTS) $$(CLI_STATS)
	$(LINK) -lcmocka $(LIBS)

$(BUILD)/tests/unit/origin/%: $(BUILD)/obj/tests/unit/origin/%.o $$(call helpers,unit) $$(call helpers,unit/origin) \
		$$(ORIGIN_PARTS) $(LIB)
	$(LINK) -lcmocka $(LIBS)

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $$(call helpers,unit) $$(call helpers,unit/$$(*D)) $(LIB)
	$(LINK) -lcmocka $(LIBS)

$(BUILD)/tests/fault/%: $(BUILD)/obj/tests/fault/%.o $$(call helpers,fault) $(SIMLIB)
	$(LINK) -lcmocka $(LIBS)

$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIB)
	$(LINK) -fsanitize=fuzzer $(LIBS)

RUN = RINGFETCH="$(abspath $(BUILD)/ringfetch)" RINGFETCH_SLOW=$(SLOW) $(RUN_UNDER) tests/run

SETUP = BUILD=$(BUILD) WOLFSSL=$(WOLFSSL) WOLFSSL_PREFIX=$(WOLFSSL_PREFIX) tools/dev/setup

setup:  ## install what building and testing need (Debian, Ubuntu)
	@$(SETUP) build test

unit: $(UNIT)  ## unit tests
	@$(RUN) --title unit $(UNIT)

fault: $(FAULT)  ## tests of the engine on a simulated network that misbehaves
	@$(RUN) --title fault $(FAULT)

e2e: $(BUILD)/ringfetch  ## tests of the real binary against real servers
	@$(RUN) --title e2e $(E2E)

suite: $(UNIT) $(FAULT) $(BUILD)/ringfetch
	@$(RUN) --title "unit, fault and e2e" $(UNIT) $(FAULT) $(E2E)

check:  ## format, layers, headers, sizes, texts, manual, unit tests: seconds
	+@$(SUBMAKE) -s check-run

# Some unit tests wait more than they compute: two for each core.
check-run: $(UNIT)
	@CC="$(CC)" CPPFLAGS='$(CPPFLAGS) $(TLS_CPPFLAGS)' CFLAGS='$(CFLAGS)' tools/dev/check; checked=$$?; \
		$(RUN) --title unit --jobs $$((2 * $$(nproc))) $(UNIT) && exit $$checked

asan:  ## unit, fault and e2e tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+@$(SUBMAKE) -s BUILD=$(BUILD)/asan OPT="-O1 -g -fno-omit-frame-pointer" SLOW=4 \
		SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" suite

# ThreadSanitizer of gcc 12 can't live with as much address randomisation as new kernels have.
tsan:  ## the same under ThreadSanitizer
	+@$(SUBMAKE) -s BUILD=$(BUILD)/tsan OPT="-O1 -g" SLOW=10 SANITIZE="-fsanitize=thread" \
		RUN_UNDER="setarch -R" suite

test:  ## set up, then build and run every test, last under sanitizers
	@$(SETUP) build test
	+@tests/all $(SUBMAKE) -s

fuzz:  ## every fuzz target for FUZZ_SECONDS (10) each, its corpus first
	+@$(SUBMAKE) -s BUILD=$(BUILD)/fuzz CC=clang OPT="-O1 -g" \
		SANITIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" fuzz-run

fuzz-run: $(FUZZ)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/dev/fuzz $(BUILD) $(FUZZ)

# One file a process: from the second file on, clang-tidy 14 takes every va_list for uninitialised.
tidy: $(BUILD)/flags  ## clang-tidy
	@printf '%s\0' $(CORE_SRC) $(RING_SRC) $(SIM_SRC) $(CLI_SRC) $(patsubst %,tools/examples/%.c,$(examples)) | \
		xargs -0 -n 1 -P $(shell nproc) tools/dev/tidy $(CPPFLAGS) $(TLS_CPPFLAGS) $(CFLAGS) --

# ---- what people do with it -----------------------------------------------------------------------------

demo:  ## set up, build, and fetch 3,000 URLs from the loopback origin
	@$(SETUP) build
	+@$(SUBMAKE) -s all
	@tools/dev/demo $(BUILD)/ringfetch

bench:  ## set up, build, and measure against other programs
	@$(SETUP) build bench
	+@$(SUBMAKE) -s all floors
	@BUILD=$(BUILD) $(PYTHON) bench/run.py $(BENCH)

# CAMPAIGN says which, and how many runs: "aa --runs 300 --noise".
CAMPAIGN = all
campaign:  ## how often bench's verdicts are right: hours; CAMPAIGN="aa --runs 50 --noise"
	@$(SETUP) build bench
	+@$(SUBMAKE) -s all floors
	@BUILD=$(BUILD) $(PYTHON) bench/campaign.py $(CAMPAIGN)

# The least that each work can cost, and what times all programs. BENCH holds options for run.py.
BENCH =
FLOORS = $(patsubst %,$(BUILD)/bench/%,launch floor_get floor_hosts floor_connect floor_load tls_gcm)
floors: $(FLOORS)
$(FLOORS): $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

VERSION = $(shell sed -n 's/^\#define RF_VERSION "\(.*\)"/\1/p' include/ringfetch/ringfetch.h)
INTO = $(DESTDIR)$(PREFIX)
# What a program needs that links libringfetch.a.
PRIVATE_LIBS = $(PKG_LIBS) $(if $(WOLFSSL_ARCHIVE),,$(WOLFSSL_OWN) -lwolfssl) -lm

install: all  ## install below PREFIX (/usr/local), itself below DESTDIR
	install -d $(INTO)/bin $(INTO)/lib/pkgconfig $(INTO)/include/ringfetch $(INTO)/share/man/man1
	install -m 755 $(BUILD)/ringfetch $(INTO)/bin/
	install -m 644 $(STATIC) $(INTO)/lib/
	install -m 755 $(SHARED) $(INTO)/lib/
	ln -sf libringfetch.so.0 $(INTO)/lib/libringfetch.so
	install -m 644 include/ringfetch/*.h $(INTO)/include/ringfetch/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(PRIVATE_LIBS)|' tools/dev/ringfetch.pc.in \
		>$(INTO)/lib/pkgconfig/ringfetch.pc
	install -m 644 docs/ringfetch.1 $(INTO)/share/man/man1/

uninstall:  ## remove what install put there
	rm -f $(INTO)/bin/ringfetch $(INTO)/lib/libringfetch.a $(INTO)/lib/libringfetch.so $(INTO)/lib/libringfetch.so.0 \
		$(INTO)/lib/pkgconfig/ringfetch.pc $(INTO)/share/man/man1/ringfetch.1
	rm -rf $(INTO)/include/ringfetch

clean:  ## remove the build folder
	rm -rf $(BUILD)

help:  ## this list
	@sed -n 's/^\([a-z0-9]*\):.*  ## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: all setup unit fault e2e suite check check-run asan tsan test fuzz fuzz-run tidy demo bench floors install uninstall clean \
	campaign help force
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
