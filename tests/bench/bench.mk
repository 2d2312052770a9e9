# bench.mk: what the bench measures, built into $(BUILD)/bench: for each net its weights, its C, and a shared object for
# each way to compile it. Included by the Makefile. For example
#     make bench NETS="b2_8_1 ad:96" TRAIN= BATCHES=1,96 ROUNDS=9 SLICE=2 SUBJECTS="gcc -O3 native,PyTorch"
# NETS: nets, with batches if not those of BATCHES; TRAIN: nets and batches to learn from. Who names one of the two leaves
# out the other. QUICK=1: a few of them, in a minute or two.
BENCH := $(BUILD)/bench
ifeq ($(origin NETS)$(origin TRAIN),undefinedundefined)
ifdef QUICK
NETS  := b16_64_32_32_5 b64_64_10 b784_256_10 ad b784_512_512_10
TRAIN := b784_256_10:256 b784_512_512_10:128
else
NETS  := b2_8_1 b16_64_32_32_5 b64_64_10 b784_256_10 ad b784_512_512_10 b1024_4096_1024 b8x1024 b256x16 b1000_1
TRAIN := b2_8_1:4 b16_64_32_32_5:64 b784_256_10:256 b784_512_512_10:128,256,1024 b640_8_640:512 b1024_4096_1024:128,256,1024
endif
endif
ifdef QUICK
BATCHES ?= 1,96
endif
BATCHES ?= 1,7,16,96,1024
ROUNDS  ?= 9
SLICE   ?= 1
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
# What else is generated, NET.KIND.c, of which nets: other activations, weights in fewer bytes; and what learns.
BENCH_relu    := -D act=relu
BENCH_sigmoid := -D act=sigmoid
BENCH_gelu    := -D act=gelu
BENCH_softmax := -D act=softmax
BENCH_bf16    := --weights-type=bf16
BENCH_f16     := --weights-type=f16
BENCH_i8      := --weights-type=i8
BENCH_sgd     := --train -D optimizer=sgd
BENCH_adam    := --train -D optimizer=adam
BENCH_KINDS_b64_64_10       := relu sigmoid gelu softmax
BENCH_KINDS_b784_512_512_10 := bf16 f16 i8
BENCH_KINDS       := relu sigmoid gelu softmax bf16 f16 i8 sgd adam
BENCH_KIND_WAYS   := gcc-native clang-native
BENCH_TRAIN_WAYS  := gcc-sse2 gcc-native clang-native

bench_nets = $(foreach net,$(1),$(firstword $(subst :, ,$(net)))) # without batches
BENCH_BASES = $(foreach net,$(call bench_nets,$(NETS)),$(BENCH_WAYS:%=$(net).%) \
                  $(foreach kind,$(BENCH_KINDS_$(net)),$(BENCH_KIND_WAYS:%=$(net).$(kind).%))) \
              $(foreach net,$(call bench_nets,$(TRAIN)),$(foreach by,sgd adam,$(BENCH_TRAIN_WAYS:%=$(net).$(by).%)))
BENCH_SO    = $(BENCH_BASES:%=$(BENCH)/%.so)

$(BENCH)/bench: $(wildcard tests/bench/*.c) tests/bench/bench.h $(TESTED)
	@mkdir -p $(@D)
	$(call SAY,CC) $(CC) $(ALL_CFLAGS) -O3 -march=native -Itests/unit -o $@ \
	    $(filter-out %loop.c,$(filter %.c,$^)) $(TESTED) $(LDFLAGS) $(LIBS)

$(BENCH)/%.lua: tests/bench/nets/%.lua
	@mkdir -p $(@D) && cp $< $@
$(BENCH)/ad.lua: models/ad.lua
	@mkdir -p $(@D) && cp $< $@
$(BENCH)/ad.safetensors: models/ad.safetensors
	@mkdir -p $(@D) && cp $< $@
$(BENCH)/%.safetensors: $(BENCH)/%.lua | $(BENCH)/bench
	$(call SAY,GEN) $(BENCH)/bench weights $< $@

# Large nets keep their numbers in a file: as text they would take the compilers minutes, and their pages lie anywhere.
$(BENCH)/%.c: $(BENCH)/%.lua $(BENCH)/%.safetensors $(BUILD)/mlpc tests/bench/bench.mk
	$(call SAY,MLPC) $(BUILD)/mlpc $< -o $@ --prefix net 2>$@.log \
	    $$([ $$(stat -c %s $(BENCH)/$*.safetensors) -gt 200000 ] && echo --weights-as=file)

define BENCH_KIND_RULE
$(BENCH)/%.$(1).c: $(BENCH)/%.lua $(BENCH)/%.safetensors $(BUILD)/mlpc tests/bench/bench.mk
	$$(call SAY,MLPC) $(BUILD)/mlpc $$< -o $$@ --prefix net $(BENCH_$(1)) 2>$$@.log
endef
$(foreach kind,$(BENCH_KINDS),$(eval $(call BENCH_KIND_RULE,$(kind))))

# The net and the loop that calls it, units of their own.
define BENCH_RULE
$(BENCH)/%.$(1).so: $(BENCH)/%.c tests/bench/loop.c
	$$(call SAY,CC) $(BENCH_$(1)) -fPIC -shared -w -Wl,-Bsymbolic -DHEADER='"$$*.h"' -I$(BENCH) -o $$@ \
	    $$$$(grep -q 'const float \*p,' $(BENCH)/$$*.h && echo -DBLOCK) \
	    $$$$(grep -q BATCH_SCRATCH $(BENCH)/$$*.h && echo -DSCRATCH) \
	    $$$$(grep -q TRAIN_SCRATCH $(BENCH)/$$*.h && echo -DLEARNS) $(BENCH)/$$*.c tests/bench/loop.c
endef
$(foreach way,$(BENCH_WAYS),$(eval $(call BENCH_RULE,$(way))))
.PRECIOUS: $(BENCH)/%.lua $(BENCH)/%.safetensors $(BENCH)/%.c

.PHONY: bench-built
bench-built: $(BENCH)/bench $(BENCH_SO)

bench: packages
	@-tests/packages.sh $(BENCH_PACKAGES)
	@[ -d $(BENCH)/node_modules ] || \
	    npm install --silent --ignore-scripts --prefix $(BENCH) $(ONNXRUNTIME) >/dev/null 2>&1 || \
	    echo "onnxruntime-node cannot be installed: left out"
	@$(MAKE) --no-print-directory $(PARALLEL) bench-built
	@ONNXRUNTIME=$(abspath $(BENCH)) $(BENCH)/bench run $(BENCH) --batches $(BATCHES) --rounds $(ROUNDS) --slice $(SLICE) \
	    --json $(BENCH)/bench.json --only "$(SUBJECTS)" $(NETS) $(subst :,.train:,$(TRAIN)) | \
	    tee $(BENCH)/bench.txt
	@echo "also in $(BENCH)/bench.txt and $(BENCH)/bench.json"
