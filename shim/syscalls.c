/* syscalls.c: system calls on i386, where the sixth argument's register is the frame pointer: in a
 * function of its own the unwinder can be told the truth about it at each instruction. */
#include "shim/syscalls.h"

uint32_t syscalls_forbidden;

#if defined(__i386__)

__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl raw_syscall6\n.hidden raw_syscall6\n.type raw_syscall6, @function\n"
        "raw_syscall6:\n"
        ".cfi_startproc\n"
        "pushl %ebp\n.cfi_def_cfa_offset 8\n.cfi_offset %ebp, -8\n"
        "pushl %edi\n.cfi_def_cfa_offset 12\n.cfi_offset %edi, -12\n"
        "pushl %esi\n.cfi_def_cfa_offset 16\n.cfi_offset %esi, -16\n"
        "pushl %ebx\n.cfi_def_cfa_offset 20\n.cfi_offset %ebx, -20\n"
        "movl 20(%esp), %eax\n"
        "movl 24(%esp), %ebx\n"
        "movl 28(%esp), %ecx\n"
        "movl 32(%esp), %edx\n"
        "movl 36(%esp), %esi\n"
        "movl 40(%esp), %edi\n"
        "movl 44(%esp), %ebp\n"
        "int $0x80\n"
        "popl %ebx\n.cfi_def_cfa_offset 16\n.cfi_restore %ebx\n"
        "popl %esi\n.cfi_def_cfa_offset 12\n.cfi_restore %esi\n"
        "popl %edi\n.cfi_def_cfa_offset 8\n.cfi_restore %edi\n"
        "popl %ebp\n.cfi_def_cfa_offset 4\n.cfi_restore %ebp\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size raw_syscall6, . - raw_syscall6\n"
        ".popsection\n");

#endif
