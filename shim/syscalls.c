/* syscalls.c: which system calls must not be made. */
#include "shim/syscalls.h"

uint32_t syscalls_forbidden;
