/* command_environment.c: see command_environment.h. */
#define _GNU_SOURCE
#include "runner/launch/command_environment.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim/library_name.h"
#include "shim/loader.h"
#include "shim/wire.h"

#define PRELOAD "LD_PRELOAD"

extern char **environ;

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
        return 0;
    return cookie;
}

static char *session_variable(const struct channels *channels, const struct options *options,
                              int ctl_fd)
{
    char *variable = NULL;
    char text[SSCAP_SESSION_LENGTH + 1];
    unsigned long long nonce[2];
    memcpy(nonce, channels->nonce, sizeof nonce);
    int err = options->stderr_mode == STDERR_MERGE ? SSCAP_OUT : SSCAP_ERR;
    snprintf(text, sizeof text, SSCAP_SESSION_FORMAT, SSCAP_WIRE_VERSION, (unsigned int)ctl_fd,
             (unsigned int)getpid(),
             (unsigned long long)cookie_of(channels->stream_peer[SSCAP_OUT]),
             (unsigned long long)cookie_of(channels->stream_peer[err]),
             (unsigned long long)cookie_of(channels->ctl_peer), nonce[0], nonce[1], channels->flags,
             strtoull(channels->name, NULL, 16));
    if (asprintf(&variable, SSCAP_ENV_SESSION "=%s:%08x", text,
                 sscap_check(text, SSCAP_SESSION_LENGTH)) < 0)
        return NULL;
    return variable;
}

char *command_environment_library(void)
{
    static const char *const places[] = {"", "../lib/", "../lib/sscap/"};
    char self[PATH_MAX];
    const char *told = getenv("SSCAP_LIBRARY");
    if (told != NULL && *told != '\0')
        return realpath(told, NULL);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return NULL;
    self[length] = '\0';
    *(strrchr(self, '/') + 1) = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof path, "%s%s" SSCAP_LIBRARY_NAME, self, places[i]);
        char *found = realpath(path, NULL);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* Chooses the library for the command's loader: this one, or its counterpart for the other word
 * size, whose path goes into twin[PATH_MAX]. NULL: none. */
static const char *library_for_command(const char *library, const struct options *options,
                                       char *twin)
{
    enum loader loader = options->image != NULL
                             ? loader_of(AT_FDCWD, options->image)
                             : loader_of_command(options->command[0], getenv("PATH"));
    int directory = (int)(strrchr(library, '/') + 1 - library);
    switch (loader) {
    case LOADER_OURS:
        return library;
    case LOADER_TWIN:
        snprintf(twin, PATH_MAX, "%.*s" LOADER_TWIN_DIRECTORY SSCAP_LIBRARY_NAME, directory,
                 library);
        return access(twin, R_OK) == 0 ? twin : NULL;
    case LOADER_OTHER:
        break;
    }
    return NULL;
}

/* Makes LD_PRELOAD=LIBRARY (NULL: none), followed by the old entries except this library under any
 * path. */
static char *preload_variable(const char *library)
{
    char *variable;
    const char *old = getenv(PRELOAD);
    if (asprintf(&variable, PRELOAD "=%s:%s", library != NULL ? library : "",
                 old != NULL ? old : "") < 0)
        return NULL;
    char *const value = variable + sizeof PRELOAD;
    char *to = value + (library != NULL ? strlen(library) : 0);
    for (const char *from = to; *from != '\0';) {
        from += strspn(from, ": ");
        size_t length = strcspn(from, ": ");
        if (length > 0 && !library_name_is(from, length)) {
            if (to != value)
                *to++ = ':';
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    *to = '\0';
    return variable;
}

void command_environment_free(struct command_environment *environment)
{
    free(environment->entries);
    free(environment->session);
    free(environment->preload);
    *environment = (struct command_environment){0};
}

bool command_environment_make(struct command_environment *ret, const struct channels *channels,
                              const struct options *options, const char *library, int ctl_fd)
{
    size_t n = 0;
    size_t to = 0;
    while (environ[n] != NULL)
        n++;
    char twin[PATH_MAX];
    struct command_environment made = {
        .entries = calloc(n + 3, sizeof *made.entries),
        .session = session_variable(channels, options, ctl_fd),
        .preload = library != NULL ? preload_variable(library_for_command(library, options, twin))
                                   : NULL,
    };
    if (made.entries == NULL || made.session == NULL || (library != NULL && made.preload == NULL)) {
        command_environment_free(&made);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool ours = strncmp(environ[i], SSCAP_ENV_SESSION "=", sizeof SSCAP_ENV_SESSION) == 0 ||
                    (library != NULL && strncmp(environ[i], PRELOAD "=", sizeof PRELOAD) == 0);
        if (!ours)
            made.entries[to++] = environ[i];
    }
    made.entries[to++] = made.session;
    if (made.preload != NULL && made.preload[sizeof PRELOAD] != '\0')
        made.entries[to] = made.preload;
    *ret = made;
    return true;
}
