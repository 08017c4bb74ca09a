/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking a running VM through its control socket. */
#ifndef VIRIDIS_CLIENT_CLIENT_H
#define VIRIDIS_CLIENT_CLIENT_H

#include "root-partition/config/json_text.h"

#include "root-partition/config/control_json.h"

/* How long a worker may take for an answer; one that has more to do than that hangs. */
#define CLIENT_ANSWER_S 15
/* Two processes that have the guest come to rest, and the start of these and of what follows: 30 s each. */
#define CLIENT_NETS_S 120

#define CLIENT_ANSWER_BYTES_MAX (1u << 20)

/* That many seconds from now, for `deadline` below. */
gint64 client_deadline(int seconds);

/*
 * Connects; waits for a worker that starts, or ends, until the deadline. -1 and an error when there is
 * no such VM, it does not run, or it does not listen.
 */
int client_connect(const char *name, gint64 deadline, GError **error);

/* Sends the request and waits for the answer; an answer that is not "ok" is an error. */
json_t *client_request(const char *name, int fd, const struct control_request *request,
                       gint64 deadline, GError **error);

/*
 * For who reads the answer itself, as more lines follow it: whether the answer is "ok", to a request without an id; and
 * what is said when none came.
 */
gboolean client_is_ok(const char *line, gsize length, GError **error);
gboolean client_hung_up(const char *name, GError **error);
gboolean client_no_answer(const char *name, GError **error);

/* connect, request, close, within CLIENT_ANSWER_S; a change of network adapters has CLIENT_NETS_S. */
json_t *client_ask(const char *name, enum control_command command, GError **error);

/*
 * "running", "paused", "panicked", or how it ended; a worker that was killed could not write its end down, and
 * one that starts has not written yet. NULL and an error when it cannot be read.
 */
char *client_state(const char *name, char **reason, GError **error);

/* A state of a worker that is there. */
gboolean client_state_alive(const char *state);

/*
 * No process is left in the VM's control group. A keeper that was killed holds its lock no more while its worker
 * and providers are still ending. A VM without a control group of its own has nothing that can be asked.
 */
gboolean client_gone(const char *name);

#endif
