/* hold.c: see hold.h. */
#define _GNU_SOURCE
#include "shim/core/private_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "shim/core/session.h"

#include "shim/nolibc.h"

enum {
    SLOTS = 32,        /* threads that write at the same moment; more are not framed */
    FD_MIN = 701,      /* where no program looks */
    FD_MIN_LOW = 10,   /* where RLIMIT_NOFILE is below that */
    SLOT_NONE = SLOTS, /* of a hold that is the program's own descriptor */
    SLOT_TAKEN = -1,   /* the number is not known yet */
};

/* Descriptors held now. A vfork child uses them too; what it leaves behind when it is killed is
 * told apart by its cookie. */
static struct {
    int fd;            /* 0: a free slot */
    const void *owner; /* the thread's mark */
} slots[SLOTS];

/* The numbers from FD_MIN on (a bit each) that were taken or let go of since the last fork began.
 * The kernel copies the descriptors before it copies the memory (copy_process in kernel/fork.c): in
 * the child a slot may be free and its descriptor open. Where two threads fork at the same time,
 * the first one's child may keep one. */
static uint64_t moved;

enum { MOVED_BITS = 64 };

static uint64_t bit_of(int fd)
{
    return fd >= FD_MIN && fd < FD_MIN + MOVED_BITS ? (uint64_t)1 << (fd - FD_MIN) : 0;
}

static void note_moved(int fd)
{
    uint64_t bit = bit_of(fd);
    if ((__atomic_load_n(&moved, __ATOMIC_RELAXED) & bit) != bit)
        __atomic_fetch_or(&moved, bit, __ATOMIC_RELAXED);
}

/* Its address tells threads apart; the child of a fork has that of its forking thread. */
static __thread char thread_mark;

static bool take_slot(unsigned int *ret_slot)
{
    for (unsigned int i = 0; i < SLOTS; i++) {
        int free_slot = 0;
        if (__atomic_load_n(&slots[i].fd, __ATOMIC_RELAXED) == 0 &&
            __atomic_compare_exchange_n(&slots[i].fd, &free_slot, SLOT_TAKEN, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            slots[i].owner = &thread_mark;
            *ret_slot = i;
            return true;
        }
    }
    return false;
}

/* sys/single_threaded.h, glibc 2.32. */
extern char __libc_single_threaded __attribute__((weak));

/* Nobody can turn fd to something else while we write, so no duplicate is needed: it works without
 * a free descriptor, too, and writes to no page that a forked child would have to copy. */
static bool is_alone(void)
{
    return &__libc_single_threaded != NULL && __libc_single_threaded;
}

/* A thread that may be cancelled at any instruction must not be while it holds something: it is
 * where it waits (sendmsg), and the caller's cleanup lets go of it; else once it has let go. Not in
 * libc proper before glibc 2.34. */
#pragma weak pthread_setcanceltype
static int set_cancel_type(int type)
{
    int old = PTHREAD_CANCEL_DEFERRED;
    if (&pthread_setcanceltype != NULL)
        (void)pthread_setcanceltype(type, &old);
    return old;
}

static int duplicate(int fd)
{
    long held = RAW_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FD_MIN);
    if (held == -EINVAL)
        held = RAW_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FD_MIN_LOW);
    return held < 0 ? -1 : (int)held;
}

struct private_fd private_fd_open(int fd)
{
    if (is_alone())
        return (struct private_fd){.fd = fd, .slot = SLOT_NONE, .cookie = session_cookie(fd)};
    struct private_fd hold = {.fd = -1, .cancel_type = set_cancel_type(PTHREAD_CANCEL_DEFERRED)};
    if (take_slot(&hold.slot)) {
        hold.fd = duplicate(fd);
        note_moved(hold.fd);
        __atomic_store_n(&slots[hold.slot].fd, hold.fd < 0 ? 0 : hold.fd, __ATOMIC_RELEASE);
    }
    if (hold.fd >= 0)
        hold.cookie = session_cookie(hold.fd);
    else
        set_cancel_type(hold.cancel_type);
    return hold;
}

void private_fd_close(struct private_fd *hold)
{
    if (hold->fd < 0 || hold->slot == SLOT_NONE)
        return;
    note_moved(hold->fd);
    RAW_SYSCALL(SYS_close, hold->fd);
    __atomic_store_n(&slots[hold->slot].fd, 0, __ATOMIC_RELEASE);
    hold->fd = -1;
    set_cancel_type(hold->cancel_type);
}

void private_fd_before_fork(void)
{
    if (__atomic_load_n(&moved, __ATOMIC_RELAXED) != 0)
        __atomic_store_n(&moved, 0, __ATOMIC_SEQ_CST);
}

/* Whether a number is a duplicate that a thread of the parent held. */
static bool is_left_over(int fd)
{
    return RAW_SYSCALL(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC && session_is_ours(session_cookie(fd));
}

/* Whether a slot has this number, or may get it in a moment. */
static bool is_in_slots(int fd)
{
    for (unsigned int i = 0; i < SLOTS; i++) {
        int held = __atomic_load_n(&slots[i].fd, __ATOMIC_ACQUIRE);
        if (held == fd || held == SLOT_TAKEN)
            return true;
    }
    return false;
}

/* Between the two questions it may be taken, and let go of again; hardly so each time. */
bool private_fd_may_be(int fd)
{
    enum { TIMES = 4 };
    if (fd < FD_MIN || fd >= FD_MIN + SLOTS || is_alone())
        return false;
    for (int i = 0; i < TIMES; i++) {
        if (is_in_slots(fd))
            return true;
        long flags = RAW_SYSCALL(SYS_fcntl, fd, F_GETFD);
        if (flags != FD_CLOEXEC)
            return flags < 0;
    }
    return false;
}

void private_fd_after_fork(void)
{
    uint64_t suspects = moved;
    uint64_t own =
        0; /* where a signal's handler forks, what it has interrupted goes on in the child */
    for (unsigned int i = 0; i < SLOTS; i++) {
        int fd = slots[i].fd;
        if (fd == 0)
            continue;
        if (slots[i].owner == &thread_mark) {
            own |= bit_of(fd);
            continue;
        }
        if (fd == SLOT_TAKEN)
            suspects = UINT64_MAX;
        else if (is_left_over(fd))
            RAW_SYSCALL(SYS_close, fd);
        slots[i].fd = 0;
    }
    suspects &= ~own;
    for (int fd = FD_MIN; suspects != 0; fd++, suspects >>= 1)
        if (suspects & 1 && is_left_over(fd))
            RAW_SYSCALL(SYS_close, fd);
}
