#!/bin/sh
# agree_long.sh BUILD: what tests/e2e/agree.sh does, with more nets, each through every compiler.
exec "$(dirname "$0")/../e2e/agree.sh" "$1" long
