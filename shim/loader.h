/* loader.h: whether a program's loader can load our library. Shared with the runner. */
#ifndef SSCAP_SHIM_LOADER_H
#define SSCAP_SHIM_LOADER_H

/* The twin is the library for the machine's other word size. The 32-bit one is in this directory,
 * relative to the 64-bit one. */
#define LOADER_TWIN_DIRECTORY "libsscap/lib32/"

enum loader {
    LOADER_OURS,  /* it can load this library; or there is no loader, or we cannot tell */
    LOADER_TWIN,  /* it can load the twin (x86-64 and i386) */
    LOADER_OTHER, /* it can load neither: it is for another machine or another libc */
};

/* For a program or script, as execve would start it. */
enum loader loader_of(int directory, const char *path);

/* The same, as execvp would start it: searched in `search` (the value of PATH, or NULL) unless its
 * name has a '/'. */
enum loader loader_of_command(const char *file, const char *search);

#endif
