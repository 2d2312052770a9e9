# text.awk -v name=x_lua: a text file as the C array x_lua and its length x_lua_size.
BEGIN {
    print "/* Made by compiler/front/text.awk. */\n#include <stddef.h>"
    print "extern const char " name "[];\nextern const size_t " name "_size;"
    print "const char " name "[] ="
}
{
    gsub(/["\\]/, "\\\\&")
    print "    \"" $0 "\\n\""
}
END {
    print "    ;\nconst size_t " name "_size = sizeof " name " - 1;"
}
