/* unwind.c: steps that may fail, frames, modules (see unwind.h).
 *
 * The unwinder is libgcc's, linked in statically: it reads .eh_frame, which every program of the platform has, and so needs no frame
 * pointers. From glibc 2.35 on it finds that without the loader's lock (_dl_find_object). */
#define _GNU_SOURCE
#include "shim/unwind.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unwind.h>

#include "shim/guest.h"

/* --- what libgcc's unwinder would take from libc --- */

/* It can keep a register of code that was made at run time, and allocates for that: nobody registers anything with our copy of it. These
 * names are ours within the library alone (hidden), so that it never can; it copes with NULL. Its strlen may not be the program's. */
void *unwind_no_memory(size_t size) __asm__("malloc") __attribute__((used));
void unwind_no_free(void *memory) __asm__("free") __attribute__((used));
size_t unwind_length(const char *text) __asm__("strlen") __attribute__((used));

void *unwind_no_memory(size_t size)
{
    (void)size;
    return NULL;
}

void unwind_no_free(void *memory)
{
    (void)memory;
}

size_t unwind_length(const char *text)
{
    return guest_length(text);
}

/* --- steps --- */

#if UNWIND_NATIVE

struct guard {
    uintptr_t frame; /* of unwind_enter: its frame pointer, by which it returns */
    struct guard *outer;
};

static struct guard *volatile innermost;

/* Calls step(argument) on the stack that ends at top, if not NULL. 0: it returned; 1: unwind_escape let it return. */
int unwind_enter(void (*step)(void *), void *argument, void *top, uintptr_t *ret_frame);
void unwind_landing(void);

/* The unwinder walks from one stack to the other by unwind_enter's own CFI: the frame pointer stays on the old one. The restorer has no
 * CFI, and the byte before it belongs to nobody: else the unwinder would take that for its caller's, instead of knowing it by its
 * instructions (libgcc, x86_64_fallback_frame_state and aarch64_fallback_frame_state). */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl unwind_enter\n.hidden unwind_enter\n.type unwind_enter, @function\n"
        "unwind_enter:\n"
        ".cfi_startproc\n"
        "pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
        "movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "pushq %rbx\n.cfi_offset %rbx, -24\n"
        "pushq %r12\n.cfi_offset %r12, -32\n"
        "pushq %r13\n.cfi_offset %r13, -40\n"
        "pushq %r14\n.cfi_offset %r14, -48\n"
        "pushq %r15\n.cfi_offset %r15, -56\n"
        "subq $8, %rsp\n"
        "movq %rbp, (%rcx)\n"
        "testq %rdx, %rdx\n"
        "cmovneq %rdx, %rsp\n"
        "movq %rdi, %rax\n"
        "movq %rsi, %rdi\n"
        "callq *%rax\n"
        "xorl %eax, %eax\n"
        "jmp 1f\n"
        ".globl unwind_landing\n.hidden unwind_landing\n"
        "unwind_landing:\n"
        "movl $1, %eax\n"
        "1: leaq -40(%rbp), %rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "retq\n"
        ".cfi_endproc\n"
        ".size unwind_enter, . - unwind_enter\n"
        "nop\n"
        ".balign 16\n"
        ".globl unwind_restorer\n.hidden unwind_restorer\n.type unwind_restorer, @function\n"
        "unwind_restorer:\n"
        "movq $15, %rax\n" /* __NR_rt_sigreturn */
        "syscall\n"
        ".size unwind_restorer, . - unwind_restorer\n"
        ".popsection\n");
#else
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl unwind_enter\n.hidden unwind_enter\n.type unwind_enter, %function\n"
        "unwind_enter:\n"
        ".cfi_startproc\n"
        "stp x29, x30, [sp, #-96]!\n"
        ".cfi_def_cfa_offset 96\n.cfi_offset 29, -96\n.cfi_offset 30, -88\n"
        "mov x29, sp\n"
        ".cfi_def_cfa_register 29\n"
        "stp x19, x20, [sp, #16]\n.cfi_offset 19, -80\n.cfi_offset 20, -72\n"
        "stp x21, x22, [sp, #32]\n.cfi_offset 21, -64\n.cfi_offset 22, -56\n"
        "stp x23, x24, [sp, #48]\n.cfi_offset 23, -48\n.cfi_offset 24, -40\n"
        "stp x25, x26, [sp, #64]\n.cfi_offset 25, -32\n.cfi_offset 26, -24\n"
        "stp x27, x28, [sp, #80]\n.cfi_offset 27, -16\n.cfi_offset 28, -8\n"
        "str x29, [x3]\n"
        "cbz x2, 1f\n"
        "mov sp, x2\n"
        "1: mov x4, x0\n"
        "mov x0, x1\n"
        "blr x4\n"
        "mov w0, #0\n"
        "b 2f\n"
        ".globl unwind_landing\n.hidden unwind_landing\n"
        "unwind_landing:\n"
        "mov w0, #1\n"
        "2: mov sp, x29\n"
        "ldp x19, x20, [sp, #16]\n"
        "ldp x21, x22, [sp, #32]\n"
        "ldp x23, x24, [sp, #48]\n"
        "ldp x25, x26, [sp, #64]\n"
        "ldp x27, x28, [sp, #80]\n"
        "ldp x29, x30, [sp], #96\n"
        ".cfi_def_cfa 31, 0\n.cfi_restore 29\n.cfi_restore 30\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size unwind_enter, . - unwind_enter\n"
        "nop\n"
        ".balign 16\n"
        ".globl unwind_restorer\n.hidden unwind_restorer\n.type unwind_restorer, %function\n"
        "unwind_restorer:\n"
        "mov x8, #139\n" /* __NR_rt_sigreturn */
        "svc #0\n"
        ".size unwind_restorer, . - unwind_restorer\n"
        ".popsection\n");
#endif

bool unwind_try(void (*step)(void *argument), void *argument, void *top)
{
    struct guard guard = {.outer = innermost};
    innermost = &guard;
    bool whole = unwind_enter(step, argument, top, &guard.frame) == 0;
    innermost = guard.outer;
    return whole;
}

#if defined(__x86_64__)
#define PC(context)    ((context)->uc_mcontext.gregs[REG_RIP])
#define SP(context)    ((context)->uc_mcontext.gregs[REG_RSP])
#define FRAME(context) ((context)->uc_mcontext.gregs[REG_RBP])
#else
#define PC(context)    ((context)->uc_mcontext.pc)
#define SP(context)    ((context)->uc_mcontext.sp)
#define FRAME(context) ((context)->uc_mcontext.regs[29])
#endif

bool unwind_escape(ucontext_t *context)
{
    if (innermost == NULL)
        return false;
    /* By sigreturn, not by longjmp: the signal mask and the direction flag come right by themselves. The floating-point registers that a
     * callee saves on aarch64 are not put back: between here and the program's own sigreturn nobody uses them. */
    PC(context) = (uintptr_t)unwind_landing;
    FRAME(context) = (__typeof__(FRAME(context)))innermost->frame;
    SP(context) = (__typeof__(SP(context)))(innermost->frame - 64);
#if defined(__x86_64__)
    enum { DIRECTION_FLAG = 0x400 };
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)DIRECTION_FLAG;
#endif
    return true;
}

#else

static void **volatile innermost;

bool unwind_try(void (*step)(void *argument), void *argument, void *top)
{
    (void)top;
    void *place[5];
    void **outer = innermost;
    if (__builtin_setjmp(place) != 0) {
        innermost = outer;
        return false;
    }
    innermost = place;
    step(argument);
    innermost = outer;
    return true;
}

/* Leaves by longjmp: the handler must have been called without a change of the signal mask. */
bool unwind_escape(ucontext_t *context)
{
    (void)context;
    if (innermost == NULL)
        return false;
    __builtin_longjmp(innermost, 1);
}

#endif

/* --- the kernel's list of mappings --- */

struct mapping {
    uint64_t start, end, offset, device, inode;
    bool readable, executable;
    const char *path;
    size_t path_length;
};

/* Static, as the stack may be small. A line is at most some 80 bytes and a path of PATH_MAX. */
static struct {
    int fd;
    bool skipping; /* the rest of a line that is longer than this */
    size_t at, end;
    char text[8192];
} maps;

static int open_list(const char *path)
{
    struct rlimit64 limit, more;
    long fd = GUEST_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd != -EMFILE || GUEST_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return (int)fd;
    /* Running out of descriptors is a reason to crash. */
    more = (struct rlimit64){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    GUEST_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &more, NULL);
    fd = GUEST_SYSCALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    GUEST_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
    return (int)fd;
}

static bool maps_open(void)
{
    /* Not /proc/self: the thread that gave the process its pid may have ended, and its list is empty then. */
    maps.fd = open_list("/proc/thread-self/maps");
    if (maps.fd < 0)
        maps.fd = open_list("/proc/self/maps");
    maps.at = maps.end = 0;
    maps.skipping = false;
    return maps.fd >= 0;
}

/* Reads more behind what there is. False: there is no more. */
static bool maps_fill(void)
{
    if (maps.at > 0) {
        guest_copy(maps.text, maps.text + maps.at, maps.end - maps.at); /* to a lower address, byte by byte */
        maps.end -= maps.at;
        maps.at = 0;
    }
    if (maps.end == sizeof maps.text) {
        maps.skipping = true;
        maps.end = 0;
    }
    long got;
    do
        got = GUEST_SYSCALL(SYS_read, maps.fd, maps.text + maps.end, sizeof maps.text - maps.end);
    while (got == -EINTR);
    if (got > 0)
        maps.end += (size_t)got;
    return got > 0;
}

/* The next whole line, without its newline. NULL: there is none. */
static const char *maps_line(size_t *ret_length)
{
    size_t seen = maps.at;
    for (;;) {
        for (; seen < maps.end; seen++) {
            if (maps.text[seen] != '\n')
                continue;
            const char *line = maps.text + maps.at;
            *ret_length = seen - maps.at;
            maps.at = ++seen;
            if (!maps.skipping)
                return line;
            maps.skipping = false;
        }
        if (!maps_fill())
            return NULL;
        seen = 0;
    }
}

/* A number and the character behind it, which must be `stop`. */
static bool read_number(const char **at, const char *end, unsigned int base, char stop, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (; *at < end; ++*at) {
        char c = **at;
        unsigned int digit = c >= '0' && c <= '9' ? (unsigned int)(c - '0') : (unsigned int)(c - 'a') + 10;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (*at == end || *(*at)++ != stop)
        return false;
    *ret_value = value;
    return true;
}

/* 7f0e6c000000-7f0e6c021000 r-xp 00026000 fd:01 1234      /usr/lib/libc.so.6 (proc_pid_maps(5)) */
static bool parse_mapping(const char *at, size_t length, struct mapping *ret_mapping)
{
    const char *end = at + length;
    uint64_t major, minor;
    if (!read_number(&at, end, 16, '-', &ret_mapping->start) ||
        !read_number(&at, end, 16, ' ', &ret_mapping->end) || end - at < 5)
        return false;
    ret_mapping->readable = at[0] == 'r';
    ret_mapping->executable = at[2] == 'x';
    at += 5;
    if (!read_number(&at, end, 16, ' ', &ret_mapping->offset) || !read_number(&at, end, 16, ':', &major) ||
        !read_number(&at, end, 16, ' ', &minor) || !read_number(&at, end, 10, ' ', &ret_mapping->inode))
        return false;
    ret_mapping->device = major << 32 | minor;
    while (at < end && *at == ' ')
        at++;
    ret_mapping->path = at;
    ret_mapping->path_length = (size_t)(end - at);
    return true;
}

/* Calls visit for each mapping, in order of addresses, until it says false. */
static void maps_walk(bool (*visit)(const struct mapping *mapping, void *argument), void *argument)
{
    if (!maps_open())
        return;
    size_t length;
    const char *line;
    while ((line = maps_line(&length)) != NULL) {
        struct mapping mapping;
        if (parse_mapping(line, length, &mapping) && !visit(&mapping, argument))
            break;
    }
    GUEST_SYSCALL(SYS_close, maps.fd);
}

/* --- frames --- */

struct walk {
    struct unwind_trace *trace;
    bool started;
    uintptr_t pc, stack; /* of the frame before */
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *frame, void *argument)
{
    struct walk *walk = argument;
    struct unwind_trace *trace = walk->trace;
    int interrupted = 0;
    uintptr_t pc = _Unwind_GetIPInfo(frame, &interrupted);
    uintptr_t stack = _Unwind_GetCFA(frame);
    if (!walk->started) {
        /* Our own, and the trampoline that called us; then the one that the signal interrupted: that may be in the trace already. */
        walk->started = interrupted != 0;
        interrupted = 0;
        if (!walk->started || trace->frames > 0)
            return _URC_NO_REASON;
    }
    if (pc == 0 || (pc == walk->pc && stack == walk->stack) || trace->frames == SSCAP_FRAMES_MAX)
        return _URC_END_OF_STACK;
    walk->pc = pc;
    walk->stack = stack;
    /* A signal frame's trampoline was never called: its address, too, is that of an instruction. */
    if (interrupted)
        trace->exact |= (uint64_t)3 << (trace->frames - 1);
    trace->pc[trace->frames++] = pc;
    return _URC_NO_REASON;
}

static void walk_stack(void *argument)
{
    _Unwind_Backtrace(collect, argument);
}

static void walk(struct unwind_trace *trace)
{
    struct walk w = {.trace = trace};
    unwind_try(walk_stack, &w, NULL);
}

#if UNWIND_NATIVE

/* What a call leaves behind: where it returns to, and the stack and frame pointers that are there then. */
struct caller {
    uintptr_t pc, stack, frame;
};

/* Whether the instruction before is a call. */
#if defined(__x86_64__)
static bool follows_call(uintptr_t pc)
{
    const volatile uint8_t *before = (const volatile uint8_t *)pc;
    if (before[-5] == 0xe8)
        return true;
    /* ff /2, with the lengths that its operand may have */
    static const int lengths[] = {2, 3, 4, 6, 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (before[-lengths[i]] == 0xff && (before[1 - lengths[i]] & 0x38) == 0x10)
            return true;
    return false;
}
#else
static bool follows_call(uintptr_t pc)
{
    if (pc % 4 != 0)
        return false;
    uint32_t before = ((const volatile uint32_t *)pc)[-1];
    return (before & 0xfc000000) == 0x94000000 || /* bl */
           (before & 0xfffffc1f) == 0xd63f0000 || /* blr */
           (before & 0xfefff800) == 0xd63f0800;   /* blraa and its kin */
}
#endif

struct code {
    uintptr_t pc;
    bool found;
};

static bool visit_code(const struct mapping *mapping, void *argument)
{
    struct code *code = argument;
    if (code->pc >= mapping->end)
        return true;
    code->found = mapping->executable && mapping->readable && code->pc - 8 >= mapping->start;
    return false;
}

/* Readable, too, with what stands before it. */
static bool is_return_address(uintptr_t pc)
{
    struct code code = {.pc = pc};
    maps_walk(visit_code, &code);
    return code.found && follows_call(pc);
}

struct search {
    const ucontext_t *context;
    struct caller caller; /* pc 0: none was found */
};

/* A jump to nowhere is a call, most often: the return address is where the call put it. Code without CFI may have kept a frame
 * pointer. */
static void find_caller(void *argument)
{
    struct search *search = argument;
    const ucontext_t *context = search->context;
    uintptr_t stack = (uintptr_t)SP(context), frame = (uintptr_t)FRAME(context);
#if defined(__x86_64__)
    uintptr_t pc = *(const volatile uintptr_t *)stack;
    stack += sizeof pc;
#else
    uintptr_t pc = (uintptr_t)context->uc_mcontext.regs[30];
#endif
    if (!is_return_address(pc)) {
        const volatile uintptr_t *record = (const volatile uintptr_t *)frame;
        stack = frame + 2 * sizeof pc;
        frame = record[0];
        pc = record[1];
        if (!is_return_address(pc))
            return;
    }
    search->caller = (struct caller){.pc = pc, .stack = stack, .frame = frame};
}

/* The unwinder goes by what the kernel has put on the stack for sigreturn: that is made the caller's for a while. */
static void walk_from_caller(struct unwind_trace *trace, ucontext_t *context)
{
    struct search search = {.context = context};
    if (!unwind_try(find_caller, &search, NULL) || search.caller.pc == 0)
        return;
    trace->pc[trace->frames++] = search.caller.pc;
    __typeof__(PC(context)) pc = PC(context);
    __typeof__(SP(context)) stack = SP(context);
    __typeof__(FRAME(context)) frame = FRAME(context);
    /* In the midst of the call: behind it there may be another function. */
    PC(context) = (__typeof__(pc))(search.caller.pc - 1);
    SP(context) = (__typeof__(stack))search.caller.stack;
    FRAME(context) = (__typeof__(frame))search.caller.frame;
    walk(trace);
    PC(context) = pc;
    SP(context) = stack;
    FRAME(context) = frame;
}

void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact)
{
    trace->pc[0] = (uintptr_t)PC(context);
    trace->frames = 1;
    trace->exact = exact;
    walk(trace);
    if (trace->frames == 1)
        walk_from_caller(trace, context);
}

#else

/* Without a name for the registers the unwinder's word must do: the interrupted frame is its own. */
void unwind_stack(struct unwind_trace *trace, ucontext_t *context, bool exact)
{
    (void)context;
    trace->frames = 0;
    trace->exact = exact;
    walk(trace);
    if (trace->frames == 0)
        trace->exact = 0;
}

#endif

/* --- modules --- */

/* One load of a file: its mappings in a row. */
struct load {
    uint64_t device, inode, start, end, header_length;
    struct unwind_module *module; /* NULL: no frame is in it so far */
};

struct module_walk {
    struct unwind_modules *modules;
    const struct unwind_trace *trace;
    struct load load;
};

static bool holds_frame(const struct mapping *mapping, const struct unwind_trace *trace)
{
    for (uint32_t i = 0; i < trace->frames; i++) {
        uint64_t pc = trace->pc[i] - ((trace->exact >> i & 1) == 0); /* a call may be the last there is */
        if (pc >= mapping->start && pc < mapping->end)
            return true;
    }
    return false;
}

static void add_module(struct module_walk *walk, const struct mapping *mapping)
{
    struct unwind_modules *modules = walk->modules;
    if (modules->count == SSCAP_MODULES_MAX)
        return;
    struct unwind_module *module = &modules->of[modules->count];
    size_t length = mapping->path_length;
    const char *path = mapping->path;
    if (length > SSCAP_PATH_MAX) {
        path += length - SSCAP_PATH_MAX;
        length = SSCAP_PATH_MAX;
    }
    guest_copy(module->path, path, length);
    module->head = (struct sscap_module){.start = walk->load.start, .path_length = (uint32_t)length};
    module->header_length = walk->load.header_length;
    walk->load.module = module;
    modules->count++;
}

static bool visit_module(const struct mapping *mapping, void *argument)
{
    struct module_walk *walk = argument;
    struct load *load = &walk->load;
    if (mapping->inode == 0 || mapping->path_length == 0 || mapping->path[0] != '/')
        return true;
    bool same = load->end != 0 && load->device == mapping->device && load->inode == mapping->inode;
    /* A file can be loaded twice (dlmopen), but in a small one the data's first page is the file's first, too. */
    if (!same || (mapping->offset == 0 && mapping->start != load->end)) {
        bool header = mapping->offset == 0 && mapping->readable;
        *load = (struct load){.device = mapping->device,
                              .inode = mapping->inode,
                              .start = mapping->start - mapping->offset,
                              .header_length = header ? mapping->end - mapping->start : 0};
    }
    load->end = mapping->end;
    if (load->module == NULL && holds_frame(mapping, walk->trace))
        add_module(walk, mapping);
    if (load->module != NULL)
        load->module->head.end = load->end;
    return true;
}

struct note {
    const uint8_t *bytes;
    uint32_t length; /* 0: not found */
};

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* A note's name (with its NUL it is `name_size` long) and type, in one segment. */
static struct note find_note(const uint8_t *at, uint64_t size, uint64_t align, const char *name,
                             uint32_t type)
{
    uint32_t name_size = (uint32_t)guest_length(name) + 1;
    uint64_t offset = 0;
    if (align != 8)
        align = 4;
    while (offset + sizeof(ElfW(Nhdr)) <= size) {
        ElfW(Nhdr) head;
        guest_copy(&head, at + offset, sizeof head);
        uint64_t own_name = offset + sizeof head;
        uint64_t bytes = offset + round_up(sizeof head + (uint64_t)head.n_namesz, align);
        offset = round_up(bytes + head.n_descsz, align);
        if (bytes + head.n_descsz > size)
            break;
        /* Go's linker pads its own name with a second NUL. */
        const char *rest = head.n_namesz >= name_size ? guest_after((const char *)at + own_name, name) : NULL;
        if (head.n_type == type && rest != NULL && *rest == '\0')
            return (struct note){.bytes = at + bytes, .length = head.n_descsz};
    }
    return (struct note){0};
}

enum { SEGMENTS_MAX = 64, NOTES_MAX = 65536 };

/* `bias`: what is to be added to the segments' addresses. */
static struct note note_of(const ElfW(Phdr) * segments, size_t count, uintptr_t bias, const char *name,
                           uint32_t type)
{
    struct note note = {0};
    for (size_t i = 0; i < count && i < SEGMENTS_MAX && note.length == 0; i++)
        if (segments[i].p_type == PT_NOTE && segments[i].p_filesz <= NOTES_MAX)
            note = find_note((const uint8_t *)(bias + segments[i].p_vaddr), segments[i].p_filesz,
                             segments[i].p_align, name, type);
    return note;
}

/* In the file's header as it is mapped: the file itself may be gone, or be another one by now. */
static void read_build_id(void *argument)
{
    struct unwind_module *module = argument;
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)(uintptr_t)module->head.start;
    if (module->header_length < sizeof *header ||
        guest_after((const char *)header->e_ident, ELFMAG) == NULL ||
        header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > module->header_length ||
        header->e_phnum > (module->header_length - header->e_phoff) / sizeof(ElfW(Phdr)))
        return;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)((uintptr_t)header + header->e_phoff);
    uintptr_t bias = (uintptr_t)header;
    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD) {
            bias -= segments[i].p_vaddr - segments[i].p_offset;
            break;
        }
    }
    struct note id = note_of(segments, header->e_phnum, bias, ELF_NOTE_GNU, NT_GNU_BUILD_ID);
    uint32_t length = id.length < SSCAP_BUILD_ID_MAX ? id.length : SSCAP_BUILD_ID_MAX;
    guest_copy(module->head.build_id, id.bytes, length);
    module->head.build_id_length = length;
}

static void walk_modules(void *argument)
{
    maps_walk(visit_module, argument);
}

void unwind_modules(struct unwind_modules *modules, const struct unwind_trace *trace)
{
    struct module_walk walk = {.modules = modules, .trace = trace};
    modules->count = 0;
    unwind_try(walk_modules, &walk, NULL);
    for (uint32_t i = 0; i < modules->count; i++)
        unwind_try(read_build_id, &modules->of[i], NULL);
}

bool unwind_program_has_note(const char *name, uint32_t type)
{
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    for (size_t i = 0; segments != NULL && i < count; i++)
        if (segments[i].p_type == PT_PHDR)
            return note_of(segments, count, (uintptr_t)segments - segments[i].p_vaddr, name, type).length > 0;
    return false;
}
