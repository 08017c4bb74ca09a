/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker says and hears, in JSON.
 *
 *   order                                                    answer
 *   {"command": "shutdown", "reboot": bool, "force": bool}   ok when the guest has agreed
 *   {"command": "synchronize"}                               ok; the clock is set again
 *   {"command": "stats"}                                     ok and each service's state
 *   {"command": "guest"}                                     ok and what the guest tells of itself
 *   {"command": "freeze", "seconds": N}                      ok when its file systems stand still, for N seconds at most
 *   {"command": "thaw"}                                      ok when they go on, and stood still until now
 *   {"command": "adapters", "adapters": [MAC]}               none; the guest is asked for these addresses from now on
 *   {"command": "item", "key": K, "value": V}                ok when the guest's daemon keeps it; without V, has forgotten it
 *   {"command": "copy", "path": P, "size": N, "overwrite": bool}  ok when the guest has made the file, of N bytes to come
 *   {"command": "copy-data", "data": D}                      ok when it has the next piece, in base64
 *   {"command": "copy-end"}                                  ok when it has closed it
 *   {"command": "copy-cancel"}                               ok; the guest removes what it has of it
 *
 * An answer is {"ok": true, ...} or {"ok": false, "error": "..."}, with the order's tag.
 */
#include <string.h>

#include "root-partition/config/json_text.h"
#include "vsp/util/util.h"

/* ---- Answers and events ---- */

void util_send(struct util *util, uint32_t tag, const json_t *object)
{
	g_autofree char *text = json_text_format(object, FALSE);

	if (strlen(text) <= VSP_TEXT_BYTES_MAX)
		vsp_event(util->vsp, tag, text);
	else /* of a guest that likes quotation marks */
		util_answer(util, tag, "there is more to tell than an event holds");
}

void util_answer(struct util *util, uint32_t tag, const char *why)
{
	g_autoptr(json_t) object = json_object();

	json_text_add_boolean(object, "ok", why == NULL);
	if (why)
		json_text_add_string(object, "error", why);
	util_send(util, tag, object);
}

void util_tell(struct util *util, enum util_kind kind, enum util_event event)
{
	g_autoptr(json_t) object = json_object();

	json_text_add_string(object, "event", util_kind_name(kind));
	json_text_add_string(object, "state", util_event_name(event));
	util_send(util, 0, object);
}

void util_add_service(json_t *object, const struct util_service *service)
{
	static const char *const states[] = {
		[UTIL_CLOSED] = "closed",
		[UTIL_NEGOTIATING] = "negotiating",
		[UTIL_READY] = "ready",
		[UTIL_REFUSED] = "refused",
	};
	json_t *members = json_text_add_object(object, util_kind_name(service->kind));

	json_text_add_string(members, "state", states[service->state]);
	if (service->kind == UTIL_HEARTBEAT) {
		json_text_add_boolean(members, "alive", service->alive);
		json_text_add_int(members, "beats", service->answers);
		json_text_add_int(members, "missed", service->missed);
	} else if (service->kind == UTIL_TIMESYNC) {
		json_text_add_int(members, "samples", service->samples);
	} else if (service->kind == UTIL_VSS) {
		json_text_add_boolean(members, "frozen", service->frozen);
	} else if (service->kind == UTIL_FCOPY) {
		json_text_add_boolean(members, "copying", service->copying);
	}
}

/* ---- Orders ---- */

/* False where it is not there, or something else. */
static bool asked_for(json_t *order, const char *name)
{
	gboolean value = FALSE;

	(void)json_text_get_boolean(json_object_get(order, name), &value);
	return value;
}

static void order_shutdown(struct util *util, uint32_t tag, json_t *order)
{
	const char *why;

	if (!util_channel_shutdown(util, tag, asked_for(order, "reboot"),
	                           asked_for(order, "force"), &why))
		util_answer(util, tag, why);
}

static void order_synchronize(struct util *util, uint32_t tag, json_t *order)
{
	(void)order;
	util_resynchronize(&util->channels[UTIL_TIMESYNC].service);
	util_tick_all(util);
	util_answer(util, tag, NULL);
}

static void order_stats(struct util *util, uint32_t tag, json_t *order)
{
	g_autoptr(json_t) object = json_object();

	(void)order;
	json_text_add_boolean(object, "ok", true);
	for (unsigned int i = 0; i < UTIL_KINDS; i++)
		util_add_service(object, &util->channels[i].service);
	util_send(util, tag, object);
}

static void order_guest(struct util *util, uint32_t tag, json_t *order)
{
	(void)order;
	util_channel_ask(util, tag);
}

static void order_freeze(struct util *util, uint32_t tag, json_t *order)
{
	const char *why = "for how long?";
	gint64 seconds = 0;

	(void)json_text_get_int(json_object_get(order, "seconds"), &seconds);
	if (seconds < 1 || seconds > UTIL_FREEZE_SECONDS_MAX ||
	    !util_channel_freeze(util, tag, (uint64_t)seconds, &why))
		util_answer(util, tag, why);
}

static void order_thaw(struct util *util, uint32_t tag, json_t *order)
{
	const char *why;

	(void)order;
	if (!util_channel_thaw(util, tag, &why))
		util_answer(util, tag, why);
}

static void order_item(struct util *util, uint32_t tag, json_t *order)
{
	const char *key = NULL, *value = NULL, *why = "which?";

	(void)json_text_get_string(json_object_get(order, "key"), &key);
	(void)json_text_get_string(json_object_get(order, "value"), &value);
	if (!key || !util_channel_set_item(util, tag, key, value, &why))
		util_answer(util, tag, why);
}

/* The worker's own: it has nobody who waits for an answer. */
static void order_adapters(struct util *util, uint32_t tag, json_t *order)
{
	json_t *array = json_object_get(order, "adapters");
	g_autofree struct util_facts *before =
		g_memdup2(&util->facts, sizeof(util->facts));
	const char *mac;

	(void)tag;
	util_facts_forget_adapters(&util->facts);
	for (gsize i = 0; i < json_array_size(array); i++)
		if (json_text_get_string(json_array_get(array, i), &mac))
			util_facts_keep_adapter(&util->facts, before, mac);
}

static void order_copy(struct util *util, uint32_t tag, json_t *order)
{
	struct fcopy_file file = {
		.flags = asked_for(order, "overwrite") ? FCOPY_FLAG_OVERWRITE : 0,
	};
	const char *why =
		"a file has a path from '/' on, a folder and a name of 259 bytes "
		"each at most, and a size";
	const char *path = "";
	gint64 size = -1;

	(void)json_text_get_string(json_object_get(order, "path"), &path);
	(void)json_text_get_int(json_object_get(order, "size"), &size);
	file.bytes = (uint64_t)size;
	if (size < 0 || !fcopy_split(path, &file) ||
	    !util_channel_copy(util, tag, &file, &why))
		util_answer(util, tag, why);
}

/* One of whose orders fails is over. */
static void end_copy(struct util *util, uint32_t tag, const char *why)
{
	util_answer(util, tag, why);
	util_channel_copy_cancel(util);
}

static void order_copy_data(struct util *util, uint32_t tag, json_t *order)
{
	const char *why = "a piece is base64, of 6144 bytes at most";
	const char *text = "";
	g_autofree guchar *data = NULL;
	g_autofree char *again = NULL;
	gsize bytes;

	(void)json_text_get_string(json_object_get(order, "data"), &text);
	data = g_base64_decode(text, &bytes);
	again = g_base64_encode(data,
	                        bytes); /* the decoder leaves out what it does not know */
	if (bytes == 0 || bytes > FCOPY_DATA_BYTES || strcmp(text, again) != 0 ||
	    !util_channel_copy_data(util, tag, data, (uint32_t)bytes, &why))
		end_copy(util, tag, why);
}

static void order_copy_end(struct util *util, uint32_t tag, json_t *order)
{
	const char *why;

	(void)order;
	if (!util_channel_copy_end(util, tag, &why))
		end_copy(util, tag, why);
}

static void order_copy_cancel(struct util *util, uint32_t tag, json_t *order)
{
	(void)order;
	util_channel_copy_cancel(util);
	util_answer(util, tag, NULL);
}

static const struct {
	const char *name;
	void (*carry_out)(struct util *util, uint32_t tag, json_t *order);
} orders[] = {
	{ "shutdown", order_shutdown }, { "synchronize", order_synchronize },
	{ "stats", order_stats },       { "guest", order_guest },
	{ "freeze", order_freeze },     { "thaw", order_thaw },
	{ "item", order_item },         { "adapters", order_adapters },
	{ "copy", order_copy },         { "copy-data", order_copy_data },
	{ "copy-end", order_copy_end }, { "copy-cancel", order_copy_cancel },
};

void util_order(struct util *util, uint32_t tag, const char *json)
{
	g_autoptr(json_t)
		order = json_text_parse(json, strlen(json), VSP_TEXT_BYTES_MAX, NULL);
	const char *name = "";

	(void)json_text_get_string(json_object_get(order, "command"), &name);
	for (gsize i = 0; i < G_N_ELEMENTS(orders); i++) {
		if (g_strcmp0(name, orders[i].name) != 0)
			continue;
		orders[i].carry_out(util, tag, order);
		return;
	}
	util_answer(util, tag, "no such command");
}
