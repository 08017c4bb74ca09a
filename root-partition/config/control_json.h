/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's language: one JSON object a line. A request names a command; the answer
 * has "ok": true and what was asked for, or "ok": false with "error" for people and "code" for programs
 * (error_code.h).
 *
 *   command    further members          answer
 *   version                             "version" of this language, "commands": their names
 *   status                              state, name, pid, partition, vps, memory, console,
 *                                       providers: "serving", "starting" or "died" for each,
 *                                       panic: reason, parameters, text, if the guest has;
 *                                       lost-disks: LUNs whose server is waited for, if any is
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
 *   nets                                likewise its network adapters
 *   guest                               what the guest tells of itself: heartbeat, kvp and vss are its
 *                                       services' states, names and items texts by their keys; adapters
 *                                       is a list: mac, dhcp, addresses, gateways, name-servers
 *   freeze     "seconds": 1 to 3600     once its file systems stand still; they go on after that time
 *   weight     "weight": 1 to 10000     its share of CPUs beside other VMs', of which each has 100, until it ends
 *   thaw                                once they go on; an error when that was so before
 *   item       "key": text, "value":    once the guest's daemon keeps it for the guest's programs;
 *              text, or none            without a value, once it has forgotten it
 *   copy       "path": in the guest,    once the guest has made the file: this connection gives it its bytes, and the
 *              "size": 0 on,            guest removes it when the connection ends before they are all there
 *              "overwrite": true/false
 *   copy-data  "data": base64, of       once the guest has written the next piece; an error ends the copy
 *              3000 bytes at most
 *   copy-end                            once the file is whole
 *   events                              "sequence" of the last event; from now on each event as a line
 *
 * Every request may have "id": 0 to 2^53 - 1, which its answer has too: answers need not come in the order of
 * their requests. And "version": 1, which is refused by a worker that speaks another. A member that the command has
 * not is refused by its name, in "member" of the answer; the connection goes on. A line that is too long is
 * answered, and ends it.
 *
 * Events: {"event": NAME, "sequence": N, "source": WHO, "reason": TEXT}. Each has the number after the last one's;
 * the first of a worker has 1.
 *
 *   event                               source     reason
 *   paused, resumed                     request    -
 *   reset                               request or guest: why the machine is made anew
 *   running                             worker     it runs again after the reset
 *   panicked, crashed                   guest      what it told, or did
 *   off                                 request, guest or host: who ended it
 *   failed                              host       what broke
 *   provider-died, provider-restarted,
 *   provider-given-up                   provider   its name
 *   disk-lost, disk-back                provider   the disk whose server is
 *   device-added, device-removed        request    "disk"; "lun" is which. Or "net"; "mac" is which
 *   guest                               guest      "heartbeat ready", "kvp ready" and so on: there is news to ask for
 *   watchdog                            guest      no heartbeat came for ten seconds
 *   lost                                worker     "count" events, "first" to "last", which this client was too slow
 *                                                  to read; it has no number of its own
 */
#ifndef VIRIDIS_VM_CONTROL_JSON_H
#define VIRIDIS_VM_CONTROL_JSON_H

#include <stdint.h>

#include "root-partition/config/error_code.h"

#define CONTROL_LINE_BYTES   4096u
#define CONTROL_VERSION      1
#define CONTROL_ID_MAX       ((INT64_C(1) << 53) - 1)
#define CONTROL_MEMBER_BYTES 64u

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
	CONTROL_GET_VERSION,
	CONTROL_WEIGHT,
	CONTROL_ITEM,
	CONTROL_NETS,
	CONTROL_COPY,
	CONTROL_COPY_DATA,
	CONTROL_COPY_END,
};

#define CONTROL_SECONDS_MAX 3600
#define CONTROL_WEIGHT_MAX  10000

/* Of an item, with the zero at the end: what a packet of key-value exchange holds. */
#define CONTROL_KEY_BYTES   256u
#define CONTROL_VALUE_BYTES 1024u

/* Of a file for the guest: what a packet of file copy holds of a folder or a name, and what a line does of the file. */
#define CONTROL_PATH_PART_MAX   259u
#define CONTROL_PATH_BYTES      (2 * CONTROL_PATH_PART_MAX + 2)
#define CONTROL_DATA_BYTES      3000u
#define CONTROL_DATA_TEXT_BYTES (CONTROL_DATA_BYTES / 3 * 4 + 1)

struct control_request {
	enum control_command command;
	gboolean reboot;
	guint seconds; /* 0: it has none */
	guint weight;  /* likewise */
	gboolean has_id;
	gint64 id;
	char unknown[CONTROL_MEMBER_BYTES]; /* of one that is refused: the member that nobody knows */
	char key[CONTROL_KEY_BYTES]; /* "": it has none */
	gboolean has_value;
	char value[CONTROL_VALUE_BYTES];
	char path[CONTROL_PATH_BYTES]; /* "": it has none */
	gint64 size;                   /* of CONTROL_COPY */
	gboolean overwrite;
	char data[CONTROL_DATA_TEXT_BYTES]; /* "": it has none */
};

/* A line without its newline; any bytes. Of a request that is refused, id and unknown are set. */
gboolean control_request_parse(const char *line, gsize length,
                               struct control_request *request, GError **error);

/* The line that asks for it, newline included. */
char *control_request_to_json(const struct control_request *request);

/* {"ok": false, "code": "...", "error": "..."} and a newline. */
char *control_error_to_json(enum definition_error code, const char *message);

/* The same for what control_request_parse() refused. */
char *control_refusal_to_json(const struct control_request *request, const GError *error);

/* The answer to "version". */
char *control_version_to_json(void);

/* The answer, or error, with the request's id if it had one. */
char *control_with_id(const char *answer, gboolean has_id, gint64 id);

/* `reason` may be NULL; `lun` is -1 for what is no disk, `mac` NULL for what is no adapter. */
struct control_event {
	const char *name;
	const char *source;
	const char *reason;
	int lun;
	const char *mac;
};
char *control_event_to_json(const struct control_event *event, guint64 sequence);

/* Events `first` to `last` were not sent. */
char *control_lost_to_json(guint64 first, guint64 last);

#endif
