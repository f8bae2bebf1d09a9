/* syscall_i386.S: the exported function syscall(2). See syscall_x86_64.S. */
#if defined(__i386__)

#include <sys/syscall.h>

        .text
        .balign 16
        .globl  syscall
        .type   syscall, @function
syscall:
        .cfi_startproc
        endbr32
        movl    4(%esp), %eax
        cmpl    $SYS_prctl, %eax
        je      sandbox_syscall
        cmpl    $SYS_seccomp, %eax
        je      sandbox_syscall
        call    1f
1:      popl    %ecx
        addl    $_GLOBAL_OFFSET_TABLE_ + (. - 1b), %ecx
        movl    real_functions@GOTOFF(%ecx), %eax
        testl   %eax, %eax
        je      2f
        jmpl    *%eax
2:      subl    $8, %esp
        pushl   $0
        .cfi_def_cfa_offset 16
        call    real_find
        addl    $12, %esp
        .cfi_def_cfa_offset 4
        jmpl    *%eax
        .cfi_endproc
        .size   syscall, . - syscall

#endif

        .section .note.GNU-stack, "", %progbits
