/* bpf_filter.c: finds the system calls of the library that a seccomp filter would punish.
 *
 * A filter is a program for the classic BPF machine (linux/filter.h; kernel/seccomp.c lists its
 * instructions). All jumps go forward, so one pass finds each possible result of a call whose
 * number is known and whose arguments are not. If a condition depends on an unknown value, both
 * branches are followed. Only the accumulator is tracked. Values from the index register or from
 * memory are unknown. A call may therefore count as forbidden although it is not, but never the
 * reverse. */
#define _GNU_SOURCE
#include "shim/seccomp/bpf_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "shim/nolibc.h"

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define OWN_ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum { UNREACHED, UNKNOWN, KNOWN }; /* bpf_filter_state.how */

static const struct bpf_filter_state unknown = {.how = UNKNOWN};

/* What is known about a call. */
struct call {
    long number;  /* or ANY_NUMBER */
    int argument; /* which one has `value`, or ANY_ARGUMENT */
    uint32_t value;
};

enum { ANY_NUMBER = -1, ANY_ARGUMENT = -1 };

static struct bpf_filter_state known(uint32_t value)
{
    return (struct bpf_filter_state){.how = KNOWN, .value = value};
}

/* The word at this offset of struct seccomp_data. */
static struct bpf_filter_state data(const struct call *call, uint32_t offset)
{
    if (offset == offsetof(struct seccomp_data, nr))
        return call->number != ANY_NUMBER ? known((uint32_t)call->number) : unknown;
#ifdef OWN_ARCHITECTURE
    if (offset == offsetof(struct seccomp_data, arch))
        return known(OWN_ARCHITECTURE);
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t low = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)call->argument);
    if (call->argument != ANY_ARGUMENT && (offset == low || offset == low + 4))
        return known(offset == low ? call->value : 0);
#endif
    return unknown;
}

static struct bpf_filter_state load(const struct call *call, const struct sock_filter *instruction)
{
    switch (BPF_MODE(instruction->code)) {
    case BPF_ABS:
        return data(call, instruction->k);
    case BPF_IMM:
        return known(instruction->k);
    case BPF_LEN:
        return known(sizeof(struct seccomp_data));
    default:
        return unknown;
    }
}

static struct bpf_filter_state calculate(struct bpf_filter_state a,
                                         const struct sock_filter *instruction)
{
    if (a.how == KNOWN && BPF_OP(instruction->code) == BPF_AND &&
        BPF_SRC(instruction->code) == BPF_K)
        return known(a.value & instruction->k);
    return unknown;
}

/* Whether a filter's result allows the call, or lets it fail. Errno 0 is harmful, because the call
 * would seem to have succeeded. sendmsg must not fail, because it does the program's own writes
 * (calls/write.c). */
static bool is_harmless(const struct call *call, uint32_t result)
{
    uint32_t action = result & SECCOMP_RET_ACTION_FULL;
    if (action == SECCOMP_RET_ERRNO)
        return (result & SECCOMP_RET_DATA) != 0 && call->number != SYS_sendmsg;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* One more branch reaches this instruction. */
static void reach(struct bpf_filter_state *state, struct bpf_filter_state a)
{
    if (state->how == UNREACHED)
        *state = a;
    else if (a.how != KNOWN || state->how != KNOWN || a.value != state->value)
        *state = unknown;
}

/* The branches that a condition may take. */
enum { IF_TRUE = 1, IF_FALSE = 2 };

static int branches(struct bpf_filter_state a, const struct sock_filter *instruction)
{
    bool is;
    if (a.how != KNOWN || BPF_SRC(instruction->code) != BPF_K)
        return IF_TRUE | IF_FALSE;
    switch (BPF_OP(instruction->code)) {
    case BPF_JEQ:
        is = a.value == instruction->k;
        break;
    case BPF_JGT:
        is = a.value > instruction->k;
        break;
    case BPF_JGE:
        is = a.value >= instruction->k;
        break;
    case BPF_JSET:
        is = (a.value & instruction->k) != 0;
        break;
    default:
        return IF_TRUE | IF_FALSE;
    }
    return is ? IF_TRUE : IF_FALSE;
}

/* Marks what a jump at `at` reaches. False: it is not within the program. */
static bool jump(struct bpf_filter_state *states, size_t n, size_t at,
                 const struct sock_filter *instruction)
{
    struct bpf_filter_state a = states[at];
    size_t left = n - at - 1;
    if (BPF_OP(instruction->code) == BPF_JA) {
        if (instruction->k >= left)
            return false;
        reach(&states[at + 1 + instruction->k], a);
        return true;
    }
    if (instruction->jt >= left || instruction->jf >= left)
        return false;
    int which = branches(a, instruction);
    if (which & IF_TRUE)
        reach(&states[at + 1 + instruction->jt], a);
    if (which & IF_FALSE)
        reach(&states[at + 1 + instruction->jf], a);
    return true;
}

/* Marks the instructions that follow this one, which is no return. False: it is the last. */
static bool step(struct bpf_filter_state *states, size_t n, size_t at,
                 const struct sock_filter *instruction, const struct call *call)
{
    struct bpf_filter_state a = states[at];
    switch (BPF_CLASS(instruction->code)) {
    case BPF_JMP:
        return jump(states, n, at, instruction);
    case BPF_LD:
        a = load(call, instruction);
        break;
    case BPF_ALU:
        a = calculate(a, instruction);
        break;
    case BPF_MISC:
        if (BPF_MISCOP(instruction->code) == BPF_TXA)
            a = unknown;
        break;
    default: /* the index register and memory */
        break;
    }
    if (at + 1 == n)
        return false;
    reach(&states[at + 1], a);
    return true;
}

static bool lets_pass(const struct sock_filter *code, size_t n, struct bpf_filter_state *states,
                      const struct call *call)
{
    nolibc_zero(states, n * sizeof *states); /* UNREACHED */
    states[0] = unknown;
    for (size_t at = 0; at < n; at++) {
        if (states[at].how == UNREACHED)
            continue;
        if (BPF_CLASS(code[at].code) != BPF_RET) {
            if (!step(states, n, at, &code[at], call))
                return false;
            continue;
        }
        struct bpf_filter_state result = BPF_RVAL(code[at].code) == BPF_K ? known(code[at].k)
                                                                          : states[at];
        if (result.how != KNOWN || !is_harmless(call, result.value))
            return false;
    }
    return true;
}

/* Arguments that filters often examine. We know which values we pass. */
static const struct call particular[] = {
    {SYS_socket, 0, AF_UNIX},        {SYS_fcntl, 1, F_DUPFD},     {SYS_fcntl, 1, F_DUPFD_CLOEXEC},
    {SYS_fcntl, 1, F_GETFD},         {SYS_fcntl, 1, F_GETFL},     {SYS_fcntl, 1, F_SETFL},
    {SYS_getsockopt, 1, SOL_SOCKET}, {SYS_prctl, 0, PR_GET_NAME},
};

static const long numbers[] = {
#define NUMBER(name, kind) SYS_##name,
    SYSCALLS_USED(NUMBER)
#undef NUMBER
};

static bool may_call(const struct sock_filter *code, size_t n, struct bpf_filter_state *room,
                     long number)
{
    bool listed = false, may = true;
    for (size_t i = 0; i < sizeof particular / sizeof *particular; i++) {
        if (particular[i].number != number)
            continue;
        listed = true;
        may = may && lets_pass(code, n, room, &particular[i]);
    }
    const struct call whatever = {.number = number, .argument = ANY_ARGUMENT};
    return listed ? may : lets_pass(code, n, room, &whatever);
}

uint32_t bpf_filter_forbids(const struct sock_filter *code, size_t n, struct bpf_filter_state *room)
{
    const struct call any = {.number = ANY_NUMBER, .argument = ANY_ARGUMENT};
    uint32_t kinds = lets_pass(code, n, room, &any) ? 0 : SYSCALL_OTHER;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if ((kinds & syscall_kind_of(numbers[i])) == 0 && !may_call(code, n, room, numbers[i]))
            kinds |= syscall_kind_of(numbers[i]);
    if (kinds & SYSCALL_CLOSE) /* what could not be closed must not be opened */
        kinds |= SYSCALL_CONNECT | SYSCALL_DUPLICATE | SYSCALL_OPEN;
    return kinds;
}
