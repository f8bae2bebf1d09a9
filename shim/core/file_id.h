/* file_id.h: what identifies a file, whatever its path. */
#ifndef SSCAP_SHIM_CORE_FILE_ID_H
#define SSCAP_SHIM_CORE_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>

struct file_id {
    uint32_t device_major, device_minor;
    uint64_t inode;
    uint32_t mode; /* the file's type */
};

/* Arguments as for statx(2). False: the kernel does not tell. */
bool file_id_get(int directory, const char *path, int flags, struct file_id *ret_id);

/* Of an open descriptor. */
bool file_id_of(int fd, struct file_id *ret_id);

bool file_id_equal(const struct file_id *a, const struct file_id *b);

#endif
