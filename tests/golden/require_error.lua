require "part_error"
