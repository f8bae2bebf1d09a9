/* process_name.c: see process_name.h. */
#include "runner/processes/process_name.h"

#include <stdio.h>
#include <string.h>

#include "runner/kernel/proc.h"
#include "runner/util.h"

#define REFRESH_NS (1 * NS_PER_MS)

/* The kernel's name has at most 15 bytes, so a copy of the whole array is a string. */
static void reach(struct process *process, int stream)
{
    memcpy(process->stream_name[stream], process->name, sizeof process->name);
}

void process_name_set(struct process *process, const char *name)
{
    snprintf(process->name, sizeof process->name, "%s", name);
    make_safe(process->name);
    process->rank_read = false;
}

void process_name_reach_streams(struct process *process, uint32_t except)
{
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        if (process->frames_due[stream] <= 0 && !(except & 1u << stream))
            reach(process, stream);
}

void process_name_frame(struct process *process, enum sscap_stream stream, const char *name)
{
    process->frames_due[stream]--;
    snprintf(process->stream_name[stream], SSCAP_NAME_SIZE, "%.*s", SSCAP_NAME_SIZE - 1, name);
    make_safe(process->stream_name[stream]);
    /* The frame's event, which says the same, and later events have been taken in already. */
    if (process->frames_due[stream] == 0 && process->has_library)
        reach(process, stream);
}

void process_name_refresh(struct process *process, uint64_t now)
{
    struct proc_stat stat;
    if (process->has_library || process->ended || now < process->name_read + REFRESH_NS)
        return;
    process->name_read = now;
    if (process->pid == 0 || !proc_stat(process->pid, &stat))
        return;
    process_name_set(process, stat.name);
    process_name_reach_streams(process, 0);
}

int32_t process_name_rank(struct process *process)
{
    if (!process->rank_read)
        process->rank = proc_rank(process->pid);
    process->rank_read = true;
    return process->rank;
}
