/* list_fds: finds out in every way which descriptors it has. The result must be the same with sscap
 * and without.
 *
 *   list_fds lists DIR    what each function that reads directories says of each list of the
 *                         process's own; DIR is for such files in another place
 *   list_fds asks         what each call says of each number
 *   list_fds threads      the same while other threads write: no thread may ever see more
 *   list_fds forks        the same in each of many forked children */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* glibc 2.30 */
ssize_t getdents64(int fd, void *buffer, size_t size);

enum { MAX = 4096 };
static bool seen[MAX];
static int total;

static void note(const char *name)
{
    char *end;
    long number = strtol(name, &end, 10);
    if (*name == '.')
        return;
    total++;
    if (*end == '\0' && number >= 0 && number < MAX)
        seen[number] = true;
}

static void begin(void)
{
    memset(seen, 0, sizeof seen);
    total = 0;
}

static DIR *opened(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        perror(path);
        exit(1);
    }
    return directory;
}

static void by_readdir(const char *path)
{
    DIR *directory = opened(path);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        note(entry->d_name);
    closedir(directory);
}

static void by_readdir64(const char *path)
{
    DIR *directory = opened(path);
    for (struct dirent64 *entry; (entry = readdir64(directory)) != NULL;)
        note(entry->d_name);
    closedir(directory);
}

static void by_readdir_r(const char *path)
{
    DIR *directory = opened(path);
    struct dirent entry, *found;
    while (readdir_r(directory, &entry, &found) == 0 && found != NULL)
        note(entry.d_name);
    closedir(directory);
}

static void by_readdir64_r(const char *path)
{
    DIR *directory = opened(path);
    struct dirent64 entry, *found;
    while (readdir64_r(directory, &entry, &found) == 0 && found != NULL)
        note(entry.d_name);
    closedir(directory);
}

static void by_getdents(const char *path, size_t size)
{
    char buffer[4096];
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    for (ssize_t got; (got = getdents64(fd, buffer, size)) > 0;)
        for (ssize_t at = 0; at < got;) {
            struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + at);
            note(entry->d_name);
            at += entry->d_reclen;
        }
    close(fd);
}

static void by_getdents_large(const char *path)
{
    by_getdents(path, 4096);
}

/* Reads one entry at a time; a hidden entry must not leave an empty result. */
static void by_getdents_small(const char *path)
{
    by_getdents(path, 32);
}

static int in_filter;

static int filter(const struct dirent *entry)
{
    struct dirent **inner;
    if (in_filter++ == 0) { /* a scan within a scan */
        int n = scandir("/", &inner, filter, NULL);
        while (n-- > 0)
            free(inner[n]);
        free(inner);
    }
    return entry->d_name[0] != '.';
}

static int filter64(const struct dirent64 *entry)
{
    return entry->d_name[0] != '.';
}

static void note_all(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++) {
        note(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static void note_all64(struct dirent64 **entries, int n)
{
    for (int i = 0; i < n; i++) {
        note(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static void by_scandir(const char *path)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, NULL, alphasort);
    note_all(entries, n);
}

static void by_scandir_filter(const char *path)
{
    struct dirent **entries = NULL;
    in_filter = 0;
    int n = scandir(path, &entries, filter, alphasort);
    note_all(entries, n);
}

static void by_scandir64(const char *path)
{
    struct dirent64 **entries = NULL;
    int n = scandir64(path, &entries, filter64, NULL);
    note_all64(entries, n);
}

static void by_scandirat(const char *path)
{
    struct dirent **entries = NULL;
    char copy[256];
    strcpy(copy, path);
    char *slash = strrchr(copy, '/');
    *slash = '\0';
    int fd = open(copy, O_PATH | O_DIRECTORY);
    int n = scandirat(fd, slash + 1, &entries, NULL, NULL);
    note_all(entries, n);
    close(fd);
}

static void by_scandirat64(const char *path)
{
    struct dirent64 **entries = NULL;
    int n = scandirat64(AT_FDCWD, path, &entries, NULL, NULL);
    note_all64(entries, n);
}

static const struct {
    const char *name;
    void (*list)(const char *path);
} ways[] = {
    {"readdir", by_readdir},           {"readdir64", by_readdir64},
    {"readdir_r", by_readdir_r},       {"readdir64_r", by_readdir64_r},
    {"getdents64", by_getdents_large}, {"getdents64 by one", by_getdents_small},
    {"scandir", by_scandir},           {"scandir with a filter", by_scandir_filter},
    {"scandir64", by_scandir64},       {"scandirat", by_scandirat},
    {"scandirat64", by_scandirat64},
};

static void print(const char *what, const char *of)
{
    printf("%s %s %d:", what, of, total);
    for (int i = 0; i < MAX; i++)
        if (seen[i])
            printf(" %d", i);
    printf("\n");
}

static void list_all(const char *path, const char *called)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        begin();
        ways[i].list(path);
        print(ways[i].name, called);
    }
}

/* Directories that are not a process's list but contain all the numbers. */
static void list_elsewhere(const char *directory)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%d", directory, getpid());
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%d/fd", directory, getpid());
    mkdir(path, 0755);
    for (int n = 690; n < 710; n++) {
        snprintf(path, sizeof path, "%s/%d/fd/%d", directory, getpid(), n);
        close(open(path, O_CREAT | O_WRONLY, 0644));
    }
    snprintf(path, sizeof path, "%s/%d/fd", directory, getpid());
    list_all(path, "files");
}

static int lists(const char *directory)
{
    static const char *const own[] = {"/proc/self/fd", "/proc/self/fdinfo", "/proc/thread-self/fd",
                                      "/proc//self/./fd", "/proc/self/task/../fd"};
    char path[64];
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        list_all(own[i], own[i]);
    snprintf(path, sizeof path, "/proc/%d/fd", getpid());
    list_all(path, "/proc/PID/fd");
    snprintf(path, sizeof path, "/proc/%d/task/%d/fdinfo", getpid(), getpid());
    list_all(path, "/proc/PID/task/TID/fdinfo");
    if (chdir("/proc/self") == 0)
        list_all("./fd", "fd");
    list_elsewhere(directory);
    /* A descriptor of the program's own is listed, whatever its number. */
    int fd = fcntl(STDIN_FILENO, F_DUPFD, 701);
    dup2(fd, 900);
    list_all("/proc/self/fd", "with 701 and 900");
    if (dup2(fd, 700) == 700)
        list_all("/proc/self/fd", "with 700, too");
    return 0;
}

static void note_if(bool is, int fd)
{
    seen[fd] = is;
    total += is;
}

static int asks(void)
{
    struct stat status;
    begin();
    for (int fd = 0; fd < MAX; fd++)
        note_if(fcntl(fd, F_GETFD) >= 0, fd);
    print("fcntl", "F_GETFD");
    begin();
    for (int fd = 0; fd < MAX; fd++)
        note_if(fstat(fd, &status) == 0, fd);
    print("fstat", "all");
    begin();
    for (int fd = 0; fd < MAX; fd++) {
        int copy = dup(fd);
        note_if(copy >= 0, fd);
        close(copy);
    }
    print("dup", "all");
    begin();
    for (int fd = 3; fd < MAX; fd++)
        note_if(close(fd) == 0, fd);
    print("close", "all");
    return 0;
}

static void *write_on(void *unused)
{
    for (;;) {
        (void)!write(STDERR_FILENO, "x\n", 2);
        pthread_testcancel();
    }
    return unused;
}

static int count(void)
{
    begin();
    by_readdir64("/proc/self/fd");
    return total;
}

static int count_in_child(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(count());
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static int while_threads_write(int (*how)(void), int times)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int most = 0;
    /* Looks like one of the library's descriptors. */
    int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 11);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_on, NULL);
    for (int i = 0; i < times; i++) {
        int seen_now = how();
        most = seen_now > most ? seen_now : most;
    }
    printf("own %d is %s\n", own, fcntl(own, F_GETFD) < 0 ? "closed" : "open");
    for (int i = 0; i < THREADS; i++)
        pthread_cancel(threads[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("at most %d\n", most);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "lists") == 0)
        return lists(argv[2]);
    if (argc == 2 && strcmp(argv[1], "asks") == 0)
        return asks();
    if (argc == 2 && strcmp(argv[1], "threads") == 0)
        return while_threads_write(count, 2000);
    if (argc == 2 && strcmp(argv[1], "forks") == 0)
        return while_threads_write(count_in_child, 1000);
    return 2;
}
