/* library_name.h: recognises the library in LD_PRELOAD. Shared with the runner. */
#ifndef SSCAP_SHIM_LIBRARY_NAME_H
#define SSCAP_SHIM_LIBRARY_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/wire.h"

/* Whether an entry of LD_PRELOAD is the library, in whatever directory. */
static inline bool library_name_is(const char *entry, size_t length)
{
    static const char name[] = SSCAP_LIBRARY_NAME;
    enum { NAME_LENGTH = sizeof name - 1 };
    if (length < NAME_LENGTH || (length > NAME_LENGTH && entry[length - NAME_LENGTH - 1] != '/'))
        return false;
    for (size_t i = 0; i < NAME_LENGTH; i++)
        if (entry[length - NAME_LENGTH + i] != name[i])
            return false;
    return true;
}

#endif
