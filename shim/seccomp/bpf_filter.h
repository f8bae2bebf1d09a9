/* bpf_filter.h: finds the system calls of the library that a seccomp filter would punish. */
#ifndef SSCAP_SHIM_SECCOMP_BPF_FILTER_H
#define SSCAP_SHIM_SECCOMP_BPF_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* What is in the accumulator when an instruction is reached. */
struct bpf_filter_state {
    uint32_t how; /* bpf_filter.c */
    uint32_t value;
};

/* The kinds of calls (bits of enum syscall_kind) that the filter `code` may punish. A filter
 * punishes a call unless it allows it or lets it fail. `n` is 1 to BPF_MAXINSNS. `room` is for n
 * states. */
uint32_t bpf_filter_forbids(const struct sock_filter *code, size_t n,
                            struct bpf_filter_state *room);

#endif
