/* loading WAY LIBRARY: loads and unloads LIBRARY (libloud.so).
 *
 *   once     once
 *   storm    in four threads that also fork
 *   apart    by dlmopen, with another copy of libc
 *   libc     calls functions of libc, and of another copy of libc, by dlsym
 *   error    calls many functions for the first time between a failure and dlerror */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/programs/newer_libc.h"
#include "tests/programs/say.h"

static const char *library;

static void *load(int apart)
{
    void *handle = apart ? dlmopen(LM_ID_NEWLM, library, RTLD_NOW) : dlopen(library, RTLD_NOW);
    if (handle == NULL) {
        say("%s\n", dlerror());
        _exit(97);
    }
    return handle;
}

static void call(void *handle, const char *text)
{
    void (*loud_say)(const char *) = (void (*)(const char *))dlsym(handle, "loud_say");
    loud_say(text);
}

static void once(void)
{
    void *handle = load(0);
    call(handle, "called");
    dlclose(handle);
}

static void *load_often(void *unused)
{
    for (int i = 0; i < 50; i++) {
        void *handle = load(0);
        call(handle, "called");
        dlclose(handle);
        pid_t child = i % 10 == 0 ? fork() : -1;
        if (child == 0) {
            say("child of a thread\n");
            _exit(0);
        }
        if (child > 0)
            waitpid(child, NULL, 0);
    }
    return unused;
}

static void storm(void)
{
    pthread_t ids[4];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        pthread_create(&ids[i], NULL, load_often, NULL);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        pthread_join(ids[i], NULL);
}

static void apart(void)
{
    for (int i = 0; i < 3; i++) {
        void *handle = load(1);
        call(handle, "called apart");
        dlclose(handle);
    }
    pid_t child = fork();
    if (child == 0) {
        say("child afterwards\n");
        abort();
    }
    int status;
    waitpid(child, &status, 0);
    say("status %x\n", (unsigned)status);
}

static void other_libc(void)
{
    void *handles[] = {dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD),
                       dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW)};
    for (size_t i = 0; i < 2; i++) {
        ssize_t (*its_write)(int, const void *, size_t) = (ssize_t(*)(
            int, const void *, size_t))dlsym(handles[i], "write");
        int (*its_system)(const char *) = (int (*)(const char *))dlsym(handles[i], "system");
        pid_t (*its_fork)(void) = (pid_t(*)(void))dlsym(handles[i], "fork");
        if (its_write(STDOUT_FILENO, "by another name\n", 16) != 16)
            _exit(96);
        say("system: %x\n", (unsigned)its_system("echo a shell; exit 3"));
        pid_t child = its_fork();
        if (child == 0) {
            say("its child\n");
            _exit(4);
        }
        int status;
        waitpid(child, &status, 0);
        say("status %x\n", (unsigned)status);
    }
}

static void error(void)
{
    int ends[2];
    char name[16];
    struct iovec part = {.iov_base = name, .iov_len = 0};
    struct termios settings;
    for (int call = 0; call < 12; call++) {
        int result = dlopen("libmissing.so", RTLD_NOW) == NULL;
        switch (call) {
        case 0:
            result = isatty(STDOUT_FILENO);
            break;
        case 1:
            result = (int)writev(STDOUT_FILENO, &part, 1);
            break;
        case 2:
            result = setvbuf(stdout, NULL, _IOLBF, 0);
            break;
        case 3:
            result = pipe(ends);
            break;
        case 4:
            result = fclose(fopen("/dev/null", "r"));
            break;
        case 5:
            result = pclose(popen("exit 3", "r"));
            break;
        case 6:
            result = system("exit 4");
            break;
        case 7:
            result = setpgid(0, 0) > 0;
            break;
        case 8:
            result = close_range(1000, 1001, 0);
            break;
        case 9:
            result = pthread_kill(pthread_self(), 0);
            break;
        case 10:
            result = tcgetattr(STDOUT_FILENO, &settings);
            break;
        default:
            result = execlp("nonexistent", "nonexistent", (char *)NULL);
            break;
        }
        const char *told = dlerror();
        say("%d: %d, %s\n", call, result, told != NULL ? told : "nothing to tell");
    }
}

int main(int argc, char *argv[])
{
    const char *way = argc > 2 ? argv[1] : "";
    library = argv[argc - 1];
    if (strcmp(way, "once") == 0)
        once();
    else if (strcmp(way, "storm") == 0)
        storm();
    else if (strcmp(way, "apart") == 0)
        apart();
    else if (strcmp(way, "libc") == 0)
        other_libc();
    else if (strcmp(way, "error") == 0)
        error();
    else
        return 2;
    return 0;
}
