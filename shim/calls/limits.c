/* limits.c: setrlimit and prlimit. The runner learns of limits at which the kernel kills, because
 * it names them when that happens. */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "shim/core/limits.h"
#include "shim/core/real.h"
#include "shim/core/send.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* Returns `result`, the wrapped function's. Limits of another process (prlimit) are not followed.
 */
static int set(int result, pid_t process, int resource)
{
    if (result != 0 || !session.joined || (resource != RLIMIT_CPU && resource != RLIMIT_FSIZE) ||
        (process != 0 && process != nolibc_getpid()))
        return result;
    struct sscap_event event = {.type = SSCAP_EVENT_LIMITS, .other = nolibc_getpid()};
    const struct sscap_limits limits = limits_now();
    send_event(&event, &limits, sizeof limits);
    return result;
}

SSCAP_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return set(REAL(setrlimit)(resource, limit), 0, (int)resource);
}

SSCAP_EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
    return set(REAL(setrlimit64)(resource, limit), 0, (int)resource);
}

SSCAP_EXPORT int prlimit(pid_t process, enum __rlimit_resource resource, const struct rlimit *limit,
                         struct rlimit *old)
{
    int result = REAL(prlimit)(process, resource, limit, old);
    return limit != NULL ? set(result, process, (int)resource) : result;
}

SSCAP_EXPORT int prlimit64(pid_t process, enum __rlimit_resource resource,
                           const struct rlimit64 *limit, struct rlimit64 *old)
{
    int result = REAL(prlimit64)(process, resource, limit, old);
    return limit != NULL ? set(result, process, (int)resource) : result;
}
