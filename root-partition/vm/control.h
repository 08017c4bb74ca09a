/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: clients, their lines and their answers (control_json.h). What a request
 * means is the owner's affair. Main thread only.
 */
#ifndef VIRIDIS_VM_CONTROL_H
#define VIRIDIS_VM_CONTROL_H

#include "root-partition/config/control_json.h"

struct control;

/* A client is named by number, as it may be gone when its answer is ready. */
typedef void (*control_function)(gpointer context, guint client,
                                 const struct control_request *request);

/* The listening socket of that path, for its owner alone; -1 and an error. */
int control_listen(const char *path, GError **error);

/* Takes a copy of the listening socket. */
struct control *control_new(int listener, control_function handle, gpointer context);
/* Answers that are being written are lost. */
void control_free(struct control *control);

/* `line` ends with a newline. */
void control_answer(struct control *control, guint client, const char *line);

/* From now on the client gets events; a line to all who do. */
void control_subscribe(struct control *control, guint client);
void control_event(struct control *control, const char *line);

#endif
