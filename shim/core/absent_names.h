/* absent_names.h: hides those of our names that this process's libc does not have. */
#ifndef SSCAP_SHIM_CORE_ABSENT_NAMES_H
#define SSCAP_SHIM_CORE_ABSENT_NAMES_H

/* The constructor calls it, after real_init. */
void absent_names_hide(void);

#endif
