/* loader.h: what the loader of a program that is about to be executed can do with our library.
 * Shared with the runner. */
#ifndef SSCAP_SHIM_LOADER_H
#define SSCAP_SHIM_LOADER_H

/* Where the library for the machine's other word size is, seen from the directory of the 64-bit
 * one. */
#define LOADER_TWIN_DIRECTORY "libsscap/lib32/"

enum loader {
    LOADER_OURS,  /* it takes this library; or there is no loader, or nobody knows */
    LOADER_TWIN,  /* it takes the library's twin for the other word size (x86-64 and i386) */
    LOADER_OTHER, /* it takes neither: another machine's, or another libc's */
};

/* Of a program or script, as execve would start it. */
enum loader loader_of(int directory, const char *path);

/* The same as execvp would: looked for along `search` (the value of PATH, or NULL) unless its name
 * has a '/'. */
enum loader loader_of_command(const char *file, const char *search);

#endif
