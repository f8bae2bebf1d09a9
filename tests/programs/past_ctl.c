/* past_ctl HOW FILE: opens more descriptors than there are numbers below the library's own. It
 * prints each number, and whether its lock on FILE is still there. HOW is what it opens with: open,
 * fopen, dup, fcntl, pipe, socket. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 720 };

static const char *how, *path;
static int locked;

static int next(void)
{
    int ends[2] = {-1, -1};
    if (strcmp(how, "open") == 0)
        return open(path, O_RDWR);
    if (strcmp(how, "fopen") == 0) {
        FILE *file = fopen(path, "r");
        return file != NULL ? fileno(file) : -1;
    }
    if (strcmp(how, "dup") == 0)
        return dup(locked);
    if (strcmp(how, "fcntl") == 0)
        return fcntl(locked, F_DUPFD_CLOEXEC, 0);
    if (strcmp(how, "socket") == 0)
        return socket(AF_UNIX, SOCK_STREAM, 0);
    if (pipe(ends) == 0)
        printf("%d\n", ends[0]);
    return ends[1];
}

static int is_locked(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        _exit(fcntl(locked, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
    }
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    const struct rlimit files = {2L * MANY, 2L * MANY};
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (argc != 3 || setrlimit(RLIMIT_NOFILE, &files) != 0)
        return 2;
    how = argv[1];
    path = argv[2];
    locked = open(path, O_RDWR | O_CREAT, 0600);
    if (fcntl(locked, F_SETLK, &lock) != 0)
        return 1;
    for (int fd = 0; fd >= 0 && fd < MANY;) {
        fd = next();
        printf("%d\n", fd);
    }
    printf("lock: %d\n", is_locked());
    return 0;
}
