/* descriptors.h: see descriptors.c. */
#ifndef SSCAP_SHIM_CALLS_NEW_DESCRIPTORS_H
#define SSCAP_SHIM_CALLS_NEW_DESCRIPTORS_H

/* The program has just got descriptor fd, as the lowest that was free (-1: it has not). Returns
 * what it would have got without ctl: where that was in the way, fd has its number now. errno is as
 * it was. */
int new_descriptor(int fd);

#endif
