/* loader.c: reads from a program's file which loader will load it, as the kernel does.
 *
 * Not every loader can load our library from LD_PRELOAD. musl's loader relocates it against musl's
 * libc, and if a symbol is missing there, the program ends with 127. glibc's loader for another
 * word size prints "wrong ELF class" to the program's stderr. For such programs, our library is
 * removed from LD_PRELOAD, or replaced by its twin (core/child_environment.c). If a program is
 * started by a raw system call, LD_PRELOAD stays as it is (see shim.c for musl).
 *
 * This costs an open, a read of the headers and a close. A file that cannot be read (mode 711) or
 * understood counts as LOADER_OURS. The close releases the POSIX locks that this process has on the
 * file (fcntl_locking(2)), so a program that executes itself loses its own; flock locks stay. */
#define _GNU_SOURCE
#include "shim/loader.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>

#include "shim/nolibc.h"

enum {
    HEAD = 512,            /* bytes, mostly all headers; a stack may be small (sigaltstack) */
    SCRIPT_LINE = 256,     /* bytes of a script that the kernel reads (BINPRM_BUF_SIZE) */
    INTERPRETERS = 5,      /* scripts that interpret scripts (exec_binprm in fs/exec.c) */
    SEGMENTS = 64,         /* a program has a dozen */
    INTERPRETER_MAX = 256, /* bytes of a path; the longest are those of Nix and Guix */
};

/* --- a file and its first bytes --- */

struct file {
    int fd;
    size_t length;
    char head[HEAD];
};

/* Returns 0 or -errno. O_NONBLOCK, because open(2) of a FIFO would wait. */
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
    /* On 32-bit machines the offset takes two arguments. */
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

/* Our own ELF header, as it is mapped. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool get_header(const struct file *file, union header *header)
{
    nolibc_zero(header, sizeof *header);
    return get(file, 0, header, sizeof header->of32) &&
           nolibc_after_prefix((const char *)header->ident, ELFMAG) &&
           (header->ident[EI_CLASS] != ELFCLASS64 || get(file, 0, header, sizeof header->of64));
}

/* e_machine is at the same place in both headers. */
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

/* Writes to name[INTERPRETER_MAX]. False: the program has none. */
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

/* The names of glibc's loader: the usual one; on MIPS, s390 and with Homebrew; on POWER and s390x;
 * with its version; of the LSB. */
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
        /* Linked statically, or a loader itself: ld-musl-x86_64.so.1 PROGRAM. */
        loader = nolibc_basename(path);
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

/* Writes to name[SCRIPT_LINE]. execvp(3) and shells give a file that is neither script nor program
 * to the shell. */
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

/* directory[0..length) + "/" + file, as in glibc's execvpe. An empty directory is the current one.
 */
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

/* Bytes for every path that join makes and the kernel accepts. */
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

/* Returns 0, or -ENOENT if execvp would go on to search, or why the file cannot be read. */
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
