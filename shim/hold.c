/* hold.c: see hold.h. */
#define _GNU_SOURCE
#include "shim/hold.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "shim/session.h"

#include "shim/guest.h"

enum {
    SLOTS = 32,        /* threads that write at the same moment; more are not framed */
    FD_MIN = 701,      /* where no program looks */
    FD_MIN_LOW = 10,   /* where RLIMIT_NOFILE is below that */
    SLOT_NONE = SLOTS, /* of a hold that is the program's own descriptor */
    SLOT_TAKEN = -1,   /* the number is not known yet */
};

/* Descriptors held now; 0: a free slot. A vfork child uses them too; what it leaves behind when it is killed is told apart by its cookie. */
static int slots[SLOTS];

static bool take_slot(unsigned int *ret_slot)
{
    for (unsigned int i = 0; i < SLOTS; i++) {
        int free_slot = 0;
        if (__atomic_load_n(&slots[i], __ATOMIC_RELAXED) == 0 &&
            __atomic_compare_exchange_n(&slots[i], &free_slot, SLOT_TAKEN, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            *ret_slot = i;
            return true;
        }
    }
    return false;
}

/* sys/single_threaded.h, glibc 2.32. */
extern char __libc_single_threaded __attribute__((weak));

/* Nobody can turn fd to something else while we write, so no duplicate is needed: it works without a free descriptor, too, and writes to
 * no page that a forked child would have to copy. */
static bool is_alone(void)
{
    return &__libc_single_threaded != NULL && __libc_single_threaded;
}

struct hold hold_get(int fd)
{
    struct hold hold = {.fd = -1};
    if (is_alone())
        return (struct hold){.fd = fd, .slot = SLOT_NONE, .cookie = session_cookie(fd)};
    if (!take_slot(&hold.slot))
        return hold;
    long held = GUEST_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FD_MIN);
    if (held == -EINVAL)
        held = GUEST_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FD_MIN_LOW);
    __atomic_store_n(&slots[hold.slot], held < 0 ? 0 : (int)held, __ATOMIC_RELEASE);
    if (held < 0)
        return hold;
    hold.fd = (int)held;
    hold.cookie = session_cookie(hold.fd);
    return hold;
}

void hold_release(struct hold *hold)
{
    if (hold->fd < 0 || hold->slot == SLOT_NONE)
        return;
    GUEST_SYSCALL(SYS_close, hold->fd);
    __atomic_store_n(&slots[hold->slot], 0, __ATOMIC_RELEASE);
    hold->fd = -1;
}

void hold_after_fork(void)
{
    for (unsigned int i = 0; i < SLOTS; i++) {
        int fd = slots[i];
        if (fd == 0)
            continue;
        if (fd > 0 && session_is_ours(session_cookie(fd)))
            GUEST_SYSCALL(SYS_close, fd);
        slots[i] = 0;
    }
}
