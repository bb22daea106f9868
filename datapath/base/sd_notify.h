/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tells systemd how the service is doing (sd_notify(3)), without its library.
 *
 * Threads: main. Memory: none.
 */

/* Sends "READY=1", "STOPPING=1"… to $NOTIFY_SOCKET. Does nothing when there is none. */
void sd_notify(const char *state);
