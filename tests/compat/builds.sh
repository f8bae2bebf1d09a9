# shellcheck shell=bash
# builds.sh: rows for build tools, compilers and version control.

GIT_FILTER='s/\b[0-9a-f]{7,40}\b/HASH/g; s/, [0-9.]+ [KM]iB( \| [0-9.]+ [KM]iB\/s)?//g; s/^.*\r//; s/pack-reused [0-9]+.*//; s/up to [0-9]+ threads/threads/'

row git -n git -s err -f "$GIT_FILTER" \
    'init, 200 commits, branches, merge, rebase, hooks, clone, fetch --jobs=4 of four remotes, submodules, gc, fsck, bisect run, grep'
row_git() {
    export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
    git config --global user.name compat && git config --global user.email compat@localhost
    git config --global init.defaultBranch main && git config --global protocol.file.allow always
    git init -q origin
    (
        cd origin || exit
        for n in $(seq 200); do
            echo "line $n" >>"file$((n % 20))"
            git add -A && git commit -qm "commit $n"
        done
        git checkout -qb side HEAD~50
        for n in 1 2 3; do echo "side $n" >"side$n" && git add -A && git commit -qm "side $n"; done
        printf '#!/bin/sh\necho hook on stdout; echo hook on stderr >&2\n' >.git/hooks/post-merge &&
            chmod +x .git/hooks/post-merge
        git checkout -q main && git merge --no-edit side | tail -n 3
        git rev-parse HEAD HEAD~100
    )
    git clone --progress origin clone
    for n in 1 2 3 4; do cp -r origin "remote$n" && git -C clone remote add "r$n" "../remote$n"; done
    git -C clone fetch --jobs=4 --multiple r1 r2 r3 r4
    git -C clone fetch --all --jobs=4
    git -C clone submodule --quiet add ../origin module && git -C clone commit -qm module
    git clone -q --recurse-submodules --jobs=4 clone again
    git -C again gc && git -C again fsck --full && git -C again count-objects -v | grep -v size
    git -C again repack -adq --threads=2
    git -C clone rebase -q HEAD~5 --exec 'echo exec; true' 2>&1 | tail -n 3
    git -C clone bisect start -q HEAD HEAD~60 >/dev/null &&
        git -C clone bisect run sh -c '! grep -q "line 180" file0' | tail -n 5
    git -C clone grep -c 'line 1' | sort | head -n 5
    git -C clone log --oneline --stat -n 3
    git -C clone push -q ../again HEAD:refs/heads/pushed
    echo "status $?"
    git -C clone nonsense
    echo "status $?"
}

# Fetches Debian's source of zlib, with package lists that are separate from the system's.
prepare_zlib() {
    local apt=$SHARED/apt code mirror
    code=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # shellcheck disable=SC2016 # apt fills it in
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' | grep -m 1 'debian/$')
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$SHARED/zlib"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $code main" \
        >"$apt/list"
    local get=(timeout 120 apt-get -qq -o "Dir::Etc::SourceList=$apt/list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    "${get[@]}" update && cd "$apt" && "${get[@]}" source --download-only zlib &&
        tar -xf zlib_*.orig.tar.* -C "$SHARED/zlib" --strip-components=1
}

build_zlib() { # COMPILER
    cp -r "$SHARED/zlib" "$1" && cd "$1" || return
    CC=$1 ./configure
    make -j4 >log 2>errors
    echo "make $?"
    sort log
    sort errors
    make test
    echo "test $?"
    sha256sum libz.a minigzip
    cd ..
}

row zlib -n 'gcc clang make /usr/bin/ar=binutils' -t 120 -f 's/[0-9]+\.[0-9]+ seconds/T/' \
    'zlib from Debian'\''s source: configure, make -j4, make test, with gcc and clang; what is built is the same'
row_zlib() {
    build_zlib gcc
    build_zlib clang
}

row warnings -n 'gcc g++ clang' \
    'gcc and clang: errors, warnings, -E, -pipe, -save-temps, -flto=4, a response file, -fdiagnostics-color=always'
row_warnings() {
    printf 'int f(int x) { int y; if (x = 1) return y; }\nint main(void) { return f("a"); }\n' >bad.c
    printf 'int main(void) { return undefined(; }\n' >error.c
    cat >good.cc <<'END'
#include <iostream>
#include <vector>
int main()
{
    std::vector<int> v{3, 1, 2};
    for (int x : v)
        std::cout << x << std::endl;
    std::cerr << "done\n";
}
END
    for cc in gcc clang; do
        for option in -Wall '-Wall -O2 -pipe' -fdiagnostics-color=always '-E -P'; do
            # shellcheck disable=SC2086
            $cc $option -c -o /dev/null bad.c
            echo "$cc $option: $?"
        done
        $cc -c error.c
        echo "$cc: $?"
    done
    g++ -O2 -flto=4 -save-temps good.cc -o good && ./good
    echo '-O0 good.cc -o again' >response
    g++ @response && ./again | sort
}

row ninja -n 'cmake ninja=ninja-build gcc ctest=cmake' -t 120 \
    -f 's/[0-9]+\.[0-9]+ ?s(ec)?\b/T/g; s/ +T/ T/; s/^\[[0-9]+\/[0-9]+\] //; s/\.{3,}//; s/^ *[0-9]+\/[0-9]+ //' \
    -s both \
    'cmake and ninja: a project of 60 generated sources, a failing target under -k; ctest -j8: 40 tests that print, fail, crash and time out'
row_ninja() {
    mkdir -p src && cd src || return
    {
        echo 'cmake_minimum_required(VERSION 3.10)'
        echo 'project(many C)'
        echo 'enable_testing()'
        for n in $(seq 60); do
            printf '#include <stdio.h>\nint f%s(void) { int unused; puts("f%s"); return %s; }\n' "$n" "$n" "$n" >"f$n.c"
        done
        echo 'file(GLOB sources f*.c)'
        echo 'add_library(many STATIC ${sources})'
        echo 'target_compile_options(many PRIVATE -Wall)'
        printf '#include <stdlib.h>\n#include <unistd.h>\nint f1(void);\nint main(int argc, char **argv) {\n' >run.c
        printf 'int n = atoi(argv[argc - 1]); f1(); if (n %% 10 == 7) abort(); if (n %% 10 == 8) sleep(9); return n %% 5 == 0; }\n' >>run.c
        echo 'add_executable(run run.c)'
        echo 'target_link_libraries(run many)'
        echo 'add_custom_target(failing COMMAND sh -c "echo failing >&2; exit 3")'
        for n in $(seq 40); do echo "add_test(NAME t$n COMMAND run $n)"; done
        echo 'set_tests_properties(t8 t18 t28 t38 PROPERTIES TIMEOUT 1)'
        echo 'set_tests_properties(t5 PROPERTIES WILL_FAIL TRUE)'
    } >CMakeLists.txt
    cmake -G Ninja -B ../build . | grep -v 'ABI info'
    ninja -C ../build -j4 -k0 all failing
    echo "ninja $?"
    ninja -C ../build -n -t commands run | tail -n 1
    cmake --build ../build --target failing
    echo "build $?"
    cd ../build && ctest -j8 --output-on-failure
    echo "ctest $?"
}
