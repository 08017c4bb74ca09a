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

struct control *control_new(const char *path, control_function handle, gpointer context,
                            GError **error);
/* Removes the socket; answers that are being written are lost. */
void control_free(struct control *control);

/* `line` ends with a newline. */
void control_answer(struct control *control, guint client, const char *line);

/* From now on the client gets events; a line to all who do. */
void control_subscribe(struct control *control, guint client);
void control_event(struct control *control, const char *line);

#endif
