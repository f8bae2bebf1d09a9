/* limits.h: this process's limits at which the kernel kills. */
#ifndef SSCAP_SHIM_CORE_LIMITS_H
#define SSCAP_SHIM_CORE_LIMITS_H

#include "shim/wire.h"

struct sscap_limits limits_now(void);

#endif
