/* machine.h: machines whose registers and signal frames we know. */
#ifndef SSCAP_SHIM_CRASH_MACHINE_H
#define SSCAP_SHIM_CRASH_MACHINE_H

/* On other machines, the crash handler stays on the stack that it is called on, and libgcc's
 * unwinder works alone. */
#if (defined(__x86_64__) && !defined(__ILP32__)) || (defined(__aarch64__) && !defined(__ILP32__))
#define MACHINE_KNOWN 1
#else
#define MACHINE_KNOWN 0
#endif

/* The registers of what a signal interrupted. `context` is a ucontext_t pointer. */
#if defined(__x86_64__)
#define MACHINE_PC(context)            ((context)->uc_mcontext.gregs[REG_RIP])
#define MACHINE_STACK_POINTER(context) ((context)->uc_mcontext.gregs[REG_RSP])
#define MACHINE_FRAME_POINTER(context) ((context)->uc_mcontext.gregs[REG_RBP])
#elif MACHINE_KNOWN
#define MACHINE_PC(context)            ((context)->uc_mcontext.pc)
#define MACHINE_STACK_POINTER(context) ((context)->uc_mcontext.sp)
#define MACHINE_FRAME_POINTER(context) ((context)->uc_mcontext.regs[29])
#endif

#endif
