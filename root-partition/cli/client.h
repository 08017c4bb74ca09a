/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking a running VM through its control socket. */
#ifndef VIRIDIS_CLI_CLIENT_H
#define VIRIDIS_CLI_CLIENT_H

#include <json-glib/json-glib.h>

#include "root-partition/vm/control_json.h"

/* Connects; -1 and an error when there is no such VM or it does not run. */
int client_connect(const char *name, GError **error);

/* Sends the request and waits for the answer; an answer that is not "ok" is an error. */
JsonObject *client_request(int fd, const struct control_request *request, GError **error);

/* connect, request, close. */
JsonObject *client_ask(const char *name, enum control_command command, GError **error);

#endif
