# snippets.awk: cuts the marked pieces out of runtime/simd.h, vmath.h and kernel.h into a C table (see back/code.h).
# A piece begins at a line "/*@ name : needs */" and ends at the next such line.
function quote(s) {
    gsub(/\\/, "\\\\&", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\\n\""
}
function finish() {
    if (open)
        print "    },"
    open = 0
}
BEGIN {
    print "/* Made by compiler/back/snippets.awk. */"
    print "#include \"back/code.h\""
    print "const Snippet snippets[] = {"
}
/^\/\*@ / {
    finish()
    name = $2
    needs = ""
    for (i = 4; i < NF; i++)
        needs = needs (needs == "" ? "" : " ") $i
    if (name == "end") {
        inside = 0
        next
    }
    printf "    {\"%s\", \"%s\",\n", name, needs
    open = inside = 1
    blank = 0
    next
}
inside && /^$/ { blank++; next }
inside {
    for (; blank > 0; blank--)
        print "     \"\\n\""
    print "     " quote($0)
}
END {
    print "    {0, 0, 0}"
    print "};"
}
