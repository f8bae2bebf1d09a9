/* image.h: the arguments and the working directory with which a program was started. A process
 * shares them with the processes that it forks and with the evidence of its end. */
#ifndef SSCAP_RUNNER_PROCESSES_IMAGE_H
#define SSCAP_RUNNER_PROCESSES_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/wire.h"

struct image {
    unsigned int users;
    uint32_t argc, argv_length, cwd_length; /* as in struct sscap_image */
    char text[];
};

/* Copies `image` and the argv_length and cwd_length bytes of `text` after it, for one user. NULL:
 * no memory. */
struct image *image_new(const struct sscap_image *image, const char *text);

/* Reads the image from /proc; without `arguments`, only the directory. NULL: no memory. */
struct image *image_read(int32_t pid, bool arguments);

/* Adds a user and returns image, which may be NULL. */
struct image *image_share(struct image *image);

/* Removes a user. Removing the last one frees the image, which may be NULL. */
void image_release(struct image *image);

#endif
