/* addr2line.c: tests runner/symbols/addr2line.c. The output of any program of that name is checked,
 * the program runs without the runner's environment and signal state, and it cannot block the
 * runner for long. */
#define _GNU_SOURCE
#include "runner/symbols/addr2line.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/built.h"

/* Installs a script as addr2line. $1 is "-a", $2 "-e", $3 the file; the addresses follow. */
static void pretend(const char *script)
{
    FILE *file = fopen(in_directory("bin/addr2line"), "w");
    CHECK(file != NULL && fprintf(file, "#!/bin/sh\n%s\n", script) > 0 && fclose(file) == 0);
    CHECK(chmod(in_directory("bin/addr2line"), 0755) == 0);
}

static void expect_line(const struct addresses *made, const char *script, const char *file,
                        unsigned int line)
{
    struct symbols *symbols = symbols_new();
    struct symbol found;
    pretend(script);
    expect(symbols, &made->module, made->outer, "outer", &found);
    addr2line_add(symbols, &found, 1);
    if (strcmp(found.file, file) != 0 || found.line != line)
        fprintf(stderr, "%s: '%s', line %u\n", script, found.file, found.line);
    CHECK(strcmp(found.file, file) == 0 && found.line == line);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    symbols_free(symbols);
}

static void test_answers(const struct addresses *made)
{
    char longest[SYMBOL_FILE_SIZE];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "...", 3);
    longest[sizeof longest - 1] = '\0';
    expect_line(made, "echo $4; echo /a/b.c:12", "/a/b.c", 12);
    expect_line(made, "echo $4; echo '/a/b.c:12 (discriminator 3)'", "/a/b.c", 12);
    expect_line(made, "echo $4; echo /a:b.c:7", "/a:b.c", 7);
    expect_line(made, "echo $4; echo '/a/b.c:?'", "/a/b.c", 0);
    expect_line(made, "echo $4; echo '/a/b.c:99999999999999999999'", "/a/b.c", 0);
    expect_line(made, "echo $4; printf '/a\\033[31m\\n'", "", 0);
    expect_line(made, "echo $4; printf '/a\\033[31m:3\\n'", "/a?[31m", 3);
    expect_line(made, "echo $4; printf '%0999d:5\\n' 0 | tr 0 x", longest, 5);
    expect_line(made, "echo $4; echo '??:0'", "", 0);
    expect_line(made, "echo $4; echo '??:?'", "", 0);
    expect_line(made, "echo 0x0; echo /a/b.c:12", "", 0);
    expect_line(made, "echo $4; printf /a/b.c:12", "", 0); /* not a whole line */
    expect_line(made, "echo /a/b.c:12; echo words; exit 1", "", 0);
    expect_line(made, "kill -9 $$", "", 0);
    expect_line(made, "exit 0", "", 0);
    expect_line(made, "yes", "", 0); /* killed when its output is too long */
    expect_line(made, "exec >&-; sleep 30", "", 0);
    expect_line(made, "echo $4; echo \"$LD_PRELOAD$SSCAP_SESSION$MARK:1\"", "kept", 1);
    expect_line(made, "echo $4; echo \"$(sed -n 's/SigBlk:.//p' /proc/self/status):1\"",
                "0000000000000000", 1);
    /* Signals 1 to 28 have their defaults. posix_spawn leaves 32 and 33 ignored, because libc uses
     * them itself. */
    expect_line(made,
                "echo $4; echo \"$(sed -n 's/SigIgn:.*\\(.......\\)$/\\1/p' /proc/self/status):1\"",
                "0000000", 1);
    expect_line(made,
                "echo $4; echo \"$(readlink /proc/self/fd/0 /proc/$$/fd/2 | tr '\\n' ' '):1\"",
                "/dev/null /dev/null ", 1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A script that hangs costs some seconds once, not with every crash. Its child processes are killed
 * with it. */
static void test_hanging(const struct addresses *made)
{
    struct symbols *symbols = symbols_new();
    struct symbol found;
    double began = seconds();
    pretend("sleep 77.7 & wait");
    expect(symbols, &made->module, made->outer, "outer", &found);
    addr2line_add(symbols, &found, 1);
    CHECK(seconds() - began > 1 && seconds() - began < 20);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    began = seconds();
    expect(symbols, &made->module, made->outer, "outer", &found);
    addr2line_add(symbols, &found, 1);
    CHECK(seconds() - began < 1);
    symbols_free(symbols);
}

static void test_addr2line(void)
{
    struct addresses made = build("lined", "");
    const char *before_path = getenv("PATH");
    char *path = strdup(before_path != NULL ? before_path : "/usr/bin:/bin");
    char pretended[2 * PATH_MAX];
    sigset_t all;
    sigset_t before;
    shell("mkdir bin");
    snprintf(pretended, sizeof pretended, "%s/bin:%s", directory, path);
    setenv("PATH", pretended, 1);
    setenv("SSCAP_SESSION", "x", 1);
    setenv("MARK", "kept", 1);
    sigfillset(&all);
    /* As in the runner, which needs that for its signalfd. */
    sigprocmask(SIG_SETMASK, &all, &before);
    signal(SIGPIPE, SIG_IGN);
    test_answers(&made);
    test_hanging(&made);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    /* There is no addr2line. */
    struct symbols *symbols = symbols_new();
    struct symbol found;
    setenv("PATH", "/nowhere", 1);
    expect(symbols, &made.module, made.outer, "outer", &found);
    addr2line_add(symbols, &found, 1);
    CHECK(found.file[0] == '\0' && found.line == 0);
    setenv("PATH", path, 1);
    free(path);
    symbols_free(symbols);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL && atexit(clean) == 0);
    unsigned int files = open_files();
    test_addr2line();
    CHECK(open_files() == files);
    return 0;
}
