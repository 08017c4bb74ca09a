/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: clients, their lines and their answers (control_json.h). What a request
 * means is the owner's affair. Main thread only.
 */
#ifndef VIRIDIS_VM_CONTROL_H
#define VIRIDIS_VM_CONTROL_H

#include "root-partition/config/control_json.h"

struct control;

/* Whose answer it is. A client is named by number, as it may be gone when its answer is ready. */
struct control_ticket {
	guint client;
	gboolean has_id;
	gint64 id; /* the request's */
};

typedef void (*control_function)(gpointer context, struct control_ticket ticket,
                                 const struct control_request *request);

/* A client has hung up, or was hung up on. NULL: it does not matter. */
typedef void (*control_gone)(gpointer context, guint client);

/* The listening socket of that path, for its owner alone; -1 and an error. */
int control_listen(const char *path, GError **error);

/* Takes a copy of the listening socket. */
struct control *control_new(int listener, control_function handle, control_gone gone,
                            gpointer context);
/* Answers that are being written are lost, and of its clients nobody is told that they go. */
void control_free(struct control *control);

/* `line` ends with a newline. */
void control_answer(struct control *control, struct control_ticket ticket,
                    const char *line);

/* From now on the client gets events, after this answer, which tells the number of the last one. */
void control_subscribe(struct control *control, struct control_ticket ticket);

/* To all who have subscribed. One who is too slow is told which it has lost. */
void control_event(struct control *control, const struct control_event *event);

#endif
