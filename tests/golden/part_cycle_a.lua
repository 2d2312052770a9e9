return require "part_cycle_b"
