local parts = require "no_such_file"
