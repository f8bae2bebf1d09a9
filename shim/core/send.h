/* send.h: sends events and stream frames to the runner. */
#ifndef SSCAP_SHIM_CORE_SEND_H
#define SSCAP_SHIM_CORE_SEND_H

#include <stdint.h>
#include <sys/socket.h>

#include "shim/wire.h"

/* Nothing can be sent without these kinds of system calls (shim/syscalls.h). */
#define SEND_NEEDS (SYSCALL_IDS | SYSCALL_COOKIE | SYSCALL_SEND)

/* Sends an event and the `length` bytes that its type carries. The caller fills in type, other,
 * streams and name. The event goes through ctl, else through the named socket, else through a
 * captured stream. Waits a short time if the runner is behind. Says nothing if it fails. */
void send_event(struct sscap_event *event, const void *payload, uint32_t length);

/* Waits until the runner has read what was sent through ctl. Gives up after 50 ms, and at once if
 * the program has closed ctl. */
void send_wait_for_runner(void);

/* Sends one stream frame to fd if fd is a captured stream. Returns the stream (enum sscap_stream),
 * or -1 if fd is none or the frame was not sent. */
int send_frame(int fd, const struct sscap_frame *frame, const void *payload);

/* The header of a stream frame of this session. */
struct sscap_frame send_frame_header(enum sscap_frame_type type, uint32_t length, uint32_t tid);

/* How many of `wanted` payload bytes one frame to this stream can carry so that the kernel does not
 * split it. At least 1. */
uint32_t send_frame_capacity(int fd, size_t wanted);

/* Finishes a frame of which the kernel has taken only `sent` bytes. Changes the message and its
 * iovecs. Returns 0 or -errno. No cancellation point. */
int send_rest_of_frame(int fd, struct msghdr *message, size_t sent);

#endif
