/* process.h: telling the runner of new processes and program images. */
#ifndef SSCAP_SHIM_PROCESS_H
#define SSCAP_SHIM_PROCESS_H

/* The name that the kernel will give to a program run from this path, into name[SSCAP_NAME_SIZE]. */
void process_name(char *name, const char *path);

#endif
