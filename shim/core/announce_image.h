/* announce_image.h: tells the runner which program this process runs. */
#ifndef SSCAP_SHIM_CORE_ANNOUNCE_IMAGE_H
#define SSCAP_SHIM_CORE_ANNOUNCE_IMAGE_H

/* Sends SSCAP_EVENT_IMAGE. The constructor calls it with what main gets. */
void announce_image(int argc, char *const argv[], char *const envp[]);

#endif
