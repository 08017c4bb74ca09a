/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line out, one line in. */
#include "root-partition/cli/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "root-partition/vm/definition.h"
#include "root-partition/vm/json_text.h"
#include "root-partition/vm/paths.h"
#include "root-partition/vm/store.h"

#define ANSWER_BYTES_MAX (1u << 20)

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int client_connect(const char *name, GError **error)
{
	g_autoptr(definition_pointer) definition = store_load(name, error);
	g_autofree char *path = NULL;
	int fd;

	if (!definition)
		return -1;
	path = paths_of(name, PATH_SOCKET);
	fd = connect_to(path);
	if (fd < 0)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "%s does not run; start it with 'viridis start %s'", name,
		            name);
	return fd;
}

/* NULL: the worker hung up first. */
static GString *read_line(int fd)
{
	GString *line = g_string_new(NULL);
	char part[4096];

	while (line->len < ANSWER_BYTES_MAX) {
		ssize_t count = recv(fd, part, sizeof(part), 0);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		g_string_append_len(line, part, count);
		if (part[count - 1] == '\n')
			return line;
	}
	g_string_free(line, TRUE);
	return NULL;
}

static JsonObject *parse_answer(const GString *line, GError **error)
{
	g_autoptr(JsonObject)
		object = json_text_parse(line->str, line->len, ANSWER_BYTES_MAX, error);
	const char *why = "the worker gives no reason";
	gboolean ok = FALSE;

	if (!object)
		return NULL;
	if (json_object_has_member(object, "ok"))
		(void)json_text_get_boolean(json_object_get_member(object, "ok"), &ok);
	if (ok)
		return g_steal_pointer(&object);
	if (json_object_has_member(object, "error"))
		(void)json_text_get_string(json_object_get_member(object, "error"), &why);
	g_set_error_literal(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, why);
	return NULL;
}

JsonObject *client_request(int fd, const struct control_request *request, GError **error)
{
	g_autofree char *text = control_request_to_json(request);
	ssize_t length = (ssize_t)strlen(text);
	JsonObject *object;
	GString *line;

	line = send(fd, text, (size_t)length, MSG_NOSIGNAL) == length ? read_line(fd) :
	                                                                NULL;
	if (!line) {
		g_set_error_literal(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		                    "the worker hung up; see 'viridis log'");
		return NULL;
	}
	object = parse_answer(line, error);
	g_string_free(line, TRUE);
	return object;
}

JsonObject *client_ask(const char *name, enum control_command command, GError **error)
{
	struct control_request request = { .command = command };
	int fd = client_connect(name, error);
	JsonObject *answer;

	if (fd < 0)
		return NULL;
	answer = client_request(fd, &request, error);
	close(fd);
	return answer;
}
