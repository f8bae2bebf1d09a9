/* announce_image.c: tells the runner which program this process runs, with its arguments, working
 * directory, rank and limits. */
#define _GNU_SOURCE
#include "shim/core/announce_image.h"

#include <sys/prctl.h>

#include "shim/core/limits.h"
#include "shim/core/send.h"
#include "shim/core/session.h"

#include "shim/nolibc.h"

/* Only the runner defines it (runner/main.c). */
extern const char sscap_is_runner __attribute__((weak));

/* A number of at most nine digits; -1: the text is none. */
static int32_t read_rank(const char *text)
{
    int32_t rank = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 9; n++)
        rank = rank * 10 + (text[n] - '0');
    return n > 0 && text[n] == '\0' ? rank : -1;
}

static int32_t own_rank(char *const envp[])
{
    static const char *const names[SSCAP_RANK_VARIABLES_COUNT] = SSCAP_RANK_VARIABLES;
    for (size_t i = 0; i < SSCAP_RANK_VARIABLES_COUNT; i++) {
        const char *value = nolibc_getenv(envp, names[i]);
        if (value != NULL)
            return read_rank(value);
    }
    return -1;
}

/* Writes as many arguments as there is room for. The last of them may be cut. */
static char *put_arguments(char *text, int argc, char *const argv[])
{
    char *to = text;
    for (int i = 0; i < argc && argv[i] != NULL; i++) {
        size_t length = nolibc_length(argv[i]) + 1;
        size_t room = SSCAP_ARGV_MAX - (size_t)(to - text);
        if (length > room) {
            length = room;
            argc = i;
        }
        to = nolibc_copy(to, argv[i], length);
    }
    if (to > text)
        to[-1] = '\0';
    return to;
}

/* Returns the bytes that were written to `text`. */
static uint32_t describe_image(struct sscap_image *image, char *text, int argc, char *const argv[])
{
    char *to = session.flags & SSCAP_FLAG_ARGS ? put_arguments(text, argc, argv) : text;
    image->argc = (uint32_t)argc;
    image->argv_length = (uint32_t)(to - text);
    long length = RAW_SYSCALL(SYS_getcwd, to, SSCAP_CWD_MAX); /* includes the NUL */
    image->cwd_length = length > 1 && to[0] == '/' ? (uint32_t)length - 1 : 0;
    return image->argv_length + image->cwd_length;
}

void announce_image(int argc, char *const argv[], char *const envp[])
{
    struct {
        struct sscap_image head;
        char text[SSCAP_ARGV_MAX + SSCAP_CWD_MAX];
    } image;
    struct sscap_event event = {.type = SSCAP_EVENT_IMAGE,
                                .other = (int32_t)RAW_SYSCALL(SYS_getppid),
                                .rank = own_rank(envp)};
    RAW_SYSCALL(SYS_prctl, PR_GET_NAME, event.name, 0, 0, 0);
    image.head = (struct sscap_image){
        .limits = limits_now(),
        .flags = &sscap_is_runner != NULL ? SSCAP_IMAGE_RUNNER : 0,
    };
    uint32_t length = describe_image(&image.head, image.text, argc, argv);
    send_event(&event, &image, (uint32_t)sizeof image.head + length);
}
