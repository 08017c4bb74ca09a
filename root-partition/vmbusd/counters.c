/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to providers: what each counts, and what the utility provider knows of the guest or has it do. One that says
 * nothing is left out after a while; what one says is checked, as it ends up on somebody's terminal.
 */
#include "root-partition/vmbusd/vmbusd.h"

#include <string.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/json_text.h"
#include "root-partition/vmbusd/internal.h"
#include "vsp/lib/core/protocol.h"

#define ANSWER_MS      2000
#define GUEST_MS       10000 /* a guest's daemon starts programs to answer */
#define ORDER_MS       70000 /* more than a guest's file systems are waited for */
#define QUESTIONS_MAX  32u
#define DEPTH_MAX      4u
#define TEXT_BYTES_MAX 512u
#define HARMLESS       G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-"

struct vmbus_question {
	struct vmbus *vmbus;
	uint32_t tag;
	bool asked[VMBUS_PROVIDERS]; /* and silent so far */
	json_t *answers;             /* by the provider's name */
	bool words; /* of the guest's own are let through; else only such as ours */
	guint timeout;
	vmbus_counted counted;
	gpointer context;
};

/* ---- What is let through of an answer ---- */

static json_t *clean(json_t *value, bool words, unsigned int depth);

/* Whoever prints it has to make it printable. */
static bool harmless(const char *text, bool words)
{
	size_t bytes = strlen(text);

	return bytes <= TEXT_BYTES_MAX && (words || strspn(text, HARMLESS) == bytes);
}

static json_t *clean_object(json_t *object, bool words, unsigned int depth)
{
	json_t *result = json_object();
	const char *name;
	json_t *member;

	json_object_foreach(object, name, member) {
		json_t *value = clean(member, words, depth + 1);

		if (harmless(name, words))
			(void)json_object_set_new(result, name, value);
		else
			json_decref(value);
	}
	return result;
}

static json_t *clean_array(json_t *array, bool words, unsigned int depth)
{
	json_t *result = json_array();

	for (gsize i = 0; i < json_array_size(array); i++)
		(void)json_array_append_new(result, clean(json_array_get(array, i), words,
		                                          depth + 1));
	return result;
}

static bool harmless_value(json_t *value, bool words)
{
	return json_is_string(value) ? harmless(json_string_value(value), words) :
	                               json_is_integer(value) || json_is_boolean(value);
}

/* A copy of what is numbers, truths, short texts, or made of those; NULL: nothing. */
static json_t *clean(json_t *value, bool words, unsigned int depth)
{
	if (depth > DEPTH_MAX)
		return NULL;
	if (json_is_object(value))
		return clean_object(value, words, depth);
	if (json_is_array(value))
		return clean_array(value, words, depth);
	return harmless_value(value, words) ? json_incref(value) : NULL;
}

/* ---- Asking ---- */

static void finish(struct vmbus_question *question)
{
	g_ptr_array_remove(question->vmbus->questions, question);
	if (question->timeout)
		g_source_remove(question->timeout);
	question->counted(question->context, question->answers);
	json_decref(question->answers);
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

static struct vmbus_question *new_question(struct vmbus *vmbus, vmbus_counted counted,
                                           gpointer context)
{
	struct vmbus_question *question = g_new0(struct vmbus_question, 1);

	*question = (struct vmbus_question){
		.vmbus = vmbus,
		.tag = vmbus_new_tag(vmbus),
		.answers = json_object(),
		.counted = counted,
		.context = context,
	};
	g_ptr_array_add(vmbus->questions, question);
	return question;
}

/* When it serves, and there are not too many questions under way. */
static void put_to(struct vmbus_question *question, enum vmbus_provider provider,
                   const char *json)
{
	struct vmbus *vmbus = question->vmbus;

	if (vmbus->questions->len > QUESTIONS_MAX ||
	    !vmbus_provider_serves(vmbus, provider))
		return;
	question->asked[provider] = true;
	provider_command(vmbus->providers[provider], question->tag, json);
}

static void await(struct vmbus_question *question, guint limit_ms)
{
	if (waits(question))
		question->timeout = g_timeout_add(limit_ms, on_timeout, question);
	else
		finish(question);
}

void vmbus_count(struct vmbus *vmbus, vmbus_counted counted, gpointer context)
{
	struct vmbus_question *question = new_question(vmbus, counted, context);

	for (int i = 0; i < VMBUS_PROVIDERS; i++)
		put_to(question, i, "{\"command\": \"stats\"}");
	await(question, ANSWER_MS);
}

void vmbus_ask_guest(struct vmbus *vmbus, vmbus_counted counted, gpointer context)
{
	struct vmbus_question *question = new_question(vmbus, counted, context);

	question->words = true;
	put_to(question, VMBUS_UTIL, "{\"command\": \"guest\"}");
	await(question, GUEST_MS);
}

void vmbus_freeze(struct vmbus *vmbus, guint seconds, vmbus_counted counted,
                  gpointer context)
{
	struct vmbus_question *question = new_question(vmbus, counted, context);
	g_autofree char *order =
		seconds ? g_strdup_printf("{\"command\": \"freeze\", \"seconds\": %u}",
	                                  seconds) :
			  g_strdup("{\"command\": \"thaw\"}");

	question->words = true;
	put_to(question, VMBUS_UTIL, order);
	await(question, ORDER_MS);
}

void vmbus_set_item(struct vmbus *vmbus, const char *key, const char *value,
                    vmbus_counted counted, gpointer context)
{
	struct vmbus_question *question = new_question(vmbus, counted, context);
	g_autoptr(json_t) object = json_object();
	g_autofree char *order = NULL;

	json_text_add_string(object, "command", "item");
	json_text_add_string(object, "key", key);
	if (value)
		json_text_add_string(object, "value", value);
	order = json_text_format(object, FALSE);
	question->words = true;
	put_to(question, VMBUS_UTIL, order);
	await(question, ORDER_MS);
}

/* The provider knows these orders by the same words. */
void vmbus_copy(struct vmbus *vmbus, const struct control_request *request,
                vmbus_counted counted, gpointer context)
{
	struct vmbus_question *question = new_question(vmbus, counted, context);
	struct control_request order = *request;
	g_autofree char *json = NULL;

	order.has_id = FALSE;
	json = control_request_to_json(&order);
	question->words = true;
	put_to(question, VMBUS_UTIL, json);
	await(question, ORDER_MS);
}

static void nobody_waits(gpointer context, json_t *answers)
{
	(void)context;
	(void)answers;
}

void vmbus_cancel_copy(struct vmbus *vmbus)
{
	struct vmbus_question *question = new_question(vmbus, nobody_waits, NULL);

	put_to(question, VMBUS_UTIL, "{\"command\": \"copy-cancel\"}");
	await(question, ANSWER_MS);
}

bool vmbus_take_counters(struct vmbus *vmbus, enum vmbus_provider provider, uint32_t tag,
                         const char *json)
{
	for (guint i = 0; i < vmbus->questions->len; i++) {
		struct vmbus_question *question = vmbus->questions->pdata[i];
		g_autoptr(json_t) object = NULL;

		if (question->tag != tag || !question->asked[provider])
			continue;
		question->asked[provider] = false;
		object = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
		if (object) {
			if (!question->words)
				(void)json_object_del(object, "ok");
			(void)json_object_set_new(
				question->answers, offers_provider_name(provider),
				clean_object(object, question->words, 0));
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
