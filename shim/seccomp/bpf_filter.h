/* filter.h: what a seccomp filter has in store for the library's own system calls. */
#ifndef SSCAP_SHIM_SECCOMP_BPF_FILTER_H
#define SSCAP_SHIM_SECCOMP_BPF_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* For each instruction of a filter what is in the accumulator when it is reached. */
struct bpf_filter_state {
    uint32_t how; /* filter.c */
    uint32_t value;
};

/* The kinds of calls, as bits of enum syscall_kind, that `code` (n instructions, 1 to BPF_MAXINSNS)
 * may punish: with anything but letting them pass or fail. `room` is for n states. */
uint32_t bpf_filter_forbids(const struct sock_filter *code, size_t n,
                            struct bpf_filter_state *room);

#endif
