/* syscall_x86_64.S: the exported function syscall(2). See sandbox.c. */
#if defined(__x86_64__) && !defined(__ILP32__)

#include <sys/syscall.h>

/* Jumps to sandbox_syscall for prctl and seccomp, else to libc's function. real_functions begins
 * with the address of libc's function, or NULL before its first use. */
        .text
        .balign 16
        .globl  syscall
        .type   syscall, @function
syscall:
        .cfi_startproc
        endbr64
        cmpl    $SYS_prctl, %edi
        je      sandbox_syscall
        cmpl    $SYS_seccomp, %edi
        je      sandbox_syscall
        movq    real_functions(%rip), %r11
        testq   %r11, %r11
        je      1f
        jmpq    *%r11
1:      pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %r8
        pushq   %r9
        .cfi_def_cfa_offset 56
        subq    $8, %rsp
        .cfi_def_cfa_offset 64
        xorl    %edi, %edi
        callq   real_find
        movq    %rax, %r11
        addq    $8, %rsp
        popq    %r9
        popq    %r8
        popq    %rcx
        popq    %rdx
        popq    %rsi
        popq    %rdi
        .cfi_def_cfa_offset 8
        jmpq    *%r11
        .cfi_endproc
        .size   syscall, . - syscall

#endif

        .section .note.GNU-stack, "", %progbits
