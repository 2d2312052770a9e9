#!/bin/bash
# batches_long.sh BUILD: tests/e2e/batches.sh over all nets of the bench and three instruction sets.
cd "$(dirname "$0")/../.." || exit 1
export NETS="b2_8_1 b16_64_32_32_5 b64_64_10 b784_256_10 ad b784_512_512_10 b1024_4096_1024 b8x1024 b256x16 b1000_1" SETS=all
exec tests/e2e/batches.sh "$1"
