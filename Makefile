# sscap: `make` builds build/sscap and build/libsscap.so, `make run` shows them at work, `make test` tests them.
#
#   make CC=clang            any gcc or clang, also a cross compiler: make CC=aarch64-linux-gnu-gcc B=build-aarch64
#   make CFLAGS= LDFLAGS=    your own flags, which come last. LDFLAGS is for programs; the library has SHIM_LDFLAGS.
#   make LDFLAGS=-static     a static runner; the library stays a shared object
#   make run CMD='make -j4'  your own command under sscap instead of the bundled demo
#   make test                FILTER=REGEX  TESTS='tests/x.bats ...'  JOBS=N (test files at a time, default: processors)
#   make test SAN=address,undefined    the runner sanitised, the library trapping on undefined behaviour
#   make test WRAP=valgrind            the runner under valgrind
#   make check               format, line lengths, clang-tidy, cppcheck, shellcheck, headers, exports, layers
#   make bench | soak | fuzz speed ratios (RUNS=N) | the long tests | the fuzzers (FUZZ_SECONDS=60 each)
#   make compat              real software with and without sscap, ONLY='git node.*'; installs it from Debian, as root
#   make install | uninstall PREFIX=/usr/local DESTDIR= BINDIR= LIBDIR= MANDIR= DATADIR=
#   make V=1                 shows whole commands;  make B=DIR builds in DIR

VERSION = 0.1.0

# Plain `=`: the environment cannot set these, the command line can. A stray $B or $V must not move the build.
$(foreach name,SAN WRAP V FILTER JOBS RUNS ONLY SHIM_LDFLAGS,$(eval $(name) =))
B = build$(if $(SAN),-san)
CMD = $(B)/tests/programs/demo
TESTS = $(sort $(wildcard tests/*.bats))
FUZZ_SECONDS = 60

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
INSTALL ?= install

.DELETE_ON_ERROR .SUFFIXES:
.PHONY: all programs run test check bench soak compat fuzz install uninstall clean FORCE
Q = $(if $(V),,@)

# --- sources -----------------------------------------------------------------------------------------------
SHIM_SRC := $(sort $(wildcard shim/*.[cS] shim/*/*.[cS]))
# The runner shares these files with the library. Unit tests and fuzzers link the runner without its main().
RUNNER_SRC := $(sort $(wildcard runner/*.c runner/*/*.c)) shim/loader.c shim/syscalls.c $(wildcard shim/*.S)
MODULES = $(filter-out runner/main.c,$(RUNNER_SRC))

# A second library serves 32-bit programs on a 64-bit machine, if the compiler can make it. shim/loader.h has its path.
LIB_32 := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),$(shell printf '\043include <stdlib.h>\n' | \
  $(CC) -m32 -shared -o /dev/null -x c - >/dev/null 2>&1 && echo libsscap/lib32/libsscap.so))

# The name of a test program says its kind: static_x is linked statically, libx becomes a shared object.
tools = $(foreach file,$(sort $(wildcard $(1)/*.c)),$(B)/$(basename $(file))$(if $(filter lib%,$(notdir $(file))),.so))

# --- flags -------------------------------------------------------------------------------------------------
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
  -Wwrite-strings -Wundef -Wvla -Wformat=2 -Werror
# -D_GNU_SOURCE is empty like `#define _GNU_SOURCE` in a source, so the compiler does not warn of a redefinition.
BASE = -std=gnu11 -O2 -g -I. -D_GNU_SOURCE= -MMD -MP

# Only the names in shim/exports.list are visible. Fortified calls and the stack protector call libc, which may not be
# ready yet. -D_FILE_OFFSET_BITS=64 would rename open to open64, and the library defines both. With initial-exec, access
# to a thread-local is a plain load, not a call that may allocate.
SHIM_CFLAGS = $(BASE) $(WARN) -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE -fno-stack-protector -ftls-model=initial-exec
# initfirst: our constructor runs before those of other libraries. defs: no symbol stays undefined. noseparate-code: the
# loader maps two segments, not four, which saves 10 us of the 40 us that the library adds to each exec. libdl has dlsym
# before glibc 2.34; since then --as-needed drops libdl.
SHIM_LINK = -shared -static-libgcc -Wl,-z,defs -Wl,-z,initfirst -Wl,-z,now -Wl,-z,relro -Wl,-z,noseparate-code \
  -Wl,-soname,libsscap.so -Wl,--as-needed -Wl,--wrap=_dl_find_object -Wl,--wrap=__pthread_key_create \
  -Wl,--wrap=pthread_once $(SHIM_LDFLAGS)
# Test programs other than static_x stay dynamic: nothing can be preloaded into a static program.
DYNAMIC_LDFLAGS = $(filter-out -static,$(LDFLAGS))
RUNNER_CFLAGS = $(BASE) $(WARN) -fPIE -fstack-protector-strong $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# A static position independent program needs -static-pie. The library recognises the runner by the exported symbol.
RUNNER_LINK = $(if $(filter -static,$(LDFLAGS)),-static-pie,-pie) -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
  -Wl,--export-dynamic-symbol=sscap_is_runner $(DYNAMIC_LDFLAGS)
ASM_CFLAGS = -g -I. -fPIC -MMD -MP -Wa,--noexecstack
# Test programs do odd things, so they get only the common warnings.
TOOL_CFLAGS = $(BASE) -Wall -Wextra -Werror -pthread

ifneq ($(SAN),)
# gcc's default for ASan is a shared runtime, which refuses to start behind a preloaded library.
RUNNER_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
RUNNER_LINK += -fsanitize=$(SAN) $(if $(findstring clang,$(shell $(CC) --version)),,-static-libasan -static-libubsan)
# A preloaded library cannot hold a sanitizer's runtime, but undefined behaviour can trap without one. nonnull-attribute
# is left out: the library hands to libc what programs pass to it.
SHIM_CFLAGS += $(if $(findstring undefined,$(SAN)),-fsanitize=undefined -fno-sanitize=nonnull-attribute \
  -fsanitize-undefined-trap-on-error)
endif

# All objects depend on a file with the flags of the last build, so that everything is rebuilt when a flag changes. The
# file is written while make reads this one, so that `make` with nothing to do says so.
STAMP = $(B)/flags
FLAGS := $(VERSION) $(CC) $(SHIM_CFLAGS) | $(SHIM_LINK) | $(RUNNER_CFLAGS) | $(RUNNER_LINK) | $(TOOL_CFLAGS) | \
  $(ASM_CFLAGS) | $(CPPFLAGS) $(CFLAGS)
ifneq ($(strip $(FLAGS)),$(strip $(file <$(STAMP))))
$(shell mkdir -p $(B))
$(file >$(STAMP),$(FLAGS))
endif

# --- building ----------------------------------------------------------------------------------------------
all: $(B)/sscap $(B)/libsscap.so $(LIB_32:%=$(B)/%)
programs: $(call tools,tests/programs) $(call tools,tests/unit)

say = @mkdir -p $(@D); echo "  $(1)"
compile = $(CC) $(if $(filter %.S,$<),$(ASM_CFLAGS),$(if $(filter runner/%,$<),$(RUNNER_CFLAGS),$(SHIM_CFLAGS))) \
  $(DEFINES) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
tool = $(CC) $(TOOL_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(DYNAMIC_LDFLAGS) -MF $@.d -o $@ $< -ldl

# An object keeps the whole name of its source: x.c.o, x.S.o.
$(B)/%.o: % $(STAMP)
	$(call say,CC    $<)
	$(Q)$(compile)

$(B)/32/%.o: % $(STAMP)
	$(call say,CC 32 $<)
	$(Q)$(compile) -m32
$(B)/runner/options.c.o: private DEFINES = -DSSCAP_VERSION='"$(VERSION)"'

$(B)/sscap: $(RUNNER_SRC:%=$(B)/%.o)
	$(call say,LINK  $@)
	$(Q)$(CC) $(RUNNER_CFLAGS) $(CFLAGS) $(RUNNER_LINK) -o $@ $^

$(B)/libsscap.so: $(SHIM_SRC:%=$(B)/%.o)
$(B)/libsscap/lib32/libsscap.so: $(SHIM_SRC:%=$(B)/32/%.o)
$(B)/libsscap.so $(B)/libsscap/lib32/libsscap.so: $(B)/exports.map
	$(call say,LINK  $@)
	$(Q)$(CC) $(SHIM_CFLAGS) $(CFLAGS) $(SHIM_LINK) -Wl,--version-script=$< -o $@ $(filter %.o,$^) -ldl \
	  $(if $(findstring /lib32/,$@),-m32)

$(B)/exports.map: shim/exports.list
	@{ echo '{ global:'; sed 's/#.*//; s/[[:space:]]*$$//; /./s/$$/;/' $<; echo 'local: *; };'; } >$@

# make takes the rule with the shortest stem: a unit test has its own, all other tools have the last one.
$(B)/tests/unit/%: tests/unit/%.c $(MODULES:%=$(B)/%.o)
	$(call say,TEST  $<)
	$(Q)$(CC) $(RUNNER_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(RUNNER_LINK) -o $@ $< $(filter %.o,$^)

$(B)/tests/%.so: tests/%.c $(STAMP)
	$(call say,TEST  $<)
	$(Q)$(tool) -fPIC -shared

$(B)/tests/%: tests/%.c $(STAMP)
	$(call say,TEST  $<)
	$(Q)$(tool) $(if $(filter static_%,$(@F)),-static)

$(B)/tests/fuzz/%: tests/fuzz/%.c $(MODULES) $(wildcard shim/*.h shim/*/*.h runner/*.h runner/*/*.h) $(STAMP)
	$(call say,FUZZ  $<)
	$(Q)clang -std=gnu11 -O1 -g -I. -D_GNU_SOURCE= -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -o $@ $< $(MODULES)

-include $(foreach file,$(SHIM_SRC) $(RUNNER_SRC),$(B)/$(file).d $(B)/32/$(file).d) $(wildcard $(B)/tests/*/*.d)

# --- running, testing, checking ----------------------------------------------------------------------------
# WRAP puts a script in sscap's place.
CLEAN_ENV = tests/harness/clean-env env SSCAP=$(abspath $(B)/$(if $(WRAP),wrapped/)sscap) \
  LIBSSCAP=$(abspath $(B)/libsscap.so) PROGRAMS=$(abspath $(B)/tests/programs) UNIT=$(abspath $(B)/tests/unit)

run: all $(B)/tests/programs/demo
	@$(info $$ $(B)/sscap $(CMD))
	@tests/harness/clean-env $(B)/sscap $(CMD)

$(B)/wrapped/sscap: FORCE
	@tests/harness/wrap '$(WRAP)' $(abspath $(B)/sscap) $@

test: all programs $(if $(WRAP),$(B)/wrapped/sscap)
	@$(CLEAN_ENV) BUILD_ARGS='B=$(B) SAN=$(SAN)' SAN='$(SAN)' WRAP='$(WRAP)' \
	  $(if $(SAN),ASAN_OPTIONS=exitcode=99:$$ASAN_OPTIONS) tests/harness/run-bats -b $(B) $(JOBS:%=-j %) \
	  $(if $(FILTER),-f '$(FILTER)') $(TESTS) | awk -f tests/harness/tap-summary

bench: all $(call tools,tests/bench)
	@$(CLEAN_ENV) tests/bench/run --build $(B) $(RUNS:%=--runs %)
soak: all programs
	@$(CLEAN_ENV) tests/soak/run
compat: all
	@$(CLEAN_ENV) tests/compat/run $(foreach row,$(ONLY),--only '$(row)')
fuzz: $(call tools,tests/fuzz)
	@tests/fuzz/run $(FUZZ_SECONDS) $^

CHECKS = $(addprefix check-,tools format line-length headers exports shell tidy cppcheck includes symbols)
.PHONY: $(CHECKS)
check: $(CHECKS)
	@echo "check: all is well"
check-exports check-symbols: all
$(CHECKS): check-%:
	@echo "  CHECK $*"; CC='$(CC)' B='$(B)' FLAGS='$(filter-out -M%,$(RUNNER_CFLAGS))' tests/check/$*

# --- installing --------------------------------------------------------------------------------------------
COMPLETIONS = bash-completion/completions/sscap zsh/site-functions/_sscap fish/vendor_completions.d/sscap.fish

install: all
	$(INSTALL) -D -m 755 $(B)/sscap $(DESTDIR)$(BINDIR)/sscap
	$(INSTALL) -D -m 755 $(B)/libsscap.so $(DESTDIR)$(LIBDIR)/libsscap.so
	$(if $(LIB_32),$(INSTALL) -D -m 755 $(B)/$(LIB_32) $(DESTDIR)$(LIBDIR)/$(LIB_32))
	$(INSTALL) -D -m 644 runner/sscap.1 $(DESTDIR)$(MANDIR)/man1/sscap.1
	$(INSTALL) -D -m 644 runner/completions/sscap.bash $(DESTDIR)$(DATADIR)/$(word 1,$(COMPLETIONS))
	$(INSTALL) -D -m 644 runner/completions/_sscap $(DESTDIR)$(DATADIR)/$(word 2,$(COMPLETIONS))
	$(INSTALL) -D -m 644 runner/completions/sscap.fish $(DESTDIR)$(DATADIR)/$(word 3,$(COMPLETIONS))

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/sscap $(addprefix $(DESTDIR)$(LIBDIR)/,libsscap.so libsscap/lib32/libsscap.so) \
	  $(DESTDIR)$(MANDIR)/man1/sscap.1 $(COMPLETIONS:%=$(DESTDIR)$(DATADIR)/%)

clean:
	rm -rf build build-*
