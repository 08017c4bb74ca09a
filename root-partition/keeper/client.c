/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the worker, one at a time. */
#include "root-partition/keeper/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/definition_net.h"
#include "vsp/lib/datagram.h"

struct keeper_client {
	int socket;
	GMutex lock; /* from a request to its reply */
};

struct answer {
	struct keeper_reply reply;
	char why[KEEPER_WHY_BYTES_MAX + 1];
	struct datagram datagram;
};

struct keeper_client *keeper_client_new(int socket)
{
	struct keeper_client *client = g_new0(struct keeper_client, 1);

	client->socket = socket;
	g_mutex_init(&client->lock);
	return client;
}

void keeper_client_free(struct keeper_client *client)
{
	close(client->socket);
	g_mutex_clear(&client->lock);
	g_free(client);
}

/* Nothing can be told any more, not even to the log, which may ask for its next file. */
static void lose_keeper(void)
{
	static const char text[] = "viridis-vm: the keeper is gone\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_FAILURE);
}

static void ask(struct keeper_client *client, enum keeper_request_type type,
                uint32_t number, const char *text, struct answer *answer)
{
	struct keeper_request request = { .type = type, .number = number };
	const struct iovec parts[2] = {
		{ &request, sizeof(request) },
		{ (void *)text, MIN(strlen(text), KEEPER_TEXT_BYTES_MAX) },
	};

	memset(answer, 0, sizeof(*answer));
	g_mutex_lock(&client->lock);
	if (datagram_send(client->socket, parts, NULL, 0) != VSP_SOCKET_OK ||
	    datagram_receive(client->socket, answer,
	                     sizeof(answer->reply) + KEEPER_WHY_BYTES_MAX,
	                     &answer->datagram) != VSP_SOCKET_OK)
		lose_keeper();
	g_mutex_unlock(&client->lock);
}

static bool ask_or_fail(struct keeper_client *client, enum keeper_request_type type,
                        uint32_t number, struct answer *answer, GError **error)
{
	ask(client, type, number, "", answer);
	if (answer->reply.failed)
		g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
		                    answer->why);
	return !answer->reply.failed;
}

bool keeper_client_machine(struct keeper_client *client, int *partition,
                           uint64_t *partition_id, int *memory, GError **error)
{
	struct answer answer;

	if (!ask_or_fail(client, KEEPER_MACHINE, 0, &answer, error))
		return false;
	*partition = answer.datagram.descriptors[0];
	*memory = answer.datagram.descriptors[1];
	*partition_id = answer.reply.values[0];
	return true;
}

int keeper_client_file(struct keeper_client *client, enum keeper_request_type file,
                       GError **error)
{
	struct answer answer;

	return ask_or_fail(client, file, 0, &answer, error) ?
	               answer.datagram.descriptors[0] :
	               -1;
}

bool keeper_client_provider(struct keeper_client *client, enum vmbus_provider which,
                            bool last, int *socket, int *lifeline, GError **error)
{
	struct answer answer;

	if (!ask_or_fail(client, last ? KEEPER_PROVIDER_LAST : KEEPER_PROVIDER, which,
	                 &answer, error))
		return false;
	*socket = answer.datagram.descriptors[0];
	*lifeline = answer.datagram.descriptors[1];
	return true;
}

bool keeper_client_provider_ended(struct keeper_client *client, enum vmbus_provider which,
                                  int *status)
{
	struct answer answer;

	ask(client, KEEPER_PROVIDER_STATE, which, "", &answer);
	*status = (int)answer.reply.values[1];
	return answer.reply.values[0];
}

void keeper_client_provider_kill(struct keeper_client *client, enum vmbus_provider which)
{
	struct answer answer;

	ask(client, KEEPER_PROVIDER_KILL, which, "", &answer);
}

bool keeper_client_disks(struct keeper_client *client, enum keeper_devices order,
                         uint64_t *gone, uint64_t *come, GError **error)
{
	struct answer answer;

	if (!ask_or_fail(client, KEEPER_DISKS, order, &answer, error))
		return false;
	if (gone)
		*gone = answer.reply.values[0];
	if (come)
		*come = answer.reply.values[1];
	return true;
}

bool keeper_client_nets(struct keeper_client *client, enum keeper_devices order,
                        struct definition *definition, uint32_t *gone, uint32_t *come,
                        GError **error)
{
	struct answer answer;

	if (!ask_or_fail(client, KEEPER_NETS, order, &answer, error))
		return false;
	*gone = (uint32_t)answer.reply.values[0];
	*come = (uint32_t)answer.reply.values[1];
	definition_net_clear(definition);
	for (uint32_t slot = 0; slot < KEEPER_NETS_MAX; slot++)
		if (answer.reply.values[2 + slot])
			definition_net_note(definition, slot,
			                    answer.reply.values[2 + slot]);
	return true;
}

bool keeper_client_pool(struct keeper_client *client, struct keeper_pool *pool)
{
	struct answer answer;

	ask(client, KEEPER_POOL, 0, "", &answer);
	*pool = (struct keeper_pool){
		.deposited_pages = answer.reply.values[0],
		.in_use_pages = answer.reply.values[1],
		.pinned_pages = answer.reply.values[2],
	};
	return !answer.reply.failed;
}

int keeper_client_serial_next(struct keeper_client *client)
{
	struct answer answer;

	ask(client, KEEPER_SERIAL_NEXT, 0, "", &answer);
	return answer.datagram.descriptors[0];
}

/* In full, unless that is more than is kept. */
static void tell(struct keeper_client *client, enum keeper_request_type type,
                 uint32_t number, const char *text)
{
	g_autofree char *valid =
		g_utf8_make_valid(text, (gssize)MIN(strlen(text), KEEPER_WHY_BYTES_MAX));
	struct answer answer;

	ask(client, type, number, valid, &answer);
}

void keeper_client_state(struct keeper_client *client, enum keeper_state state,
                         const char *reason)
{
	tell(client, KEEPER_STATE, state, reason);
}

void keeper_client_stats(struct keeper_client *client, const char *json)
{
	struct answer answer;

	ask(client, KEEPER_STATS, 0, json, &answer);
}

void keeper_client_not_started(struct keeper_client *client, const char *why)
{
	tell(client, KEEPER_NOT_STARTED, 0, why);
}
