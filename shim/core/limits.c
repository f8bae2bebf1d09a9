/* limits.c: reads this process's limits at which the kernel kills. */
#define _GNU_SOURCE
#include "shim/core/limits.h"

#include <sys/resource.h>

#include "shim/nolibc.h"

/* RLIM64_INFINITY is SSCAP_UNLIMITED, which is also the answer where the call fails. */
static struct rlimit64 limit_of(int resource)
{
    struct rlimit64 limit = {.rlim_cur = SSCAP_UNLIMITED, .rlim_max = SSCAP_UNLIMITED};
    RAW_SYSCALL(SYS_prlimit64, 0, resource, NULL, &limit);
    return limit;
}

struct sscap_limits limits_now(void)
{
    struct rlimit64 cpu = limit_of(RLIMIT_CPU);
    return (struct sscap_limits){
        .cpu_soft = cpu.rlim_cur,
        .cpu_hard = cpu.rlim_max,
        .file_size = limit_of(RLIMIT_FSIZE).rlim_cur,
    };
}
