/* inheritance.c: see inheritance.h. */
#define _GNU_SOURCE
#include "runner/launch/inheritance.h"

#include <fcntl.h>
#include <unistd.h>

enum { FILES_WANTED = 4096 };

/* If a standard descriptor is closed, it stays closed for the command. We occupy its number, so
 * that none of our descriptors gets it. */
static void reserve_standard_descriptors(struct inheritance *inheritance)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        inheritance->closed[fd] = fcntl(fd, F_GETFD) < 0;
        /* Gets the lowest free number, which is this one. */
        if (inheritance->closed[fd])
            (void)open("/dev/null", O_PATH | O_CLOEXEC);
    }
}

/* Raises the limit of descriptors as far as possible, because we hold one (a pidfd) for each
 * process of the tree. */
static void raise_limits(struct inheritance *inheritance)
{
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &inheritance->files);
    files = inheritance->files;
    files.rlim_cur = files.rlim_max;
    if (files.rlim_max < FILES_WANTED) {
        const struct rlimit more = {.rlim_cur = FILES_WANTED, .rlim_max = FILES_WANTED};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) /* works with CAP_SYS_RESOURCE */
            return;
    }
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

void inheritance_take(struct inheritance *inheritance)
{
    reserve_standard_descriptors(inheritance);
    raise_limits(inheritance);
}
