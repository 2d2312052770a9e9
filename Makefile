# mlpc: `make demo` shows it work on a real net, `make test` proves it. `make` alone builds build/mlpc.
# Everything that is made goes into $(BUILD).

BUILD    ?= build
CC       ?= cc
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
DESTDIR  ?=
LUA      ?= lua5.4
V        ?=
JOBS     ?= $(shell nproc 2>/dev/null || echo 1)
# The second make of demo, test and all: on all processors, unless the caller has said how many.
PARALLEL  = $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(JOBS))
# `make V=1` shows whole commands, `make` one short line for each file.
SAY       = $(if $(V),,@echo "  $(1) $(patsubst $(BUILD)/%,%,$@)";)

WARNINGS := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wmissing-prototypes \
            -Wstrict-prototypes -Werror
# _GNU_SOURCE: the runtime asks the system for more than ISO C (fsync, mkstemp, isatty ...).
# Position-independent with hidden names: one set of objects for the program and for mlpc.so, at the same speed.
ALL_CFLAGS = $(WARNINGS) -fPIC -fvisibility=hidden -D_GNU_SOURCE -Icompiler -Iruntime -I$(BUILD)/gen $(CFLAGS) $(SANITIZE)

# What Debian calls what we need. Only missing ones are installed.
BUILD_PACKAGES := gcc libc6-dev pkg-config liblua5.4-dev libtcc-dev zlib1g-dev libedit-dev
TEST_PACKAGES  := $(BUILD_PACKAGES) libcmocka-dev g++ clang tcc cmake git lua5.4 gnuplot-nox

RUNTIME_C  := $(wildcard runtime/*.c)
MODULE_C   := compiler/repl/module.c
PROMPT_C   := compiler/repl/repl.c compiler/repl/edit.c compiler/repl/history.c compiler/repl/prompt.c compiler/repl/help.c
COMPILER_C := $(filter-out $(MODULE_C),$(wildcard compiler/*.c compiler/*/*.c))
LUA_TEXT   := $(wildcard compiler/*/*.lua)
GEN_C      := $(BUILD)/gen/snippets.c $(patsubst %.lua,$(BUILD)/gen/%.c,$(notdir $(LUA_TEXT)))
# Kernels: kernels.c and kernels_learn.c are built once more for each further instruction set; kernels_choose.c knows the
# same list.
KERNEL_SETS    := $(if $(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null)),avx2 avx512)
KERNELS_avx2   := -mavx2 -mfma
KERNELS_avx512 := $(KERNELS_avx2) -mavx512f -mavx512vl -mavx512bw -mavx512dq
KERNEL_O   := $(foreach k,kernels kernels_learn,$(KERNEL_SETS:%=$(BUILD)/runtime/$(k)_%.o))
RUNTIME_O  := $(RUNTIME_C:%.c=$(BUILD)/%.o) $(KERNEL_O)
COMPILER_O := $(COMPILER_C:%.c=$(BUILD)/%.o) $(GEN_C:%.c=%.o)
SUPPORT_O  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/support/*.c))
UNITS      := $(patsubst tests/unit/%_test.c,$(BUILD)/tests/%_test,$(wildcard tests/unit/*_test.c))

LUA_CFLAGS = $(shell pkg-config --cflags $(LUA) 2>/dev/null)
# A module finds Lua in the program that loads it, and needs no line editing.
MODULE_LIBS = -ltcc -ldl -lpthread -lz -lm
LIBS        = $(shell pkg-config --libs $(LUA) 2>/dev/null) -ledit $(MODULE_LIBS)

.PHONY: all lua demo test test-long test-binaries golden asan tsan bench install uninstall clean packages test-packages runtime
.DELETE_ON_ERROR:
.SECONDARY:

all: packages
	@$(MAKE) --no-print-directory $(PARALLEL) $(BUILD)/mlpc

runtime: $(BUILD)/libmlp.a

# ---- packages ----------------------------------------------------------------------------------------------------

packages:
	@tests/packages.sh $(BUILD_PACKAGES)

test-packages:
	@tests/packages.sh $(TEST_PACKAGES)

# ---- build -------------------------------------------------------------------------------------------------------

$(BUILD)/mlpc: $(COMPILER_O) $(BUILD)/libmlp.a
	$(call SAY,LD) $(CC) $(ALL_CFLAGS) -o $@ $(COMPILER_O) $(BUILD)/libmlp.a $(LDFLAGS) $(LIBS)

# require "mlpc" from Lua 5.4.
MODULE_O = $(MODULE_C:%.c=$(BUILD)/%.o) $(filter-out $(BUILD)/compiler/main.o $(PROMPT_C:%.c=$(BUILD)/%.o),$(COMPILER_O))

# Debian's libtcc.a is made for programs: what it takes from the C library must be near, and module.c has it under new names.
MODULE_LINK = -Wl,-Bsymbolic -Wl,--exclude-libs,ALL
MODULE_TCC  = $(if $(filter /%,$(TCC_A)),$(BUILD)/libtcc_module.a)
TCC_A       = $(shell $(CC) -print-file-name=libtcc.a)

lua: packages
	@$(MAKE) --no-print-directory $(PARALLEL) $(BUILD)/mlpc.so

$(BUILD)/libtcc_module.a:
	@mkdir -p $(@D)
	$(call SAY,GEN) objcopy --redefine-sym stdout=mlpc_stdout --redefine-sym stderr=mlpc_stderr \
	    --redefine-sym environ=mlpc_environ $(TCC_A) $@

$(BUILD)/mlpc.so: $(MODULE_O) $(BUILD)/libmlp.a $(MODULE_TCC)
	$(call SAY,LD) $(CC) $(ALL_CFLAGS) -shared $(MODULE_LINK) -o $@ $(MODULE_O) $(BUILD)/libmlp.a \
	    $(MODULE_TCC) $(LDFLAGS) $(MODULE_LIBS)

$(BUILD)/libmlp.a: $(RUNTIME_O)
	@rm -f $@
	$(call SAY,AR) $(AR) rcs $@ $(RUNTIME_O)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) $(LUA_CFLAGS) -MMD -MP -c -o $@ $<

$(KERNEL_SETS:%=$(BUILD)/runtime/kernels_%.o): $(BUILD)/runtime/kernels_%.o: runtime/kernels.c
$(KERNEL_SETS:%=$(BUILD)/runtime/kernels_learn_%.o): $(BUILD)/runtime/kernels_learn_%.o: runtime/kernels_learn.c
$(KERNEL_O):
	@mkdir -p $(@D)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) -DMLP_SET=$(lastword $(subst _, ,$(*F))) $(KERNELS_$(lastword $(subst _, ,$(*F)))) \
	    -MMD -MP -c -o $@ $<

# Loops that are left to the compiler to make vector code of. errno is never looked at: so that roots become vector code, too.
BLOCKS := optim step train data_use kernels_learn
$(BLOCKS:%=$(BUILD)/runtime/%.o) $(KERNEL_SETS:%=$(BUILD)/runtime/kernels_learn_%.o): ALL_CFLAGS += -O3 -fno-math-errno

# The pieces of the runtime's headers that generated files contain, and the Lua sugar, as C text.
$(BUILD)/gen/snippets.c: compiler/back/snippets.awk runtime/simd.h runtime/vmath.h runtime/kernel.h runtime/narrow.h runtime/learn.h runtime/rule.h runtime/update.h
	@mkdir -p $(@D)
	$(call SAY,GEN) awk -f compiler/back/snippets.awk runtime/simd.h runtime/vmath.h runtime/kernel.h runtime/narrow.h runtime/learn.h runtime/rule.h runtime/update.h > $@

$(BUILD)/gen/%.c: compiler/front/%.lua compiler/front/text.awk
	@mkdir -p $(@D)
	$(call SAY,GEN) awk -f compiler/front/text.awk -v name=$*_lua $< > $@

$(BUILD)/gen/%.c: compiler/repl/%.lua compiler/front/text.awk
	@mkdir -p $(@D)
	$(call SAY,GEN) awk -f compiler/front/text.awk -v name=$*_lua $< > $@

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) -Wno-overlength-strings -MMD -MP -c -o $@ $<

# ---- demo --------------------------------------------------------------------------------------------------------

demo: packages
	@$(MAKE) --no-print-directory $(PARALLEL) $(BUILD)/mlpc
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

# What tests/e2e/agree.sh makes its nets with.
$(BUILD)/tests/agree: tests/e2e/agree_nets.c $(TESTED)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) -Itests/unit -MMD -MP -MF $@.d -o $@ $< $(TESTED) $(LDFLAGS) $(LIBS)

test-binaries: $(BUILD)/mlpc $(BUILD)/mlpc.so $(UNITS) $(BUILD)/tests/agree

test: test-packages
	@$(MAKE) --no-print-directory $(PARALLEL) test-binaries
	@CC='$(CC)' SANITIZE='$(SANITIZE)' tests/run.sh $(BUILD)

test-long: test-packages
	@$(MAKE) --no-print-directory $(PARALLEL) test-binaries
	@CC='$(CC)' MLPC_LONG=1 tests/run.sh $(BUILD)

golden: $(BUILD)/mlpc
	@tests/golden.sh $(BUILD) --update

asan:
	@$(MAKE) --no-print-directory $(PARALLEL) test BUILD=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

# What runs in several threads, under the sanitizer for them: compiling and running nets, learning, the pool.
TSAN_UNITS := jit live train
tsan: test-packages
	@$(MAKE) --no-print-directory $(PARALLEL) $(TSAN_UNITS:%=build/tsan/tests/%_test) BUILD=build/tsan CFLAGS='-O1 -g' \
	    SANITIZE='-fsanitize=thread'
	@for unit in $(TSAN_UNITS); do TSAN_OPTIONS=halt_on_error=1 build/tsan/tests/$${unit}_test || exit 1; done

# ---- bench -------------------------------------------------------------------------------------------------------

include tests/bench/bench.mk

# ---- install -----------------------------------------------------------------------------------------------------

# PREFIX is where the files will be used (it stands in mlp.pc), DESTDIR in front of it where they are put for now.
TO = $(DESTDIR)$(PREFIX)
VERSION = $(shell sed -n 's/^.define MLPC_VERSION "\(.*\)"/\1/p' compiler/version.h)

install: all
	@case '$(PREFIX)' in /*) ;; *) echo "PREFIX must be an absolute path, not '$(PREFIX)'" >&2; exit 1 ;; esac
	install -d '$(TO)/bin' '$(TO)/lib/pkgconfig' '$(TO)/include' '$(TO)/share/man/man1' \
	    '$(TO)/share/bash-completion/completions'
	install -m 755 $(BUILD)/mlpc '$(TO)/bin/mlpc'
	install -m 644 $(BUILD)/libmlp.a '$(TO)/lib/libmlp.a'
	install -m 644 runtime/mlp.h '$(TO)/include/mlp.h'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' runtime/mlp.pc.in > $(BUILD)/mlp.pc
	install -m 644 $(BUILD)/mlp.pc '$(TO)/lib/pkgconfig/mlp.pc'
	install -m 644 compiler/doc/mlpc.1 '$(TO)/share/man/man1/mlpc.1'
	install -m 644 compiler/doc/mlpc.bash '$(TO)/share/bash-completion/completions/mlpc'

uninstall:
	rm -f '$(TO)/bin/mlpc' '$(TO)/lib/libmlp.a' '$(TO)/include/mlp.h' '$(TO)/lib/pkgconfig/mlp.pc' \
	    '$(TO)/share/man/man1/mlpc.1' '$(TO)/share/bash-completion/completions/mlpc'

clean:
	rm -rf $(BUILD)

-include $(RUNTIME_O:.o=.d) $(COMPILER_O:.o=.d) $(MODULE_C:%.c=$(BUILD)/%.d) $(UNITS:=.d) $(BUILD)/tests/agree.d
