/* weak_names.c: prints which of libc's newer functions exist, by a weak reference and by dlsym.
 *
 *   weak_names NAME... */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

/* clang-format off */
#define WEAK(X) \
    X(_Fork) X(closefrom) X(close_range) X(execveat) X(forkpty) X(getdents64) \
    X(pidfd_send_signal) X(pthread_kill) X(pthread_setname_np) X(pthread_sigqueue) \
    X(tgkill) X(write)
/* clang-format on */

#define DECLARE(name) extern char weak_##name __asm__(#name) __attribute__((weak));
WEAK(DECLARE)

int main(int argc, char **argv)
{
#define SHOW(name) printf("%s: %s\n", #name, &weak_##name != NULL ? "yes" : "no");
    WEAK(SHOW)
    for (int i = 1; i < argc; i++)
        printf("dlsym %s: %s\n", argv[i], dlsym(RTLD_DEFAULT, argv[i]) != NULL ? "yes" : "no");
    return 0;
}
