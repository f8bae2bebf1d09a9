/* syscall_aarch64.S: the exported function syscall(2). See syscall_x86_64.S. */
#if defined(__aarch64__) && !defined(__ILP32__)

#include <sys/syscall.h>

        .text
        .balign 16
        .globl  syscall
        .type   syscall, %function
syscall:
        .cfi_startproc
        hint    #34 /* bti c */
        cmp     w0, #SYS_prctl
        b.eq    sandbox_syscall
        cmp     w0, #SYS_seccomp
        b.eq    sandbox_syscall
        adrp    x16, real_functions
        ldr     x16, [x16, #:lo12:real_functions]
        cbz     x16, 1f
        br      x16
1:      stp     x29, x30, [sp, #-80]!
        .cfi_def_cfa_offset 80
        .cfi_offset 29, -80
        .cfi_offset 30, -72
        stp     x0, x1, [sp, #16]
        stp     x2, x3, [sp, #32]
        stp     x4, x5, [sp, #48]
        str     x6, [sp, #64]
        mov     w0, #0
        bl      real_find
        mov     x16, x0
        ldp     x0, x1, [sp, #16]
        ldp     x2, x3, [sp, #32]
        ldp     x4, x5, [sp, #48]
        ldr     x6, [sp, #64]
        ldp     x29, x30, [sp], #80
        .cfi_def_cfa_offset 0
        .cfi_restore 29
        .cfi_restore 30
        br      x16
        .cfi_endproc
        .size   syscall, . - syscall

#endif

        .section .note.GNU-stack, "", %progbits
