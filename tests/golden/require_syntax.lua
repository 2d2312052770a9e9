require "part_syntax"
