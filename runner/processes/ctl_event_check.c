/* ctl_event_check.c: see ctl_event_check.h. */
#include "runner/processes/ctl_event_check.h"

#include <string.h>

static size_t crash_size(const struct sscap_event *event, size_t length)
{
    struct sscap_crash crash;
    const char *bytes = (const char *)event;
    size_t at = sizeof *event + sizeof crash;
    if (length < at)
        return 0;
    memcpy(&crash, bytes + sizeof *event, sizeof crash);
    if (crash.frames > SSCAP_FRAMES_MAX || crash.modules > SSCAP_MODULES_MAX ||
        crash.left_length > SSCAP_LEFT_MAX)
        return 0;
    at += crash.frames * sizeof(uint64_t);
    for (uint32_t i = 0; i < crash.modules; i++) {
        struct sscap_module module;
        if (length < at + sizeof module)
            return 0;
        memcpy(&module, bytes + at, sizeof module);
        if (module.path_length > SSCAP_PATH_MAX || module.build_id_length > SSCAP_BUILD_ID_MAX)
            return 0;
        at += sizeof module + module.path_length;
    }
    return at + crash.left_length;
}

static size_t image_size(const struct sscap_event *event, size_t length)
{
    struct sscap_image image;
    if (length < sizeof *event + sizeof image)
        return 0;
    memcpy(&image, event + 1, sizeof image);
    if (image.argv_length > SSCAP_ARGV_MAX || image.cwd_length > SSCAP_CWD_MAX)
        return 0;
    return sizeof *event + sizeof image + image.argv_length + image.cwd_length;
}

bool ctl_event_is_valid(const struct sscap_event *event, size_t length)
{
    switch (event->type) {
    case SSCAP_EVENT_FORK:
    case SSCAP_EVENT_EXEC:
    case SSCAP_EVENT_SPAWN:
    case SSCAP_EVENT_NAME:
    case SSCAP_EVENT_SILENT:
        return length == sizeof *event;
    case SSCAP_EVENT_IMAGE:
        return length == image_size(event, length);
    case SSCAP_EVENT_EXIT:
        return length == sizeof *event + sizeof(struct sscap_exit);
    case SSCAP_EVENT_CRASH:
        return length == crash_size(event, length);
    case SSCAP_EVENT_REAPED:
        return length == sizeof *event + sizeof(struct sscap_reaped);
    case SSCAP_EVENT_GROUP:
        return length == sizeof *event + sizeof(struct sscap_group);
    case SSCAP_EVENT_LIMITS:
        return length == sizeof *event + sizeof(struct sscap_limits);
    case SSCAP_EVENT_SIGNAL:
        return length == sizeof *event + sizeof(struct sscap_signal);
    default:
        return false;
    }
}
