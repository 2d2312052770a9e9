#!/bin/sh
# install.sh BUILD: make install and uninstall, with PREFIX and DESTDIR; a program that pkg-config finds the runtime for.
. "$(dirname "$0")/begin.sh"
cd "$root" || exit 1

fails() {
    ! "$@"
}

files_of() {
    (cd "$1" && find . -type f | LC_ALL=C sort)
}

prefix=$dir/prefix
check 'make install' make install "BUILD=$build" "PREFIX=$prefix"
cat >"$dir/wanted" <<'LIST'
./bin/mlpc
./include/mlp.h
./lib/libmlp.a
./lib/pkgconfig/mlp.pc
./share/bash-completion/completions/mlpc
./share/man/man1/mlpc.1
LIST
files_of "$prefix" >"$dir/got"
check 'these files, no others' cmp "$dir/wanted" "$dir/got"
check 'the program runs where it is' "$prefix/bin/mlpc" --version
check 'the program compiles a net' "$prefix/bin/mlpc" models/xor.lua -o "$dir/xor.c"

# A program against the installed prefix: all that it is told comes from pkg-config.
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
version=$("$prefix/bin/mlpc" --version)
check 'pkg-config knows the version' [ "mlpc $(pkg-config --modversion mlp)" = "$version" ]
cat >"$dir/main.c" <<'C'
#include <mlp.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    mlp_error err;
    mlp_params *params = mlp_params_read(argc > 1 ? argv[1] : "", &err);
    mlp_rng rng;
    if (!params) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    mlp_rng_seed(&rng, 1, 1);
    printf("%zu tensors, first %s, a random number below 10: %d\n", params->count, params->tensors[0].name,
           mlp_rng_below(&rng, 10) < 10);
    mlp_params_free(params);
    mlp_data *data = mlp_data_read("-", NULL, &(mlp_data_spec){.format = "csv"}, &err);
    printf("%zu rows\n", data ? data->rows : 0);
    mlp_data_free(data);
    return data ? 0 : 1;
}
C
# shellcheck disable=SC2046,SC2086
check 'a program builds with what pkg-config says' ${CC:-cc} -std=c11 -Wall -Wextra -Werror $SANITIZE -o "$dir/main" \
    "$dir/main.c" $(pkg-config --cflags --libs mlp)
printf '1,2,0\n3,4,1\n5,6,0\n' >"$dir/data.csv"
"$dir/main" models/ad.safetensors <"$dir/data.csv" >"$dir/got" 2>"$dir/log"
check 'and it runs' grep -q '^[0-9]* tensors, first dense' "$dir/got"
check 'and reads data' grep -qx '3 rows' "$dir/got"
# The header alone is C++ too.
if command -v g++ >/dev/null 2>&1; then
    printf '#include <mlp.h>\nint main() { return mlp_status_text(MLP_OK) == 0; }\n' >"$dir/main.cc"
    # shellcheck disable=SC2046,SC2086
    check 'a C++ program builds' g++ -std=c++11 -Wall -Wextra -Werror $SANITIZE -o "$dir/main_cc" "$dir/main.cc" \
        $(pkg-config --cflags --libs mlp)
    check 'and runs' "$dir/main_cc"
fi

# Twice is fine; uninstalling leaves no file, and not what others put there.
check 'make install again' make install "BUILD=$build" "PREFIX=$prefix"
touch "$prefix/bin/other"
check 'make uninstall' make uninstall "BUILD=$build" "PREFIX=$prefix"
files_of "$prefix" >"$dir/got"
echo ./bin/other >"$dir/wanted"
check 'uninstall leaves the others alone' cmp "$dir/wanted" "$dir/got"

# DESTDIR is where it is put, PREFIX where it will be; a folder with a space in its name.
check 'make install with DESTDIR' make install "BUILD=$build" PREFIX=/usr "DESTDIR=$dir/a package"
check 'the files are there' [ -x "$dir/a package/usr/bin/mlpc" ]
check 'mlp.pc names the prefix' grep -qx 'prefix=/usr' "$dir/a package/usr/lib/pkgconfig/mlp.pc"
check 'mlp.pc is filled in' fails grep -q '@' "$dir/a package/usr/lib/pkgconfig/mlp.pc"
check 'make uninstall with DESTDIR' make uninstall "BUILD=$build" PREFIX=/usr "DESTDIR=$dir/a package"
check 'nothing is left' [ -z "$(find "$dir/a package" -type f)" ]
check 'a relative PREFIX is refused' fails make install "BUILD=$build" PREFIX=out

finish
