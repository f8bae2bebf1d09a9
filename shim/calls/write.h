/* write.h: write and its kin on fd 1 and 2. */
#ifndef SSCAP_SHIM_CALLS_WRITE_H
#define SSCAP_SHIM_CALLS_WRITE_H

/* Remembers the calling thread as the main one. The constructor calls it once. */
void write_init(void);

#endif
