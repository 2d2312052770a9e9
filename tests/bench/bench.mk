# bench.mk: what the bench measures, built into $(BUILD)/bench: for each net its weights, its C, and a shared object for
# each way to compile it. Included by the Makefile; `make bench NETS="b2_8_1 ad" BATCHES=1,96 ROUNDS=9 SLICE=2
# SUBJECTS="gcc -O3 native,PyTorch"`.
BENCH   := $(BUILD)/bench
NETS    ?= b2_8_1 b16_64_32_32_5 b64_64_10 b784_256_10 ad b784_512_512_10 b1024_4096_1024 b8x1024 b256x16 b1000_1
BATCHES ?= 1,7,16,96,1024
ROUNDS  ?= 9
SLICE   ?= 2
SUBJECTS ?=
# The small peers are installed; PyTorch (python3-torch) and onnxruntime (by npm) take part where they, or node, are.
BENCH_PACKAGES := $(TEST_PACKAGES) libopenblas0-pthread libfann2
ONNXRUNTIME    ?= onnxruntime-node@1.20.1

BENCH_gcc-sse2     := gcc -O2
BENCH_clang-sse2   := clang -O2
BENCH_gcc-avx2     := gcc -O3 -mavx2 -mfma
BENCH_clang-avx2   := clang -O3 -mavx2 -mfma
BENCH_gcc-native   := gcc -O3 -march=native
BENCH_clang-native := clang -O3 -march=native
BENCH_gcc-openmp   := gcc -O3 -march=native -fopenmp
BENCH_WAYS := gcc-sse2 clang-sse2 gcc-avx2 clang-avx2 gcc-native clang-native gcc-openmp
BENCH_SO   := $(foreach net,$(NETS),$(BENCH_WAYS:%=$(BENCH)/$(net).%.so))

$(BENCH)/bench: tests/bench/bench.c tests/bench/net.c tests/bench/peers.c tests/bench/bench.h $(TESTED)
	@mkdir -p $(@D)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) -O3 -march=native -Itests/unit -o $@ $(filter %.c,$^) $(TESTED) $(LDFLAGS) $(LIBS)

$(BENCH)/%.lua: tests/bench/nets/%.lua
	@mkdir -p $(@D) && cp $< $@
$(BENCH)/ad.lua: models/ad.lua
	@mkdir -p $(@D) && cp $< $@
$(BENCH)/ad.safetensors: models/ad.safetensors
	@mkdir -p $(@D) && cp $< $@
$(BENCH)/%.safetensors: $(BENCH)/%.lua | $(BENCH)/bench
	$(call SAY,GEN) $(BENCH)/bench weights $< $@

# Large nets keep their numbers in a file: as text they would take the compilers minutes, and their pages lie anywhere.
$(BENCH)/%.c: $(BENCH)/%.lua $(BENCH)/%.safetensors $(BUILD)/mlpc
	$(call SAY,MLPC) $(BUILD)/mlpc $< -o $@ --prefix $* 2>$@.log \
	    $$([ $$(stat -c %s $(BENCH)/$*.safetensors) -gt 200000 ] && echo --weights-as=file)

# "NET.WAY.so": the net and the loop that calls it, units of their own.
define BENCH_RULE
$(BENCH)/%.$(1).so: $(BENCH)/%.c tests/bench/loop.c
	$$(call SAY,CC) $(BENCH_$(1)) -fPIC -shared -w -DHEADER='"$$*.h"' -DNAME=$$* -I$(BENCH) -o $$@ \
	    $$$$(grep -q 'const float \*p,' $(BENCH)/$$*.h && echo -DBLOCK) \
	    $$$$(grep -q BATCH_SCRATCH $(BENCH)/$$*.h && echo -DSCRATCH) $(BENCH)/$$*.c tests/bench/loop.c
endef
$(foreach way,$(BENCH_WAYS),$(eval $(call BENCH_RULE,$(way))))
.PRECIOUS: $(BENCH)/%.lua $(BENCH)/%.safetensors $(BENCH)/%.c

.PHONY: bench-built
bench-built: $(BENCH)/bench $(BENCH_SO)

bench: packages
	@-tests/packages.sh $(BENCH_PACKAGES)
	@[ -d $(BENCH)/node_modules ] || npm install --silent --ignore-scripts --prefix $(BENCH) $(ONNXRUNTIME) >/dev/null 2>&1 || \
	    echo "onnxruntime-node cannot be installed: left out"
	@$(MAKE) --no-print-directory $(PARALLEL) bench-built
	@ONNXRUNTIME=$(abspath $(BENCH)) $(BENCH)/bench run $(BENCH) --batches $(BATCHES) --rounds $(ROUNDS) --slice $(SLICE) \
	    --json $(BENCH)/bench.json --only "$(SUBJECTS)" $(NETS) | tee $(BENCH)/bench.txt
	@echo "also in $(BENCH)/bench.txt and $(BENCH)/bench.json"
