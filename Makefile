# sscap: `make` builds build/sscap and build/libsscap.so, `make run` shows them at work, `make test` tests them.
#
#   make CC=clang            any gcc or clang; CFLAGS and LDFLAGS are yours and come last
#   make run CMD='make -j4'  your own command under sscap instead of the bundled demo
#   make test                FILTER=REGEX  TESTS='tests/x.bats ...'
#   make test SAN=address,undefined    the runner sanitised, the library trapping on undefined behaviour
#   make test WRAP=valgrind            the runner under valgrind
#   make check               format, clang-tidy, cppcheck, shellcheck, headers, exported symbols
#   make bench | soak | fuzz speed ratios | the long tests | the fuzzers (FUZZ_SECONDS=60 each)
#   make compat              real software with and without sscap, ONLY='git node.*'; as root: it installs it from Debian
#   make install | uninstall PREFIX=/usr/local DESTDIR= BINDIR= LIBDIR= MANDIR= DATADIR=
#   make V=1                 shows whole commands;  make B=DIR builds in DIR

# Plain `=`: the environment cannot set these, the command line can. A stray $B or $V must not move the build.
SAN =
WRAP =
B = build$(if $(SAN),-san)
V =
FILTER =
TESTS = $(sort $(wildcard tests/*.bats))
CMD = $(B)/tests/programs/demo
RUNS =
FUZZ_SECONDS = 60
ONLY =

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
INSTALL ?= install

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all run test check bench soak compat fuzz install uninstall clean programs
Q = $(if $(V),,@)

# --- what there is ------------------------------------------------------------------------------------------

SHIM_SRC := $(sort $(wildcard shim/*.c shim/*/*.c))
# Assembly; each file is empty on machines that it is not for.
SHIM_ASM := $(sort $(wildcard shim/*.S shim/*/*.S))
# What library and runner both need is in shim/.
RUNNER_SRC := $(sort $(wildcard runner/*.c runner/*/*.c)) shim/loader.c shim/syscalls.c
SHIM_OBJ = $(SHIM_SRC:%.c=$(B)/%.o) $(SHIM_ASM:%.S=$(B)/%.o)
RUNNER_OBJ = $(RUNNER_SRC:%.c=$(B)/%.o) $(B)/shim/raw_syscall_i386.o

# The library's twin for 32-bit programs on a 64-bit machine, where the compiler can make it. shim/loader.h knows the place.
TWIN := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),$(shell printf '\043include <stdlib.h>\n' | \
  $(CC) -m32 -shared -o /dev/null -x c - >/dev/null 2>&1 && echo libsscap/lib32/libsscap.so))
TWIN_OBJ = $(SHIM_SRC:%.c=$(B)/32/%.o) $(SHIM_ASM:%.S=$(B)/32/%.o)
# What unit tests and fuzzers link with: the runner without its main().
MODULES = $(filter-out runner/main.c,$(RUNNER_SRC))

# A tool's kind is in its name: static_x is linked statically, libx becomes a shared object.
tools = $(foreach file,$(sort $(wildcard $(1)/*.c)),$(B)/$(basename $(file))$(if $(filter lib%,$(notdir $(file))),.so))
PROGRAMS = $(call tools,tests/programs)
UNIT = $(call tools,tests/unit)
BENCH = $(call tools,tests/bench)
FUZZ := $(sort $(wildcard tests/fuzz/*.c))

# --- flags --------------------------------------------------------------------------------------------------

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
  -Wwrite-strings -Wundef -Wvla -Wformat=2 -Werror
# Empty, as `#define _GNU_SOURCE` in a source would have it: the two then agree and nobody is warned.
BASE = -std=gnu11 -O2 -g -I. -D_GNU_SOURCE= -MMD -MP

# Guest code (shim/README.md): nothing visible but shim/exports.list, no fortified calls and no stack protector, as both
# call out into libc from where libc may not be ready. It never gets -D_FILE_OFFSET_BITS=64: that renames open to
# open64, and both are defined here. initial-exec makes thread-locals a plain load instead of a call that may allocate.
SHIM_CFLAGS = $(BASE) $(WARN) -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE -fno-stack-protector -ftls-model=initial-exec
# initfirst: our constructor runs before those of other libraries. defs: no symbol is left to chance. -ldl is for
# glibc before 2.34, where dlsym is not in libc proper; since then it is empty and leaves no trace. noseparate-code:
# two segments to map instead of four, a quarter of what a preloaded library adds to each exec (10 us of 40).
SHIM_LDFLAGS = -shared -static-libgcc -Wl,-z,defs -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-z,noseparate-code \
  -Wl,-soname,libsscap.so -Wl,--as-needed -Wl,--wrap=_dl_find_object \
  -Wl,--wrap=__pthread_key_create -Wl,--wrap=pthread_once
SHIM_LIBS = -ldl

RUNNER_CFLAGS = $(BASE) $(WARN) -fPIE -fstack-protector-strong $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# The library knows the runner by this symbol, and stays out of it.
RUNNER_LDFLAGS = -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed -Wl,--export-dynamic-symbol=sscap_is_runner

# Odd programs need odd code, so they get only the common warnings.
TOOL_CFLAGS = $(BASE) -Wall -Wextra -Werror -pthread

ifneq ($(SAN),)
RUNNER_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
# By default gcc links a sanitizer's runtime dynamically, and ASan then refuses to start behind a preloaded library,
# which is how LD_PRELOAD alone and nested sessions start the runner. clang links it statically anyway.
RUNNER_LDFLAGS += -fsanitize=$(SAN) $(if $(findstring clang,$(shell $(CC) --version)),,-static-libasan -static-libubsan)
# No sanitizer runtime can live in a preloaded library; undefined behaviour can trap without one.
# But for nonnull-attribute: what programs pass to libc, the library hands on.
SHIM_CFLAGS += $(if $(findstring undefined,$(SAN)),-fsanitize=undefined -fno-sanitize=nonnull-attribute -fsanitize-undefined-trap-on-error)
endif

# Everything is rebuilt when any flag changed: the flags of the last build are kept in a file that all objects
# depend on. It is written while this file is read, so that `make` with nothing to do says so.
STAMP = $(B)/flags
FLAGS := $(CC) $(SHIM_CFLAGS) | $(SHIM_LDFLAGS) | $(RUNNER_CFLAGS) | $(RUNNER_LDFLAGS) | $(TOOL_CFLAGS) | \
  $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
ifneq ($(strip $(FLAGS)),$(strip $(file <$(STAMP))))
$(shell mkdir -p $(B))
$(file >$(STAMP),$(FLAGS))
endif

# --- building -----------------------------------------------------------------------------------------------

all: $(B)/sscap $(B)/libsscap.so $(TWIN:%=$(B)/%)

$(B)/sscap: $(RUNNER_OBJ) $(STAMP)
	@echo "  LINK  $@"
	$(Q)$(CC) $(RUNNER_CFLAGS) $(CFLAGS) $(RUNNER_LDFLAGS) $(LDFLAGS) -o $@ $(RUNNER_OBJ)

$(B)/libsscap.so: $(SHIM_OBJ) $(B)/exports.map $(STAMP)
	@echo "  LINK  $@"
	$(Q)$(CC) $(SHIM_CFLAGS) $(CFLAGS) $(SHIM_LDFLAGS) $(LDFLAGS) -Wl,--version-script=$(B)/exports.map \
	  -o $@ $(SHIM_OBJ) $(SHIM_LIBS)

$(B)/libsscap/lib32/libsscap.so: $(TWIN_OBJ) $(B)/exports.map $(STAMP)
	@mkdir -p $(@D); echo "  LINK  $@"
	$(Q)$(CC) $(SHIM_CFLAGS) $(CFLAGS) -m32 $(SHIM_LDFLAGS) $(LDFLAGS) -Wl,--version-script=$(B)/exports.map \
	  -o $@ $(TWIN_OBJ) $(SHIM_LIBS)

$(B)/exports.map: shim/exports.list
	@mkdir -p $(@D)
	@{ echo '{ global:'; sed 's/#.*//; s/[[:space:]]*$$//; /./s/$$/;/' $<; echo 'local: *; };'; } >$@

$(B)/shim/%.o: shim/%.c $(STAMP)
	@mkdir -p $(@D); echo "  CC    $<"
	$(Q)$(CC) $(SHIM_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/32/shim/%.o: shim/%.c $(STAMP)
	@mkdir -p $(@D); echo "  CC 32 $<"
	$(Q)$(CC) $(SHIM_CFLAGS) $(CPPFLAGS) $(CFLAGS) -m32 -c -o $@ $<

$(B)/shim/%.o: shim/%.S $(STAMP)
	@mkdir -p $(@D); echo "  AS    $<"
	$(Q)$(CC) $(SHIM_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/32/shim/%.o: shim/%.S $(STAMP)
	@mkdir -p $(@D); echo "  AS 32 $<"
	$(Q)$(CC) $(SHIM_CFLAGS) $(CPPFLAGS) $(CFLAGS) -m32 -c -o $@ $<

$(B)/runner/%.o: runner/%.c $(STAMP)
	@mkdir -p $(@D); echo "  CC    $<"
	$(Q)$(CC) $(RUNNER_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The shortest stem wins: a unit test takes its own rule, all other tools the one after it.
$(B)/tests/unit/%: tests/unit/%.c $(MODULES:%.c=$(B)/%.o) $(B)/shim/raw_syscall_i386.o $(STAMP)
	@mkdir -p $(@D); echo "  TEST  $<"
	$(Q)$(CC) $(RUNNER_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(RUNNER_LDFLAGS) $(LDFLAGS) -o $@ $< $(filter %.o,$^)

$(B)/tests/%.so: tests/%.c $(STAMP)
	@mkdir -p $(@D); echo "  TEST  $<"
	$(Q)$(CC) $(TOOL_CFLAGS) -fPIC -shared $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MF $@.d -o $@ $< -ldl

$(B)/tests/%: tests/%.c $(STAMP)
	@mkdir -p $(@D); echo "  TEST  $<"
	$(Q)$(CC) $(TOOL_CFLAGS) $(if $(filter static_%,$(@F)),-static) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MF $@.d -o $@ $< -ldl

programs: $(PROGRAMS) $(UNIT)

-include $(SHIM_OBJ:.o=.d) $(TWIN_OBJ:.o=.d) $(RUNNER_OBJ:.o=.d) $(wildcard $(B)/tests/*/*.d)

# --- running and testing ------------------------------------------------------------------------------------

# What is started here must not take this make's job server and variables for its own, nor a session that this make
# runs in, nor the user's SSCAP_* options.
CLEAN_ENV = unset LD_PRELOAD MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES \
  $$(env | sed -n 's/^\(SSCAP_[A-Za-z0-9_]*\)=.*/\1/p')

run: all $(B)/tests/programs/demo
	@$(info $$ $(B)/sscap $(CMD))
	@$(CLEAN_ENV); $(B)/sscap $(CMD)

BATS := $(or $(shell command -v bats || :),$(B)/bats/usr/bin/bats)
# The same tests with the runner under another program: they meet a script in the runner's place. What valgrind has to say
# goes to a file beside that script, as stderr is compared, through a number that no test looks at (--log-file would be
# inherited as 3); an error of memory ends the runner with 99. Where a test leaves it no such number, it is not wrapped.
# Debian's valgrind is a script for valgrind.bin, whose shell would throw bash's exported functions away.
TESTED = $(abspath $(B)/$(if $(WRAP),wrapped/)sscap)
VALGRIND = $(shell command -v valgrind.bin || echo valgrind) -q --vgdb=no --error-exitcode=99 --log-fd=200
WRAPPER = $(if $(filter valgrind,$(WRAP)),$(VALGRIND),$(WRAP))

$(B)/wrapped/sscap: FORCE
	@rm -rf $(@D); mkdir -p $(@D)
	@printf '#!/bin/bash\n[ "$$(ulimit -n)" -gt 255 ] || exec $(abspath $(B)/sscap) "$$@"\nexec $(WRAPPER) $(abspath $(B)/sscap) "$$@" 200>>$(abspath $(@D))/$$$$.log\n' >$@ && chmod +x $@
FORCE:

test: all programs $(BATS) $(if $(WRAP),$(B)/wrapped/sscap)
	@$(CLEAN_ENV); $(if $(SAN),export ASAN_OPTIONS=exitcode=99:$$ASAN_OPTIONS;) \
	export SSCAP=$(TESTED) LIBSSCAP=$(abspath $(B)/libsscap.so) PROGRAMS=$(abspath $(B)/tests/programs) \
	  UNIT=$(abspath $(B)/tests/unit) BUILD_ARGS='B=$(B) SAN=$(SAN)' SAN='$(SAN)' WRAP='$(WRAP)'; \
	(unset SUMMARY; $(BATS) --tap $(if $(FILTER),--filter '$(FILTER)') $(TESTS)) | \
	  awk "$$SUMMARY"

# Reads TAP, passes it on, and ends with the count. A skipped test is a failed one, save where a tool is missing outside
# CI: that is told apart (tests/helper.bash, need) and counted as neither. A test that bats never reached has failed.
define SUMMARY
{ print; fflush() }
/^1\.\.[0-9]+$$/ { planned = substr($$0, 4) + 0 }
/^ok / && /# skip not run: / { absent++; next }
/^ok / && !/# skip/ { passed++; next }
/^(not )?ok / { failed++; names = names "\n  " $$0 }
END {
    if (planned > passed + failed + absent) {
        names = names "\n  " planned - passed - failed - absent " tests that never ended"
        failed = planned - passed - absent
    }
    if (failed) print "\nfailed:" names
    if (absent) print absent " not run, as tools are missing (see above)"
    if (passed + failed == 0) print "no test was run"
    printf "%d passed, %d failed\n", passed, failed
    exit (failed || !passed)
}
endef
export SUMMARY

# bats without root and without a change to the system: Debian's package, unpacked. Where the system has no package
# lists, or none that can be read, they are fetched into the build directory.
APT_HERE = -o Dir::State::Lists=$(abspath $(B)/bats/lists) -o Dir::Cache=$(abspath $(B)/bats/cache)
$(B)/bats/usr/bin/bats:
	@echo "  GET   bats"; mkdir -p $(B)/bats/lists/partial $(B)/bats/cache/archives/partial
	@cd $(B)/bats && { apt-get -qq download bats 2>/dev/null || \
	    { apt-get -qq $(APT_HERE) update && apt-get -qq $(APT_HERE) download bats; }; } && \
	  dpkg-deb -x bats_*.deb . || { echo 'make test needs bats: apt-get install bats' >&2; exit 1; }

bench: all $(BENCH)
	@$(CLEAN_ENV); tests/bench/run --build $(B) $(if $(RUNS),--runs $(RUNS))

soak: all programs
	@$(CLEAN_ENV); export SSCAP=$(TESTED) LIBSSCAP=$(abspath $(B)/libsscap.so) PROGRAMS=$(abspath $(B)/tests/programs); \
	unset SUMMARY; tests/soak/run

compat: all
	@$(CLEAN_ENV); export SSCAP=$(abspath $(B)/sscap) LIBSSCAP=$(abspath $(B)/libsscap.so); \
	tests/compat/run $(foreach row,$(ONLY),--only '$(row)')

# Each fuzzer in turn, with what it found before as its corpus. libFuzzer is clang's.
fuzz: $(FUZZ:%.c=$(B)/%)
	@for fuzzer in $^; do mkdir -p $$fuzzer.corpus && echo "$$fuzzer" && \
	  $$fuzzer -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 $$fuzzer.corpus || exit 1; done

$(B)/tests/fuzz/%: tests/fuzz/%.c $(MODULES) $(wildcard shim/*.h shim/*/*.h runner/*.h runner/*/*.h) $(STAMP)
	@mkdir -p $(@D); echo "  FUZZ  $<"
	$(Q)clang -std=gnu11 -O1 -g -I. -D_GNU_SOURCE= -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -o $@ $< $(MODULES)

# --- checking -----------------------------------------------------------------------------------------------

CHECKS = tools format headers exports shell tidy cppcheck
.PHONY: FORCE $(CHECKS:%=check-%)
check: $(CHECKS:%=check-%)
	@echo "check: all is well"

C_FILES := $(sort $(wildcard shim/*.[ch] shim/*/*.[ch] runner/*.[ch] runner/*/*.[ch] tests/*/*.[ch]))
TIDY_FILES := $(SHIM_SRC) $(RUNNER_SRC) $(sort $(wildcard tests/unit/*.c tests/fuzz/*.c tests/bench/*.c))
SHELL_FILES := $(sort $(wildcard tests/*.bats tests/*.bash tests/*/*.sh runner/completions/*.bash) \
  $(shell grep -lE '^#!.*sh$$' .ci/run tests/*/run 2>/dev/null))

check-tools:
	@for tool in clang-format clang-tidy cppcheck shellcheck nm; do command -v $$tool >/dev/null || \
	  { echo "make check needs $$tool: apt-get install clang-format clang-tidy cppcheck shellcheck binutils" >&2; exit 1; }; done

check-format: check-tools
	@echo "  FORMAT"; clang-format --dry-run -Werror $(C_FILES)

# Every header must stand alone.
check-headers:
	@echo "  HEADERS"; for header in $(filter %.h,$(C_FILES)); do \
	  $(CC) $(filter-out -M%,$(RUNNER_CFLAGS)) -fsyntax-only -include $$header -x c /dev/null || exit 1; done

# What the library and its twin show is what the list says, no more and no less.
check-exports: $(B)/libsscap.so $(TWIN:%=$(B)/%)
	@echo "  EXPORTS"; for library in $^; do nm -D --defined-only $$library | awk '{ print $$3 }' | LC_ALL=C sort >$(B)/exports.have; \
	  sed "$$(case $$library in */lib32/*) echo '/# 64-bit/d'; esac); s/#.*//" shim/exports.list | awk 'NF { print $$1 }' | \
	  LC_ALL=C sort | diff - $(B)/exports.have || exit 1; done

# SC2030, SC2031: each bats test is a subshell. SC2154: $$status, $$out, $$err come from tests/helper.bash. SC2016: what
# is for another shell to expand is in single quotes on purpose.
check-shell: check-tools
	@echo "  SHELL"; shellcheck -x -e SC2016,SC2030,SC2031,SC2154 $(SHELL_FILES)

check-tidy: check-tools
	@echo "  TIDY"; printf '%s\n' $(TIDY_FILES) | \
	  xargs -P 2 -n 1 sh -c 'clang-tidy --quiet "$$1" -- -std=gnu11 -I. -D_GNU_SOURCE= 2>/dev/null || exit 1' tidy

check-cppcheck: check-tools
	@echo "  CPPCHECK"; cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	  --std=c11 --suppress=missingIncludeSystem --suppress=internalAstError -D__GNUC__ -D_GNU_SOURCE= -I. $(SHIM_SRC) $(RUNNER_SRC)

# --- installing ---------------------------------------------------------------------------------------------

# Of these, what the tree has: from, to.
EXTRAS = runner/sscap.1:$(MANDIR)/man1/sscap.1 \
  runner/completions/sscap.bash:$(DATADIR)/bash-completion/completions/sscap \
  runner/completions/_sscap:$(DATADIR)/zsh/site-functions/_sscap \
  runner/completions/sscap.fish:$(DATADIR)/fish/vendor_completions.d/sscap.fish

install: all
	$(INSTALL) -D -m 755 $(B)/sscap $(DESTDIR)$(BINDIR)/sscap
	@for library in libsscap.so $(TWIN); do to=$(DESTDIR)$(LIBDIR)/$$library; \
	  echo "$(INSTALL) -D -m 755 $(B)/$$library $$to"; $(INSTALL) -D -m 755 $(B)/$$library $$to || exit 1; done
	@for extra in $(EXTRAS); do from=$${extra%%:*}; to=$(DESTDIR)$${extra#*:}; \
	  ! test -e $$from || { echo "$(INSTALL) -D -m 644 $$from $$to"; $(INSTALL) -D -m 644 $$from $$to; } || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/sscap $(DESTDIR)$(LIBDIR)/libsscap.so $(DESTDIR)$(LIBDIR)/libsscap/lib32/libsscap.so $(foreach extra,$(EXTRAS),$(DESTDIR)$(lastword $(subst :, ,$(extra))))

clean:
	rm -rf build build-*
