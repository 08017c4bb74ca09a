/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's language: one JSON object a line. A request names a command; the answer
 * has "ok": true and what was asked for, or "ok": false and "error".
 *
 *   command    further members          answer
 *   status                              state, name, pid, partition, vps, memory, console,
 *                                       providers: "serving", "starting" or "died" for each,
 *                                       panic: reason, parameters, text, if the guest has
 *   shutdown   "reboot": true/false     after the guest agreed or refused
 *   stop                                at once; the VM ends
 *   reset                               as by a machine's button: the guest starts anew
 *   pause, resume                       its VPs and its time stand, and go on
 *   console                             "pty": path, or "file": path
 *   stats                               counters of each VP, memory held
 *   log                                 "path" of the log
 *   resize                              disks that have grown are shown to the guest
 *   disks                               once the guest's disks are those that the definition's file
 *                                       has by now
 *   guest                               what the guest tells of itself: heartbeat, kvp and vss are its
 *                                       services' states, names and items texts by their keys; adapters
 *                                       is a list: mac, dhcp, addresses, gateways, name-servers
 *   freeze     "seconds": 1 to 3600     once its file systems stand still; they go on after that time
 *   thaw                                once they go on; an error when that was so before
 *   events                              from now on each event as a line:
 *                                       {"event": "panicked", "reason": "..."}; others are
 *                                       paused, resumed, reset, off, crashed, failed, and of a
 *                                       provider, whose name is the reason: provider-died,
 *                                       provider-restarted, provider-given-up
 */
#ifndef VIRIDIS_VM_CONTROL_JSON_H
#define VIRIDIS_VM_CONTROL_JSON_H

#include <glib.h>

#define CONTROL_LINE_BYTES 4096u

enum control_command {
	CONTROL_STATUS,
	CONTROL_SHUTDOWN,
	CONTROL_STOP,
	CONTROL_CONSOLE,
	CONTROL_STATS,
	CONTROL_LOG,
	CONTROL_EVENTS,
	CONTROL_RESIZE,
	CONTROL_RESET,
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_DISKS,
	CONTROL_GUEST,
	CONTROL_FREEZE,
	CONTROL_THAW,
};

#define CONTROL_SECONDS_MAX 3600

struct control_request {
	enum control_command command;
	gboolean reboot;
	guint seconds; /* 0: it has none */
};

/* A line without its newline; any bytes. */
gboolean control_request_parse(const char *line, gsize length,
                               struct control_request *request, GError **error);

/* The line that asks for it, newline included. */
char *control_request_to_json(const struct control_request *request);

/* {"ok": false, "error": "..."} and a newline. */
char *control_error_to_json(const char *message);

#endif
