/* raw_syscall_i386.S: system calls on i386.
 *
 * The sixth argument goes into the frame pointer's register. In a function of its own, the CFI can
 * say so for each instruction. */
#if defined(__i386__)

/* long raw_syscall6(long number, long a, long b, long c, long d, long e, long f) */
        .text
        .balign 16
        .globl  raw_syscall6
        .hidden raw_syscall6
        .type   raw_syscall6, @function
raw_syscall6:
        .cfi_startproc
        pushl   %ebp
        .cfi_def_cfa_offset 8
        .cfi_offset %ebp, -8
        pushl   %edi
        .cfi_def_cfa_offset 12
        .cfi_offset %edi, -12
        pushl   %esi
        .cfi_def_cfa_offset 16
        .cfi_offset %esi, -16
        pushl   %ebx
        .cfi_def_cfa_offset 20
        .cfi_offset %ebx, -20
        movl    20(%esp), %eax
        movl    24(%esp), %ebx
        movl    28(%esp), %ecx
        movl    32(%esp), %edx
        movl    36(%esp), %esi
        movl    40(%esp), %edi
        movl    44(%esp), %ebp
        int     $0x80
        popl    %ebx
        .cfi_def_cfa_offset 16
        .cfi_restore %ebx
        popl    %esi
        .cfi_def_cfa_offset 12
        .cfi_restore %esi
        popl    %edi
        .cfi_def_cfa_offset 8
        .cfi_restore %edi
        popl    %ebp
        .cfi_def_cfa_offset 4
        .cfi_restore %ebp
        ret
        .cfi_endproc
        .size   raw_syscall6, . - raw_syscall6

#endif

        .section .note.GNU-stack, "", %progbits
