/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the providers count, asked of each and put together. One that says nothing is left out after a while; what
 * one says is checked, as it ends up on somebody's terminal.
 */
#include "root-partition/vmbusd/vmbusd.h"

#include <string.h>

#include "root-partition/config/json_text.h"
#include "root-partition/vmbusd/internal.h"
#include "vsp/lib/core/protocol.h"

#define ANSWER_MS      2000
#define QUESTIONS_MAX  32u
#define DEPTH_MAX      4u
#define TEXT_BYTES_MAX 64u
#define HARMLESS       G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-"

struct vmbus_question {
	struct vmbus *vmbus;
	uint32_t tag;
	bool asked[VMBUS_PROVIDERS]; /* and silent so far */
	JsonObject *answers;         /* by the provider's name */
	guint timeout;
	vmbus_counted counted;
	gpointer context;
};

/* ---- What is let through of an answer ---- */

static JsonNode *clean(JsonNode *node, unsigned int depth);

static JsonNode *clean_object(JsonObject *object, unsigned int depth)
{
	JsonNode *result = json_node_new(JSON_NODE_OBJECT);
	JsonObjectIter iter;
	const char *name;
	JsonNode *node;

	json_node_take_object(result, json_object_new());
	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &name, &node)) {
		JsonNode *value = clean(node, depth + 1);

		if (value && strspn(name, HARMLESS) == strlen(name))
			json_object_set_member(json_node_get_object(result), name, value);
		else if (value)
			json_node_unref(value);
	}
	return result;
}

static JsonNode *clean_array(JsonArray *array, unsigned int depth)
{
	JsonNode *result = json_node_new(JSON_NODE_ARRAY);

	json_node_take_array(result, json_array_new());
	for (guint i = 0; i < json_array_get_length(array); i++) {
		JsonNode *value = clean(json_array_get_element(array, i), depth + 1);

		if (value)
			json_array_add_element(json_node_get_array(result), value);
	}
	return result;
}

static bool harmless_value(JsonNode *node)
{
	GType type = json_node_get_value_type(node);
	const char *text;

	if (type != G_TYPE_STRING)
		return type == G_TYPE_INT64 || type == G_TYPE_BOOLEAN;
	text = json_node_get_string(node);
	return strlen(text) <= TEXT_BYTES_MAX && strspn(text, HARMLESS) == strlen(text);
}

/* A copy of what is numbers, truths, short words, or made of those; NULL: nothing. */
static JsonNode *clean(JsonNode *node, unsigned int depth)
{
	if (depth > DEPTH_MAX)
		return NULL;
	if (JSON_NODE_HOLDS_OBJECT(node))
		return clean_object(json_node_get_object(node), depth);
	if (JSON_NODE_HOLDS_ARRAY(node))
		return clean_array(json_node_get_array(node), depth);
	return JSON_NODE_HOLDS_VALUE(node) && harmless_value(node) ?
	               json_node_copy(node) :
	               NULL;
}

/* ---- Asking ---- */

static void finish(struct vmbus_question *question)
{
	g_ptr_array_remove(question->vmbus->questions, question);
	if (question->timeout)
		g_source_remove(question->timeout);
	question->counted(question->context, question->answers);
	json_object_unref(question->answers);
	g_free(question);
}

static bool waits(const struct vmbus_question *question)
{
	for (int i = 0; i < VMBUS_PROVIDERS; i++)
		if (question->asked[i])
			return true;
	return false;
}

static gboolean on_timeout(gpointer data)
{
	struct vmbus_question *question = data;

	question->timeout = 0;
	finish(question);
	return G_SOURCE_REMOVE;
}

void vmbus_count(struct vmbus *vmbus, vmbus_counted counted, gpointer context)
{
	struct vmbus_question *question = g_new0(struct vmbus_question, 1);
	bool room = vmbus->questions->len < QUESTIONS_MAX;

	*question = (struct vmbus_question){
		.vmbus = vmbus,
		.tag = vmbus_new_tag(vmbus),
		.answers = json_object_new(),
		.counted = counted,
		.context = context,
	};
	g_ptr_array_add(vmbus->questions, question);
	for (int i = 0; room && i < VMBUS_PROVIDERS; i++) {
		question->asked[i] = vmbus_provider_serves(vmbus, i);
		if (question->asked[i])
			provider_command(vmbus->providers[i], question->tag,
			                 "{\"command\": \"stats\"}");
	}
	if (waits(question))
		question->timeout = g_timeout_add(ANSWER_MS, on_timeout, question);
	else
		finish(question);
}

bool vmbus_take_counters(struct vmbus *vmbus, enum vmbus_provider provider, uint32_t tag,
                         const char *json)
{
	for (guint i = 0; i < vmbus->questions->len; i++) {
		struct vmbus_question *question = vmbus->questions->pdata[i];
		g_autoptr(JsonObject) object = NULL;

		if (question->tag != tag || !question->asked[provider])
			continue;
		question->asked[provider] = false;
		object = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
		if (object) {
			json_object_remove_member(object, "ok");
			json_object_set_member(question->answers,
			                       offers_provider_name(provider),
			                       clean_object(object, 0));
		}
		if (!waits(question))
			finish(question);
		return true;
	}
	return false;
}

void vmbus_end_questions(struct vmbus *vmbus)
{
	while (vmbus->questions->len)
		finish(vmbus->questions->pdata[0]);
}
