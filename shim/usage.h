/* usage.h: resource usage in the units of the wire format. Shared with the runner. */
#ifndef SSCAP_SHIM_USAGE_H
#define SSCAP_SHIM_USAGE_H

#include <sys/resource.h>

#include "shim/wire.h"

static inline struct sscap_usage usage_from_rusage(const struct rusage *usage)
{
    return (struct sscap_usage){
        .user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec,
        .system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec,
        .peak_kb = (uint64_t)usage->ru_maxrss,
    };
}

#endif
