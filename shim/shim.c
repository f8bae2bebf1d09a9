/* shim.c: libsscap.so, a guest in strangers' processes. Its rules, for every file of this
 * directory:
 *
 *  1. When in doubt, pass through. Observation never breaks the observed: no exit, no abort, no
 * assertion, no message (but one: bootstrap.c, when there is no runner).
 *  2. Never malloc, never stdio, never a lock. We run inside malloc, in signal handlers, in vfork
 * children, before libc's own constructors (-z initfirst: `environ` is NULL then, hence our own
 * envp) and after everyone's destructors.
 *  3. System calls by RAW_SYSCALL, which keeps errno and tries nothing that a filter of the
 * program's would punish, or libc's own function where the program called it (real.h). Nothing of
 * libc that a program may define itself (guest.h poisons those names).
 *  4. State is written in the constructor and never again: a vfork child shares it with its parent.
 * But for what is said where it stands to be harmless then: hold.c's slots, flags.c's word per
 * stream, real.c's addresses, crash.c's last words, what a filter forbids (sandbox.c), whether ctl
 * was given up (descriptors.c), whether stdin was a stream (input.c).
 *  5. A descriptor number proves nothing. Before a byte of ours goes anywhere, SO_COOKIE must say
 * that it is our socket.
 *  6. Cancellation points stay cancellation points, and what was none does not become one.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "shim/calls/exit.h"
#include "shim/calls/read.h"
#include "shim/calls/stdio_buffering.h"
#include "shim/calls/write.h"
#include "shim/core/absent_names.h"
#include "shim/core/announce_image.h"
#include "shim/core/bootstrap.h"
#include "shim/core/child_environment.h"
#include "shim/core/real.h"
#include "shim/core/session.h"
#include "shim/crash/elf_note.h"
#include "shim/crash/handler.h"

#include "shim/nolibc.h"

/* musl's loader, too, may be told to load us: by a parent that did not look (exec.c does), as
 * static ones and Go's cannot. There we stay out of the way, and all that it takes to be loaded is
 * that we need nothing which glibc alone has. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* glibc hands constructors what main gets (sysdeps/generic/dl-init; not in POSIX). */
__attribute__((constructor)) static void load(int argc, char *const argv[], char *const envp[])
{
    if (gnu_get_libc_version == NULL)
        return;
    real_init();
    absent_names_hide();
    const char *value = nolibc_getenv(envp, SSCAP_ENV_SESSION);
    if (value == NULL) {
        bootstrap(argc, argv, envp);
    } else if (session_read(value)) {
        child_environment_init();
        char mark = session_suffix(value);
        if (mark != '\0' && !elf_note_program_is_go()) /* Go starts its children past exec.c */
            child_environment_hide((char **)(uintptr_t)envp, mark);
        write_init();
        read_note_stream(STDIN_FILENO);
        stdio_buffering_init();
        crash_handler_init();
        exit_init();
        announce_image(argc, argv, envp);
    }
}
