# mlpc: `make demo` shows it work on a real net, `make test` proves it. `make` alone builds build/mlpc.
# Everything that is made goes into $(BUILD).

BUILD    ?= build
CC       ?= cc
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
DESTDIR  ?=
LUA      ?= lua5.4
V        ?=
# `make V=1` shows whole commands, `make` one short line for each file.
SAY       = $(if $(V),,@echo "  $(1) $(patsubst $(BUILD)/%,%,$@)";)

WARNINGS := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wmissing-prototypes \
            -Wstrict-prototypes -Werror
# _GNU_SOURCE: the runtime asks the system for more than ISO C (fsync, mkstemp, isatty ...).
ALL_CFLAGS = $(WARNINGS) -D_GNU_SOURCE -Icompiler -Iruntime -I$(BUILD)/gen $(CFLAGS) $(SANITIZE)

# What Debian calls what we need. Only missing ones are installed.
BUILD_PACKAGES := gcc libc6-dev pkg-config liblua5.4-dev zlib1g-dev
TEST_PACKAGES  := $(BUILD_PACKAGES) libcmocka-dev g++ clang tcc cmake git

RUNTIME_C  := $(wildcard runtime/*.c)
COMPILER_C := $(wildcard compiler/*.c compiler/*/*.c)
LUA_TEXT   := $(wildcard compiler/*/*.lua)
GEN_C      := $(BUILD)/gen/snippets.c $(patsubst %.lua,$(BUILD)/gen/%.c,$(notdir $(LUA_TEXT)))
RUNTIME_O  := $(RUNTIME_C:%.c=$(BUILD)/%.o)
COMPILER_O := $(COMPILER_C:%.c=$(BUILD)/%.o) $(GEN_C:%.c=%.o)
SUPPORT_O  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/support/*.c))
UNITS      := $(patsubst tests/unit/%_test.c,$(BUILD)/tests/%_test,$(wildcard tests/unit/*_test.c))

LUA_CFLAGS = $(shell pkg-config --cflags $(LUA))
LIBS       = $(shell pkg-config --libs $(LUA)) -lz -lm

.PHONY: all demo test test-long test-binaries golden asan bench install uninstall clean packages test-packages runtime
.DELETE_ON_ERROR:
.SECONDARY:

all: packages
	@$(MAKE) --no-print-directory $(BUILD)/mlpc

runtime: $(BUILD)/libmlp.a

# ---- packages ----------------------------------------------------------------------------------------------------

packages:
	@tests/packages.sh $(BUILD_PACKAGES)

test-packages:
	@tests/packages.sh $(TEST_PACKAGES)

# ---- build -------------------------------------------------------------------------------------------------------

$(BUILD)/mlpc: $(COMPILER_O) $(BUILD)/libmlp.a
	$(call SAY,LD) $(CC) $(ALL_CFLAGS) -o $@ $(COMPILER_O) $(BUILD)/libmlp.a $(LDFLAGS) $(LIBS)

$(BUILD)/libmlp.a: $(RUNTIME_O)
	@rm -f $@
	$(call SAY,AR) $(AR) rcs $@ $(RUNTIME_O)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) $(LUA_CFLAGS) -MMD -MP -c -o $@ $<

# The pieces of the runtime's headers that generated files contain, and the Lua sugar, as C text.
$(BUILD)/gen/snippets.c: compiler/back/snippets.awk runtime/simd.h runtime/vmath.h runtime/kernel.h
	@mkdir -p $(@D)
	$(call SAY,GEN) awk -f compiler/back/snippets.awk runtime/simd.h runtime/vmath.h runtime/kernel.h > $@

$(BUILD)/gen/%.c: compiler/front/%.lua compiler/front/text.awk
	@mkdir -p $(@D)
	$(call SAY,GEN) awk -f compiler/front/text.awk -v name=$*_lua $< > $@

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) -Wno-overlength-strings -MMD -MP -c -o $@ $<

# ---- demo --------------------------------------------------------------------------------------------------------

demo: packages
	@$(MAKE) --no-print-directory $(BUILD)/mlpc
	@CC='$(CC)' examples/demo/demo.sh $(BUILD)

# ---- tests -------------------------------------------------------------------------------------------------------

$(BUILD)/tests/libsupport.a: $(SUPPORT_O)
	@mkdir -p $(@D)
	@rm -f $@
	$(call SAY,AR) $(AR) rcs $@ $(SUPPORT_O)

TESTED = $(filter-out $(BUILD)/compiler/main.o,$(COMPILER_O)) $(BUILD)/tests/libsupport.a $(BUILD)/libmlp.a

# A unit test may ask for flags of its own in its first line: /* build: -mavx2 -mfma */
$(BUILD)/tests/%_test: tests/unit/%_test.c $(TESTED)
	@mkdir -p $(@D)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) $(LUA_CFLAGS) -Itests/unit $$(sed -n '1s|^/\* build: \(.*\) \*/$$|\1|p' $<) -MMD -MP -MF $@.d \
	    -o $@ $< $(TESTED) $(LDFLAGS) $(LIBS) -lcmocka

test-binaries: $(BUILD)/mlpc $(UNITS)

test: test-packages
	@$(MAKE) --no-print-directory test-binaries
	@CC='$(CC)' SANITIZE='$(SANITIZE)' tests/run.sh $(BUILD)

test-long: test-packages
	@$(MAKE) --no-print-directory test-binaries
	@CC='$(CC)' MLPC_LONG=1 tests/run.sh $(BUILD)

golden: $(BUILD)/mlpc
	@tests/golden.sh $(BUILD)/mlpc --update

asan:
	@$(MAKE) --no-print-directory test BUILD=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

# ---- install -----------------------------------------------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(BUILD)/mlpc $(DESTDIR)$(PREFIX)/bin/mlpc
	install -m 644 $(BUILD)/libmlp.a $(DESTDIR)$(PREFIX)/lib/libmlp.a
	install -m 644 runtime/mlp.h $(DESTDIR)$(PREFIX)/include/mlp.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e "s|@VERSION@|$$($(BUILD)/mlpc --version | cut -d' ' -f2)|" runtime/mlp.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/mlp.pc
	install -m 644 compiler/doc/mlpc.1 $(DESTDIR)$(PREFIX)/share/man/man1/mlpc.1
	install -m 644 compiler/doc/mlpc.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mlpc

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/mlpc lib/libmlp.a include/mlp.h lib/pkgconfig/mlp.pc \
	    share/man/man1/mlpc.1 share/bash-completion/completions/mlpc)

clean:
	rm -rf $(BUILD)

-include $(RUNTIME_O:.o=.d) $(COMPILER_O:.o=.d) $(UNITS:=.d)
