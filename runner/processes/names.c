/* names.c: see names.h. */
#include "runner/processes/names.h"

#include <stdio.h>
#include <string.h>

#include "runner/kernel/proc.h"
#include "runner/util.h"

#define REFRESH_NS (1 * NS_PER_MS)

/* The name is as the kernel has it (at most 15 bytes), so a copy of all its bytes is a string. */
static void reach(struct process *process, int stream)
{
    memcpy(process->stream_name[stream], process->name, sizeof process->name);
}

void names_set(struct process *process, const char *name)
{
    snprintf(process->name, sizeof process->name, "%s", name);
    make_safe(process->name);
    process->rank_read = false;
}

void names_reach_streams(struct process *process, uint32_t except)
{
    for (int stream = 0; stream < SSCAP_STREAMS; stream++)
        if (process->frames_due[stream] <= 0 && !(except & 1u << stream))
            reach(process, stream);
}

void names_frame(struct process *process, enum sscap_stream stream, const char *name)
{
    process->frames_due[stream]--;
    snprintf(process->stream_name[stream], SSCAP_NAME_SIZE, "%.*s", SSCAP_NAME_SIZE - 1, name);
    make_safe(process->stream_name[stream]);
    if (process->frames_due[stream] == 0 && process->shimmed)
        reach(process,
              stream); /* its event, which says the same, and what came after that are in already */
}

void names_refresh(struct process *process, uint64_t now)
{
    struct proc_stat stat;
    if (process->shimmed || process->ended || now < process->name_read + REFRESH_NS)
        return;
    process->name_read = now;
    if (process->pid == 0 || !proc_stat(process->pid, &stat))
        return;
    names_set(process, stat.name);
    names_reach_streams(process, 0);
}

int32_t names_rank(struct process *process)
{
    if (!process->rank_read)
        process->rank = proc_rank(process->pid);
    process->rank_read = true;
    return process->rank;
}
