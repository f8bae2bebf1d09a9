/* loader.c: who will load a program, read from its file as the kernel does.
 *
 * LD_PRELOAD is not for every loader. musl's relocates our library against its own libc, and if
 * that lacks one symbol, the program ends with 127 before it has begun. glibc's own for another
 * word size says "wrong ELF class" on the program's stderr. So for those the library is taken out
 * of LD_PRELOAD (environment.c), or its twin put in its place; without either, what they print
 * still has its tag by the kernel's stamps. Who starts a program past us hands LD_PRELOAD on as it
 * is: for musl see shim.c, the other's words stay.
 *
 * A look costs an open, a read of the headers and a close. What cannot be read (mode 711) or
 * understood is taken for ours. Closing drops the POSIX locks that this very process has on the
 * file (fcntl_locking(2)): a program that executes itself and counts on its lock on itself has to
 * lock it anew; flock has no such trouble. */
#define _GNU_SOURCE
#include "shim/loader.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>

#include "shim/nolibc.h"

enum {
    HEAD = 512,        /* bytes: nearly always all headers that are looked at; stacks may be small
                          (sigaltstack) */
    SCRIPT_LINE = 256, /* bytes of a script that the kernel looks at (BINPRM_BUF_SIZE) */
    INTERPRETERS = 5,  /* of a script, one for the other (fs/exec.c, exec_binprm) */
    SEGMENTS = 64,     /* a program has a dozen */
    INTERPRETER_MAX = 256, /* bytes, of a program's; the longest are those of Nix and Guix */
};

/* --- a file and its first bytes --- */

struct file {
    int fd;
    size_t length;
    char head[HEAD];
};

/* 0 or -errno. Not for long: open(2) of a FIFO would wait, were it not for O_NONBLOCK. */
static int open_file(struct file *file, int directory, const char *path)
{
    long fd = RAW_SYSCALL(SYS_openat, directory, path,
                          O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return (int)fd;
    nolibc_zero(file->head, SELFMAG); /* for the analyser: the kernel fills it in */
    long length = RAW_SYSCALL(SYS_read, fd, file->head, HEAD);
    if (length < 0) {
        RAW_SYSCALL(SYS_close, fd);
        return (int)length;
    }
    file->fd = (int)fd;
    file->length = (size_t)length;
    return 0;
}

static void close_file(const struct file *file)
{
    RAW_SYSCALL(SYS_close, file->fd);
}

static bool get(const struct file *file, uint64_t offset, void *to, size_t n)
{
    if (offset <= file->length && n <= file->length - offset) {
        nolibc_copy(to, file->head + offset, n);
        return true;
    }
    /* A 32-bit kernel's offset is in two words. */
    return offset <= INT32_MAX && RAW_SYSCALL(SYS_pread64, file->fd, to, n, offset, 0) == (long)n;
}

/* --- programs --- */

union header {
    unsigned char ident[EI_NIDENT];
    Elf32_Ehdr of32;
    Elf64_Ehdr of64;
};

struct segment {
    uint32_t type;
    uint64_t offset, size;
};

/* Of this code, as it lies in memory. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool get_header(const struct file *file, union header *header)
{
    nolibc_zero(header, sizeof *header);
    return get(file, 0, header, sizeof header->of32) &&
           nolibc_after_prefix((const char *)header->ident, ELFMAG) &&
           (header->ident[EI_CLASS] != ELFCLASS64 || get(file, 0, header, sizeof header->of64));
}

/* e_type and e_machine stand at the same place in both. */
static bool is_for(const union header *header, int class, int machine)
{
    return header->ident[EI_CLASS] == class && header->of32.e_machine == machine;
}

static bool get_segment(const struct file *file, const union header *header, unsigned int i,
                        struct segment *segment)
{
    Elf32_Phdr of32;
    Elf64_Phdr of64;
    if (header->ident[EI_CLASS] == ELFCLASS64) {
        if (!get(file, header->of64.e_phoff + i * sizeof of64, &of64, sizeof of64))
            return false;
        *segment = (struct segment){
            .type = of64.p_type, .offset = of64.p_offset, .size = of64.p_filesz};
    } else {
        if (!get(file, header->of32.e_phoff + i * sizeof of32, &of32, sizeof of32))
            return false;
        *segment = (struct segment){
            .type = of32.p_type, .offset = of32.p_offset, .size = of32.p_filesz};
    }
    return true;
}

/* Into name[INTERPRETER_MAX]. False: it has none. */
static bool get_interpreter(const struct file *file, const union header *header, char *name)
{
    unsigned int count = header->ident[EI_CLASS] == ELFCLASS64 ? header->of64.e_phnum
                                                               : header->of32.e_phnum;
    struct segment segment;
    for (unsigned int i = 0; i < count && i < SEGMENTS; i++) {
        if (!get_segment(file, header, i, &segment))
            return false;
        if (segment.type == PT_INTERP && segment.size > 0 && segment.size < INTERPRETER_MAX) {
            name[segment.size] = '\0';
            return get(file, segment.offset, name, segment.size);
        }
    }
    return false;
}

/* The names that glibc's loader has: everywhere; Homebrew, MIPS and s390; POWER and s390x; by its
 * version; LSB. */
static bool is_glibc(const char *loader)
{
    static const char *const names[] = {"ld-linux", "ld.so", "ld64.so", "ld-2.", "ld-lsb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (nolibc_after_prefix(loader, names[i]) != NULL)
            return true;
    return false;
}

static enum loader loader_of_program(const struct file *file, const char *path)
{
    union header header;
    char name[INTERPRETER_MAX];
    name[0] = '\0'; /* for the analyser, too */
    if (!get_header(file, &header))
        return LOADER_OURS;
    if (header.ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA])
        return LOADER_OTHER;
    const char *loader = name;
    if (!get_interpreter(file, &header, name)) {
        loader = nolibc_basename(
            path); /* static; or a loader itself: ld-musl-x86_64.so.1 PROGRAM */
        if (nolibc_after_prefix(loader, "ld-") == NULL)
            return LOADER_OURS;
    }
    if (!is_glibc(nolibc_basename(loader)))
        return LOADER_OTHER;
    if (is_for(&header, __ehdr_start.e_ident[EI_CLASS], __ehdr_start.e_machine))
        return LOADER_OURS;
    bool twin = (is_for(&header, ELFCLASS32, EM_386) && __ehdr_start.e_machine == EM_X86_64) ||
                (is_for(&header, ELFCLASS64, EM_X86_64) && __ehdr_start.e_machine == EM_386);
    return twin ? LOADER_TWIN : LOADER_OTHER;
}

/* --- scripts --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Into name[SCRIPT_LINE]. What is neither script nor program is given to the shell, by execvp
 * (execvp(3)) and by shells. */
static void get_script_interpreter(const struct file *file, char *name)
{
    static const char shell[] = "/bin/sh";
    size_t length = file->length < SCRIPT_LINE ? file->length : SCRIPT_LINE;
    size_t at = 2;
    size_t n = 0;
    if (length < 2 || file->head[0] != '#' || file->head[1] != '!') {
        nolibc_copy(name, shell, sizeof shell);
        return;
    }
    while (at < length && is_blank(file->head[at]))
        at++;
    for (; at < length && !is_blank(file->head[at]) && file->head[at] != '\n'; at++)
        name[n++] = file->head[at];
    name[n] = '\0';
}

static bool is_program(const struct file *file)
{
    return file->length >= SELFMAG && file->head[0] == ELFMAG0 && file->head[1] == ELFMAG1 &&
           file->head[2] == ELFMAG2 && file->head[3] == ELFMAG3;
}

/* Closes the file. */
static enum loader loader_of_file(struct file *file, const char *path)
{
    char interpreter[SCRIPT_LINE];
    for (int i = 0; i <= INTERPRETERS; i++) {
        if (is_program(file)) {
            enum loader loader = loader_of_program(file, path);
            close_file(file);
            return loader;
        }
        get_script_interpreter(file, interpreter);
        close_file(file);
        path = interpreter;
        if (open_file(file, AT_FDCWD, interpreter) < 0)
            return LOADER_OURS;
    }
    close_file(file);
    return LOADER_OURS;
}

enum loader loader_of(int directory, const char *path)
{
    struct file file;
    return open_file(&file, directory, path) < 0 ? LOADER_OURS : loader_of_file(&file, path);
}

/* --- commands --- */

/* directory[0..length) + "/" + file, as glibc's execvpe puts them together: no directory is the
 * current one. */
static void join(char *path, const char *directory, size_t length, const char *file)
{
    char *end = nolibc_copy(path, directory, length);
    if (length > 0)
        *end++ = '/';
    nolibc_copy(end, file, nolibc_length(file) + 1);
}

static size_t directory_length(const char *search)
{
    size_t length = 0;
    while (search[length] != '\0' && search[length] != ':')
        length++;
    return length;
}

/* Bytes that hold every path that join makes and the kernel takes. */
static size_t path_size(const char *search, const char *file)
{
    size_t longest = 0;
    for (;;) {
        size_t length = directory_length(search);
        if (length > longest)
            longest = length;
        if (search[length] == '\0')
            break;
        search += length + 1;
    }
    size_t size = longest + 1 + nolibc_length(file) + 1;
    return size < PATH_MAX ? size : PATH_MAX;
}

/* 0, or -ENOENT: execvp looks further; or why it cannot be read. */
static int open_executable(struct file *file, const char *path)
{
    if (RAW_SYSCALL(SYS_faccessat, AT_FDCWD, path, X_OK) != 0)
        return -ENOENT;
    int error = open_file(file, AT_FDCWD, path);
    return error == -EISDIR ? -ENOENT : error;
}

enum loader loader_of_command(const char *file, const char *search)
{
    struct file opened;
    if (file == NULL || *file == '\0')
        return LOADER_OURS;
    for (const char *p = file; *p != '\0'; p++)
        if (*p == '/')
            return loader_of(AT_FDCWD, file);
    if (search == NULL)
        search = "/bin:/usr/bin"; /* confstr(_CS_PATH) */
    size_t size = path_size(search, file);
    char *path = __builtin_alloca(size);
    for (;;) {
        size_t length = directory_length(search);
        if (length + 1 + nolibc_length(file) + 1 <= size) {
            join(path, search, length, file);
            int error = open_executable(&opened, path);
            if (error != -ENOENT)
                return error < 0 ? LOADER_OURS : loader_of_file(&opened, path);
        }
        if (search[length] == '\0')
            return LOADER_OURS;
        search += length + 1;
    }
}
