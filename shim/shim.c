/* shim.c: the constructor of libsscap.so.
 *
 * All code in this folder runs inside programs that we do not know ("guest code"). Its rules:
 *
 *  1. When in doubt, pass through to libc. The library never ends a program, and prints nothing
 *     (except one warning: bootstrap.c, if there is no runner).
 *  2. No malloc, no stdio, no lock. The code runs inside malloc, in signal handlers, in vfork
 *     children, before libc's own constructors and after all destructors.
 *  3. System calls by RAW_SYSCALL, which keeps errno and makes no call that a seccomp filter would
 *     punish. Where the program called a function of libc, libc's own by REAL. No other function of
 *     libc that a program may define itself (nolibc.h poisons those names).
 *  4. The constructor writes the state, and nothing changes it afterwards, because a vfork child
 *     shares it with its parent. Each exception says why it is harmless.
 *  5. A descriptor's number proves nothing. Before we send anything, SO_COOKIE must tell that the
 *     descriptor is our socket.
 *  6. Cancellation points stay cancellation points, and no other function becomes one. */
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

/* musl's loader may also load us, if a static program or a Go program executed the program (exec.c
 * would have prevented it). Then we do nothing. The loader succeeds because each reference to
 * something that only glibc has is weak. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* glibc passes constructors what main gets (elf/dl-init.c; not in POSIX). -z initfirst makes this
 * one the first of all. */
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
        char suffix = session_suffix(value);
        /* Go programs start their children by raw system calls, so the variables must stay. */
        if (suffix != '\0' && !elf_note_program_is_go())
            child_environment_hide((char **)(uintptr_t)envp, suffix);
        write_init();
        read_note_stream(STDIN_FILENO);
        stdio_buffering_init();
        crash_handler_init();
        exit_init();
        announce_image(argc, argv, envp);
    }
}
