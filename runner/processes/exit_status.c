/* exits.c: see exits.h. */
#include "runner/processes/exit_status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runner/kernel/pidfd.h"
#include "runner/kernel/proc.h"
#include "runner/processes/processes.h"

bool exit_status_known(const struct ending *ending)
{
    return ending->witness >= WITNESS_ZOMBIE;
}

void exit_status_note(struct process *process, enum witness witness, int status,
                      const struct sscap_usage *usage)
{
    struct ending *ending = &process->ending;
    if (usage != NULL && (witness >= ending->witness || !ending->usage_known)) {
        ending->usage = *usage;
        ending->usage_known = true;
    }
    if (witness < ending->witness)
        return;
    ending->witness = witness;
    ending->status = status;
}

void exit_status_note_crash(struct process *process, const struct sscap_crash *crash,
                            uint32_t length)
{
    struct sscap_crash *copy = malloc(length);
    if (copy != NULL) {
        memcpy(copy, crash, length);
        free(process->ending.crash);
        process->ending.crash = copy;
        process->ending.crash_length = length;
    }
    exit_status_note(process, WITNESS_CRASH, crash->signal & 0x7f, NULL);
}

void exit_status_note_signal(struct process *process, int number, int32_t sender,
                             const char *sender_name)
{
    struct ending *ending = &process->ending;
    ending->signal = number;
    ending->sender = sender;
    memcpy(ending->sender_name, sender_name, sizeof ending->sender_name);
}

static bool look_by_pidfd(struct process *process)
{
    int status;
    if (!process->set->features.info || process->exit.fd < 0 ||
        !pidfd_status(process->exit.fd, &status))
        return false;
    exit_status_note(process, WITNESS_PIDFD, status, NULL);
    return true;
}

/* What /proc says is this process's if it still had its pid afterwards. */
static bool look_by_proc(struct process *process)
{
    struct proc_stat stat;
    int pidfd = process->exit.fd;
    if (process->pid <= 0 || process->late || process->replaced ||
        !proc_zombie_status(process->pid, &stat) ||
        !(pidfd >= 0 ? pidfd_unreaped(pidfd) : stat.start == process->start))
        return false;
    const struct sscap_usage usage = {.user_us = stat.user_us, .system_us = stat.system_us};
    exit_status_note(process, WITNESS_ZOMBIE, stat.status, &usage);
    return true;
}

void exit_status_look(struct process *process)
{
    if (!exit_status_known(&process->ending) && !look_by_pidfd(process) && !look_by_proc(process))
        (void)look_by_pidfd(process); /* reaped in between */
}

int32_t exit_status_sender(const struct ending *ending)
{
    int number = WIFSIGNALED(ending->status) ? WTERMSIG(ending->status) : 0;
    if (number != 0 && number == ending->signal)
        return ending->sender;
    return ending->crash != NULL && ending->crash->signal == number ? ending->crash->sender : 0;
}

void exit_status_clear(struct ending *ending)
{
    free(ending->crash);
    free(ending->oom_group);
    *ending = (struct ending){0};
}
