/* fault_guard_x86_64.S: see fault_guard.c. */
#if defined(__x86_64__) && !defined(__ILP32__)

/* int fault_guard_enter(void (*step)(void *), void *argument, void *top, uintptr_t *ret_frame)
 *
 * Calls step(argument), on the stack that ends at `top` if that is not NULL. Returns 0, or 1 after
 * a jump to fault_guard_landing. The unwinder gets from one stack to the other by the CFI, because
 * the frame pointer stays on the old stack. */
        .text
        .balign 16
        .globl  fault_guard_enter
        .hidden fault_guard_enter
        .type   fault_guard_enter, @function
fault_guard_enter:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   %rbx
        .cfi_offset %rbx, -24
        pushq   %r12
        .cfi_offset %r12, -32
        pushq   %r13
        .cfi_offset %r13, -40
        pushq   %r14
        .cfi_offset %r14, -48
        pushq   %r15
        .cfi_offset %r15, -56
        subq    $8, %rsp
        movq    %rbp, (%rcx)
        testq   %rdx, %rdx
        cmovneq %rdx, %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        callq   *%rax
        xorl    %eax, %eax
        jmp     1f
        .globl  fault_guard_landing
        .hidden fault_guard_landing
fault_guard_landing:
        movl    $1, %eax
1:      leaq    -40(%rbp), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        retq
        .cfi_endproc
        .size   fault_guard_enter, . - fault_guard_enter

/* The function that a signal handler returns to (SA_RESTORER). libgcc's unwinder knows it by its
 * instructions (x86_64_fallback_frame_state). It has no CFI, and the nop before it belongs to no
 * function, because the unwinder would otherwise use the CFI of the byte before it. */
        nop
        .balign 16
        .globl  signal_action_restorer
        .hidden signal_action_restorer
        .type   signal_action_restorer, @function
signal_action_restorer:
        movq    $15, %rax /* __NR_rt_sigreturn */
        syscall
        .size   signal_action_restorer, . - signal_action_restorer

#endif

        .section .note.GNU-stack, "", %progbits
