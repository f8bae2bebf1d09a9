/* exit_status.c: see exit_status.h. */
#include "runner/processes/exit_status.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runner/kernel/pidfd.h"
#include "runner/kernel/proc.h"

bool exit_status_known(const struct ending *ending)
{
    return ending->source >= EXIT_FROM_PROC;
}

int exit_status_signal(const struct ending *ending)
{
    bool killed = ending->source != EXIT_UNKNOWN && WIFSIGNALED(ending->status);
    return killed ? WTERMSIG(ending->status) : 0;
}

void exit_status_note(struct ending *ending, enum exit_source source, int status,
                      const struct sscap_usage *usage)
{
    if (usage != NULL && (source >= ending->source || !ending->usage_known)) {
        ending->usage = *usage;
        ending->usage_known = true;
    }
    if (source < ending->source)
        return;
    ending->source = source;
    ending->status = status;
}

void exit_status_note_crash(struct ending *ending, const struct sscap_crash *crash, uint32_t length)
{
    struct sscap_crash *copy = malloc(length);
    if (copy != NULL) {
        memcpy(copy, crash, length);
        free(ending->crash);
        ending->crash = copy;
        ending->crash_length = length;
    }
    exit_status_note(ending, EXIT_FROM_CRASH, crash->signal & 0x7f, NULL);
}

static bool look_by_pidfd(struct ending *ending, const struct exit_query *query)
{
    int status;
    if (!query->pidfd_info || query->pidfd < 0 || !pidfd_status(query->pidfd, &status))
        return false;
    exit_status_note(ending, EXIT_FROM_PIDFD, status, NULL);
    return true;
}

/* What /proc says is this process's if it still had its pid afterwards. */
static bool look_by_proc(struct ending *ending, const struct exit_query *query)
{
    struct proc_stat stat;
    if (query->pid <= 0 || query->pid_reused || !proc_zombie_status(query->pid, &stat) ||
        !(query->pidfd >= 0 ? pidfd_unreaped(query->pidfd) : stat.start == query->start))
        return false;
    const struct sscap_usage usage = {.user_us = stat.user_us, .system_us = stat.system_us};
    exit_status_note(ending, EXIT_FROM_PROC, stat.status, &usage);
    return true;
}

void exit_status_look(struct ending *ending, const struct exit_query *query)
{
    if (!exit_status_known(ending) && !look_by_pidfd(ending, query) && !look_by_proc(ending, query))
        (void)look_by_pidfd(ending, query); /* it was reaped in between */
}

int32_t exit_status_sender(const struct ending *ending, const struct signal_sender **ret_sender)
{
    int number = exit_status_signal(ending);
    *ret_sender = signal_senders_of(&ending->senders, number);
    if (*ret_sender != NULL)
        return (*ret_sender)->pid;
    return ending->crash != NULL && ending->crash->signal == number ? ending->crash->sender : 0;
}

/* Whether the process has used up the hard limit of processor time. The kernel compares the limit
 * with its count of ticks (check_process_timers in posix-cpu-timers.c), but reports time that it
 * has measured. In a virtual machine the second can be some 10 % less. */
static bool has_used_hard_limit(const struct ending *ending)
{
    uint64_t used_us = ending->usage.user_us + ending->usage.system_us;
    uint64_t hard = ending->limits.cpu_hard;
    return hard != SSCAP_UNLIMITED && ending->usage_known && used_us >= hard * 500000;
}

enum exit_limit exit_status_limit(const struct ending *ending)
{
    const struct signal_sender *sender;
    const struct sscap_limits *limits = &ending->limits;
    int number = exit_status_signal(ending);
    if (exit_status_sender(ending, &sender) != 0 || ending->oom_kills > 0)
        return EXIT_LIMIT_NONE;
    if (number == SIGXCPU && limits->cpu_soft != SSCAP_UNLIMITED)
        return EXIT_LIMIT_CPU_SOFT;
    if (number == SIGXFSZ && limits->file_size != SSCAP_UNLIMITED)
        return EXIT_LIMIT_FILE_SIZE;
    return number == SIGKILL && has_used_hard_limit(ending) ? EXIT_LIMIT_CPU_HARD : EXIT_LIMIT_NONE;
}

void exit_status_init(struct ending *ending)
{
    *ending = (struct ending){.limits = {SSCAP_UNLIMITED, SSCAP_UNLIMITED, SSCAP_UNLIMITED}};
}

void exit_status_clear(struct ending *ending)
{
    free(ending->crash);
    free(ending->oom_cgroup);
    exit_status_init(ending);
}
