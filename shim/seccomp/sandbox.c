/* sandbox.c: see sandbox.h.
 *
 * A program that allows itself what it needs, on pain of death, does not think of what we need:
 * sendmsg at its next fork, getsockopt at its next close. So a filter is looked at before it is in
 * force, and what it may punish is not called any more (syscalls_forbidden): to the library it is
 * as if the filter let it fail, and it can do without each of its calls. The kernel's stamps still
 * name who wrote what.
 *
 * The filter goes from parent to child with syscalls_forbidden, and from one program to the next
 * with the session's variable. It is in force for a thread, and its children, or for all threads:
 * syscalls_forbidden is for all, as is a handler. It is said before the kernel has accepted the
 * filter, and stays said if it did not; a vfork child says it for its parent, too. For those who
 * are under no filter that means less service and no more than that.
 *
 * Not seen: filters that were there when sscap was started (a container's lets calls fail, by
 * custom), those of static programs, and of those that have no need of libc for their system calls
 * (Go). */
#define _GNU_SOURCE
#include "shim/seccomp/sandbox.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"
#include "shim/crash/handler.h"
#include "shim/seccomp/bpf_filter.h"

#include "shim/nolibc.h"

/* Where a filter is looked at, by one thread at a time: a stack may be too small. Untouched pages
 * cost nothing. */
static struct {
    bool taken;
    struct sock_filter code[BPF_MAXINSNS];
    struct bpf_filter_state states[BPF_MAXINSNS];
} desk;

/* 0: there is none, or the kernel will not have it. */
static uint32_t examine(const void *program)
{
    struct sock_fprog filter = {0};
    if (!nolibc_read_memory(&filter, program, sizeof filter) || filter.len == 0 ||
        filter.len > BPF_MAXINSNS)
        return 0;
    if (__atomic_exchange_n(&desk.taken, true, __ATOMIC_ACQUIRE))
        return SYSCALL_ALL;
    uint32_t kinds = 0;
    if (nolibc_read_memory(desk.code, filter.filter, filter.len * sizeof *desk.code))
        kinds = bpf_filter_forbids(desk.code, filter.len, desk.states);
    __atomic_store_n(&desk.taken, false, __ATOMIC_RELEASE);
    return kinds;
}

void sandbox_expect(unsigned long mode, const void *program)
{
    uint32_t kinds = 0;
    if (session.joined && mode == SECCOMP_MODE_STRICT)
        kinds = SYSCALL_ALL;
    else if (session.joined && mode == SECCOMP_MODE_FILTER)
        kinds = examine(program);
    if (kinds == 0)
        return;
    crash_handler_disarm(kinds);
    if (kinds & SEND_NEEDS) {
        struct sscap_event event = {.type = SSCAP_EVENT_SILENT,
                                    .other = (int32_t)RAW_SYSCALL(SYS_getppid)};
        send_event(&event, NULL, 0);
        send_wait_for_runner(); /* who it is that writes next, the kernel is to be asked in time
                                    */
    }
    session_forbid(kinds);
}

/* --- syscall ---
 *
 * There is no function of libc's for seccomp(2), and libseccomp calls prctl in this way, too. All
 * others go on to libc as they came, by a jump: what they return to is our caller, also where that
 * is in another process on the same stack (vfork), or on another one. */

long sandbox_syscall(long number, long a, long b, long c, long d, long e, long f)
    __attribute__((used));

long sandbox_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    int which = (int)number; /* the kernel looks at no more of it */
    if (which == SYS_prctl && a == PR_SET_SECCOMP)
        sandbox_expect((unsigned long)b, (const void *)c);
    else if (which == SYS_seccomp && a == SECCOMP_SET_MODE_STRICT && b == 0 &&
             c == 0) /* else EINVAL: libseccomp asks */
        sandbox_expect(SECCOMP_MODE_STRICT, NULL);
    else if (which == SYS_seccomp && a == SECCOMP_SET_MODE_FILTER)
        sandbox_expect(SECCOMP_MODE_FILTER, (const void *)c);
    return REAL(syscall)(number, a, b, c, d, e, f);
}

_Static_assert(REAL_syscall == 0, "real_functions begins with syscall's");

#define QUOTE(x) #x
#define TEXT(x)  QUOTE(x)

/* clang-format off */
#if defined(__x86_64__) && !defined(__ILP32__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n.type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "cmpl $" TEXT(SYS_prctl) ", %edi\n"
        "je sandbox_syscall\n"
        "cmpl $" TEXT(SYS_seccomp) ", %edi\n"
        "je sandbox_syscall\n"
        "movq real_functions(%rip), %r11\n"
        "testq %r11, %r11\n"
        "je 1f\n"
        "jmpq *%r11\n"
        "1: pushq %rdi\npushq %rsi\npushq %rdx\npushq %rcx\npushq %r8\npushq %r9\n"
        ".cfi_def_cfa_offset 56\n"
        "subq $8, %rsp\n"
        ".cfi_def_cfa_offset 64\n"
        "xorl %edi, %edi\n"
        "callq real_find\n"
        "movq %rax, %r11\n"
        "addq $8, %rsp\n"
        "popq %r9\npopq %r8\npopq %rcx\npopq %rdx\npopq %rsi\npopq %rdi\n"
        ".cfi_def_cfa_offset 8\n"
        "jmpq *%r11\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
#elif defined(__i386__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n.type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "endbr32\n"
        "movl 4(%esp), %eax\n"
        "cmpl $" TEXT(SYS_prctl) ", %eax\n"
        "je sandbox_syscall\n"
        "cmpl $" TEXT(SYS_seccomp) ", %eax\n"
        "je sandbox_syscall\n"
        "call 1f\n"
        "1: popl %ecx\n"
        "addl $_GLOBAL_OFFSET_TABLE_ + (. - 1b), %ecx\n"
        "movl real_functions@GOTOFF(%ecx), %eax\n"
        "testl %eax, %eax\n"
        "je 2f\n"
        "jmpl *%eax\n"
        "2: subl $8, %esp\n"
        "pushl $0\n"
        ".cfi_def_cfa_offset 16\n"
        "call real_find\n"
        "addl $12, %esp\n"
        ".cfi_def_cfa_offset 4\n"
        "jmpl *%eax\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
#elif defined(__aarch64__) && !defined(__ILP32__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n.type syscall, %function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "hint #34\n" /* bti c */
        "cmp w0, #" TEXT(SYS_prctl) "\n"
        "b.eq sandbox_syscall\n"
        "cmp w0, #" TEXT(SYS_seccomp) "\n"
        "b.eq sandbox_syscall\n"
        "adrp x16, real_functions\n"
        "ldr x16, [x16, #:lo12:real_functions]\n"
        "cbz x16, 1f\n"
        "br x16\n"
        "1: stp x29, x30, [sp, #-80]!\n"
        ".cfi_def_cfa_offset 80\n.cfi_offset 29, -80\n.cfi_offset 30, -72\n"
        "stp x0, x1, [sp, #16]\nstp x2, x3, [sp, #32]\nstp x4, x5, [sp, #48]\nstr x6, [sp, #64]\n"
        "mov w0, #0\n"
        "bl real_find\n"
        "mov x16, x0\n"
        "ldp x0, x1, [sp, #16]\nldp x2, x3, [sp, #32]\nldp x4, x5, [sp, #48]\nldr x6, [sp, #64]\n"
        "ldp x29, x30, [sp], #80\n"
        ".cfi_def_cfa_offset 0\n.cfi_restore 29\n.cfi_restore 30\n"
        "br x16\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
/* clang-format on */
#else
/* Good for all but vfork. */
SSCAP_EXPORT long syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (size_t i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    return sandbox_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                           arguments[4], arguments[5]);
}
#endif
