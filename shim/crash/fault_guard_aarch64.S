/* fault_guard_aarch64.S: see fault_guard.c, and fault_guard_x86_64.S for what the functions do. */
#if defined(__aarch64__) && !defined(__ILP32__)

        .text
        .balign 16
        .globl  fault_guard_enter
        .hidden fault_guard_enter
        .type   fault_guard_enter, %function
fault_guard_enter:
        .cfi_startproc
        stp     x29, x30, [sp, #-96]!
        .cfi_def_cfa_offset 96
        .cfi_offset 29, -96
        .cfi_offset 30, -88
        mov     x29, sp
        .cfi_def_cfa_register 29
        stp     x19, x20, [sp, #16]
        .cfi_offset 19, -80
        .cfi_offset 20, -72
        stp     x21, x22, [sp, #32]
        .cfi_offset 21, -64
        .cfi_offset 22, -56
        stp     x23, x24, [sp, #48]
        .cfi_offset 23, -48
        .cfi_offset 24, -40
        stp     x25, x26, [sp, #64]
        .cfi_offset 25, -32
        .cfi_offset 26, -24
        stp     x27, x28, [sp, #80]
        .cfi_offset 27, -16
        .cfi_offset 28, -8
        str     x29, [x3]
        cbz     x2, 1f
        mov     sp, x2
1:      mov     x4, x0
        mov     x0, x1
        blr     x4
        mov     w0, #0
        b       2f
        .globl  fault_guard_landing
        .hidden fault_guard_landing
fault_guard_landing:
        mov     w0, #1
2:      mov     sp, x29
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #96
        .cfi_def_cfa 31, 0
        .cfi_restore 29
        .cfi_restore 30
        ret
        .cfi_endproc
        .size   fault_guard_enter, . - fault_guard_enter

/* See fault_guard_x86_64.S; in libgcc it is aarch64_fallback_frame_state. */
        nop
        .balign 16
        .globl  signal_action_restorer
        .hidden signal_action_restorer
        .type   signal_action_restorer, %function
signal_action_restorer:
        mov     x8, #139 /* __NR_rt_sigreturn */
        svc     #0
        .size   signal_action_restorer, . - signal_action_restorer

#endif

        .section .note.GNU-stack, "", %progbits
