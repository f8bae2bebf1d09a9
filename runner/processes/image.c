/* image.c: see image.h. */
#include "runner/processes/image.h"

#include <stdlib.h>
#include <string.h>

#include "runner/kernel/proc.h"

struct image *image_new(const struct sscap_image *image, const char *text)
{
    size_t length = (size_t)image->argv_length + image->cwd_length;
    struct image *copy = malloc(sizeof *copy + length);
    if (copy == NULL)
        return NULL;
    copy->users = 1;
    copy->argc = image->argc;
    copy->argv_length = image->argv_length;
    copy->cwd_length = image->cwd_length;
    memcpy(copy->text, text, length);
    return copy;
}

struct image *image_read(int32_t pid, bool arguments)
{
    char text[SSCAP_ARGV_MAX + SSCAP_CWD_MAX];
    struct sscap_image image = {0};
    if (arguments)
        image.argv_length = (uint32_t)proc_arguments(pid, text, SSCAP_ARGV_MAX);
    image.cwd_length = (uint32_t)proc_directory(pid, text + image.argv_length, SSCAP_CWD_MAX);
    return image_new(&image, text);
}

struct image *image_share(struct image *image)
{
    if (image != NULL)
        image->users++;
    return image;
}

void image_release(struct image *image)
{
    if (image != NULL && --image->users == 0)
        free(image);
}
