/* private_fd.c: private duplicates of descriptors. */
#define _GNU_SOURCE
#include "shim/core/private_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "shim/core/file_id.h"
#include "shim/core/objects.h"
#include "shim/core/session.h"
#include "shim/core/thread_mark.h"

#include "shim/nolibc.h"

enum {
    SLOTS = 32,        /* duplicates at the same moment */
    NUMBERS = 64,      /* they lie in first_number to first_number + NUMBERS - 1, */
    FIRST = 701,       /* which begins here where RLIMIT_NOFILE allows it, */
    FIRST_LOW = 10,    /* and never below this: shells use 10 and up, programs the numbers below */
    SLOT_NONE = SLOTS, /* no duplicate: the program's own descriptor */
    SLOT_TAKEN = -1,   /* a slot whose number is not known yet */
};

static int first_number = FIRST;

/* The duplicates that exist now. A vfork child uses the table too. If such a child is killed, its
 * entry stays and costs a slot. */
static struct {
    int fd;            /* 0: a free slot */
    const void *owner; /* the thread's mark */
} slots[SLOTS];

/* How many forks are in progress, and the numbers (a bit each, from first_number on) whose
 * duplicates were closed meanwhile. The kernel copies the descriptors before it copies the memory
 * (copy_process in kernel/fork.c). In the child, a slot may therefore be free although its
 * descriptor is open. */
static int forks;
static uint64_t closed_in_fork;

/* --- numbers --- */

/* Below the soft limit, the numbers near the limit, because programs fill theirs from below. */
static int first_below_limit(void)
{
    struct rlimit64 limit = {0};
    if (RAW_SYSCALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return FIRST_LOW;
    if (limit.rlim_cur >= FIRST + NUMBERS)
        return FIRST;
    int end = (int)limit.rlim_cur;
    int first = end - (end / 2 < NUMBERS ? end / 2 : NUMBERS);
    return first > FIRST_LOW ? first : FIRST_LOW;
}

/* EINVAL: RLIMIT_NOFILE is not above the first number. EMFILE: there is no free number from there
 * up to the limit (fcntl(2)). */
static int duplicate(int fd)
{
    int first = __atomic_load_n(&first_number, __ATOMIC_RELAXED);
    long copy = RAW_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, first);
    if (copy == -EINVAL || copy == -EMFILE) {
        int other = first_below_limit();
        if (other == first)
            return -1;
        __atomic_store_n(&first_number, other, __ATOMIC_RELAXED);
        copy = RAW_SYSCALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, other);
    }
    return copy < 0 ? -1 : (int)copy;
}

static bool is_in_range(int fd, int first)
{
    return fd >= first && fd < first + NUMBERS;
}

static uint64_t bit_of(int fd)
{
    int first = __atomic_load_n(&first_number, __ATOMIC_RELAXED);
    return is_in_range(fd, first) ? (uint64_t)1 << (fd - first) : 0;
}

/* --- duplicates --- */

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

/* __libc_single_threaded of glibc 2.32. It is looked up at its first use, because a library that
 * refers to it does not load with an older glibc. */
static bool is_single_threaded(void)
{
    static const char never = 0;
    static const char *flag;
    const char *found = __atomic_load_n(&flag, __ATOMIC_RELAXED);
    if (found == NULL) {
        found = objects_find_variable("__libc_single_threaded");
        if (found == NULL)
            found = &never;
        __atomic_store_n(&flag, found, __ATOMIC_RELAXED);
    }
    return *(const volatile char *)found != 0;
}

/* With asynchronous cancellation a thread could end at any instruction and leave a duplicate open.
 * With deferred cancellation it can only end in sendmsg, where the caller has a cleanup handler.
 * Before glibc 2.34 the function is not in libc proper. */
#pragma weak pthread_setcanceltype
static int set_cancel_type(int type)
{
    int old = PTHREAD_CANCEL_DEFERRED;
    if (&pthread_setcanceltype != NULL)
        (void)pthread_setcanceltype(type, &old);
    return old;
}

struct private_fd private_fd_duplicate(int fd)
{
    struct private_fd copy = {.fd = -1, .cancel_type = set_cancel_type(PTHREAD_CANCEL_DEFERRED)};
    if (take_slot(&copy.slot)) {
        copy.fd = duplicate(fd);
        __atomic_store_n(&slots[copy.slot].fd, copy.fd < 0 ? 0 : copy.fd, __ATOMIC_RELEASE);
    }
    if (copy.fd >= 0)
        copy.cookie = session_cookie(copy.fd);
    else
        set_cancel_type(copy.cancel_type);
    return copy;
}

/* A process with one thread gets by without a free descriptor, and writes to no page that a forked
 * child would have to copy. */
struct private_fd private_fd_open(int fd)
{
    if (is_single_threaded())
        return (struct private_fd){.fd = fd, .slot = SLOT_NONE, .cookie = session_cookie(fd)};
    return private_fd_duplicate(fd);
}

void private_fd_forget(struct private_fd *copy)
{
    if (copy->fd < 0 || copy->slot == SLOT_NONE)
        return;
    if (__atomic_load_n(&forks, __ATOMIC_SEQ_CST) > 0)
        __atomic_fetch_or(&closed_in_fork, bit_of(copy->fd), __ATOMIC_SEQ_CST);
    __atomic_store_n(&slots[copy->slot].fd, 0, __ATOMIC_RELEASE);
    copy->fd = -1;
    set_cancel_type(copy->cancel_type);
}

void private_fd_close(struct private_fd *copy)
{
    if (copy->fd >= 0 && copy->slot != SLOT_NONE)
        RAW_SYSCALL(SYS_close, copy->fd);
    private_fd_forget(copy);
}

/* --- directory listings --- */

static bool is_same_file(int fd, int other)
{
    struct file_id id, other_id;
    return file_id_of(fd, &id) && file_id_of(other, &other_id) && file_id_equal(&id, &other_id);
}

/* Whether fd has the looks of a duplicate: of one of the session's sockets, or of whatever fd 1 and
 * 2 are. The program may have such descriptors of its own. */
static bool looks_like_ours(int fd)
{
    return RAW_SYSCALL(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC &&
           (session_is_ours(session_cookie(fd)) || is_same_file(fd, STDOUT_FILENO) ||
            is_same_file(fd, STDERR_FILENO));
}

/* `ret_taken`: another slot is about to get a number, which may be this one. */
static bool is_in_slots(int fd, bool *ret_taken)
{
    *ret_taken = false;
    for (unsigned int i = 0; i < SLOTS; i++) {
        int number = __atomic_load_n(&slots[i].fd, __ATOMIC_ACQUIRE);
        if (number == fd)
            return true;
        *ret_taken = *ret_taken || number == SLOT_TAKEN;
    }
    return false;
}

static bool may_be_in_slots(int fd)
{
    int first = __atomic_load_n(&first_number, __ATOMIC_RELAXED);
    return (is_in_range(fd, first) || is_in_range(fd, FIRST)) && !is_single_threaded();
}

bool private_fd_is(int fd)
{
    bool unused;
    return may_be_in_slots(fd) && is_in_slots(fd, &unused) && looks_like_ours(fd);
}

/* Between our look at the slots and our question to the kernel, another thread may open and close a
 * duplicate with this number. It does not do so many times in a row. */
bool private_fd_may_be(int fd)
{
    enum { TIMES = 32 };
    if (!may_be_in_slots(fd))
        return false;
    for (int i = 0; i < TIMES; i++) {
        bool taken;
        if (is_in_slots(fd, &taken) || (taken && looks_like_ours(fd)))
            return true;
        long flags = RAW_SYSCALL(SYS_fcntl, fd, F_GETFD);
        if (flags != FD_CLOEXEC)
            return flags < 0;
    }
    return false;
}

/* --- fork --- */

void private_fd_before_fork(void)
{
    if (is_single_threaded())
        return;
    if (__atomic_fetch_add(&forks, 1, __ATOMIC_SEQ_CST) == 0)
        __atomic_store_n(&closed_in_fork, 0, __ATOMIC_SEQ_CST);
}

static void close_left_over(int fd)
{
    if (looks_like_ours(fd))
        RAW_SYSCALL(SYS_close, fd);
}

/* The thread that forked may have a duplicate itself, because the fork was in a signal handler. The
 * interrupted write goes on in the child. */
static void close_duplicates_of_others(void)
{
    uint64_t suspects = closed_in_fork, own = 0;
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
        else
            close_left_over(fd);
        slots[i].fd = 0;
    }
    suspects &= ~own;
    for (int fd = first_number; suspects != 0; fd++, suspects >>= 1)
        if (suspects & 1)
            close_left_over(fd);
}

void private_fd_after_fork(bool is_child)
{
    if (!is_child && __atomic_load_n(&forks, __ATOMIC_RELAXED) > 0)
        __atomic_fetch_sub(&forks, 1, __ATOMIC_SEQ_CST);
    if (!is_child)
        return;
    close_duplicates_of_others();
    if (forks != 0)
        forks = 0;
}
