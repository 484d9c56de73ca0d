# ringfetch: one Makefile, no recursion into folders. `make help` lists what it can do.

BUILD ?= build
CC ?= gcc
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
OPT ?= -O2 -g
SANITIZE ?=

PKGS = liburing libcares libidn2 jansson nettle
WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
CPPFLAGS += -D_GNU_SOURCE -Iengine -Iinclude -Itests/unit
CPPFLAGS += -DLIBURING_VERSION=\"$(shell pkg-config --modversion liburing)\"
CFLAGS += -std=gnu11 $(OPT) $(WARN) -fPIC -pthread -fno-strict-aliasing $(SANITIZE)
LDFLAGS += -pthread $(SANITIZE)
LIBS = $(shell pkg-config --libs $(PKGS))

# ---- sources, room by room (engine/LAYERS has their order) ------------------------------------------
base   = assert err hash heap pool
http   = token response framing body request http_date url url_host url_percent url_domain url_symbol url_ip
ring   = ring_uring ring_queue ring_complete ring_accept ring_buffers ring_slots ring_probe ring_timers
net    = address dns dns_message name_table resolver resolver_cache resolver_hosts resolver_order \
         resolver_override resolver_question socket
input  = input input_glob input_json input_line input_reader
output = output output_fault output_verify output_files output_stdout output_records output_null file_name file_component file_dirs file_place file_suffix file_resume record_json record_csv text writer spill turns
conn   = conn conn_dial conn_h1 conn_origin conn_pool
job    = host job job_exchange job_memory job_request sched
top    = engine engine_errors engine_feed engine_info engine_limits engine_settings engine_sink engine_submit engine_worker
sim    = ring_sim ring_sim_ops ring_sim_net ring_sim_world ring_timers

cli    = main console fields get get_check get_options info options progress report signals \
         streams text values
origin =

rooms ?= base http net input output conn job ring cli
room = $(wildcard $(patsubst %,engine/$(1)/%.c,$($(1))))
CORE_SRC = $(foreach r,$(filter-out ring,$(rooms)),$(call room,$(r))) $(patsubst %,engine/%.c,$(top))
RING_SRC = $(call room,ring)
SIM_SRC  = $(patsubst %,engine/ring/%.c,$(sim))
CLI_SRC  = $(patsubst %,tools/ringfetch/%.c,$(cli)) $(patsubst %,tools/origin/%.c,$(origin))

EXAMPLES = $(patsubst %,$(BUILD)/examples/%,fetch_one gather my_output)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB = $(BUILD)/libringfetch.a
SIMLIB = $(BUILD)/libringfetch-sim.a

# ---- what gets built --------------------------------------------------------------------------------
all: $(BUILD)/ringfetch $(BUILD)/libringfetch.so $(EXAMPLES)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(call obj,$(CORE_SRC) $(RING_SRC))
	@rm -f $@
	ar rcs $@ $^

# The same engine on the simulated ring: what the fault tests link.
$(SIMLIB): $(call obj,$(CORE_SRC) $(SIM_SRC))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/libringfetch.so: $(call obj,$(CORE_SRC) $(RING_SRC))
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libringfetch.so.0 -o $@ $^ $(LIBS)

$(BUILD)/ringfetch: $(call obj,$(CLI_SRC)) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/examples/%: $(BUILD)/obj/tools/examples/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# ---- tests --------------------------------------------------------------------------------------------
UNIT_SRC = $(foreach r,$(rooms),$(wildcard tests/unit/$(r)/*_test.c))
FAULT_SRC = $(wildcard tests/fault/*_test.c)
UNIT = $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
FAULT = $(patsubst tests/%.c,$(BUILD)/tests/%,$(FAULT_SRC))

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/obj/tests/unit/guard.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# The command line's parts, without main and on a fake engine.
CLI_PARTS = $(call obj,$(patsubst %,tools/ringfetch/%.c,$(filter-out main,$(cli))))
$(BUILD)/tests/unit/cli/%: $(BUILD)/obj/tests/unit/cli/%.o $(BUILD)/obj/tests/unit/cli/fake_engine.o \
		$(CLI_PARTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

$(BUILD)/tests/fault/%: $(BUILD)/obj/tests/fault/%.o $(SIMLIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

unit: $(UNIT)
	@for t in $(UNIT); do $$t || exit 1; done

clean:
	rm -rf $(BUILD)

.PHONY: all unit clean
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
