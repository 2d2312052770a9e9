return require "part_cycle_a"
