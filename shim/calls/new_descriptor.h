/* new_descriptor.h: gives ctl's number to a program that needs it. */
#ifndef SSCAP_SHIM_CALLS_NEW_DESCRIPTOR_H
#define SSCAP_SHIM_CALLS_NEW_DESCRIPTOR_H

/* The program has got descriptor `fd`, the lowest free number, or -1. Returns the number that it
 * would have got without ctl. If that is ctl's number, the descriptor has it now. Keeps errno. */
int new_descriptor(int fd);

#endif
