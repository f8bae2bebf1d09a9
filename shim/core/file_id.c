/* file_id.c: what identifies a file, whatever its path. */
#define _GNU_SOURCE
#include "shim/core/file_id.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "shim/nolibc.h"

bool file_id_get(int directory, const char *path, int flags, struct file_id *ret_id)
{
    struct statx status = {0}; /* for the analyser: the kernel fills it in */
    long error = RAW_SYSCALL(SYS_statx, directory, path, flags, STATX_TYPE | STATX_INO, &status);
    if (error != 0)
        return false;
    *ret_id = (struct file_id){.device_major = status.stx_dev_major,
                               .device_minor = status.stx_dev_minor,
                               .inode = status.stx_ino,
                               .mode = status.stx_mode};
    return true;
}

bool file_id_of(int fd, struct file_id *ret_id)
{
    return file_id_get(fd, "", AT_EMPTY_PATH, ret_id);
}

bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
    return a->inode == b->inode && a->device_major == b->device_major &&
           a->device_minor == b->device_minor;
}
