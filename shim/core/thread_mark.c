/* thread_mark.c: tells threads apart without a system call. */
#include "shim/core/thread_mark.h"

__thread char thread_mark;
