/* image.h: what a program was started with: arguments and working directory. Shared by a process,
 * those it forks, and the evidence of its end. */
#ifndef SSCAP_RUNNER_PROCESSES_IMAGE_H
#define SSCAP_RUNNER_PROCESSES_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/wire.h"

struct image {
    unsigned int users;
    uint32_t argc, argv_length, cwd_length; /* as struct sscap_image has it */
    char text[];
};

/* A copy of `image` and of the argv_length and cwd_length bytes of `text` behind it, for one user.
 * NULL: no memory. */
struct image *image_new(const struct sscap_image *image, const char *text);

/* Asks /proc. Without `arguments`: for the directory alone. NULL: no memory. */
struct image *image_read(int32_t pid, bool arguments);

/* One user more; returns image, which may be NULL. */
struct image *image_share(struct image *image);

/* One user less; the last one frees it. It may be NULL. */
void image_release(struct image *image);

#endif
