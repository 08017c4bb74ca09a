/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The adapter's counters as JSON, for `viridis stats`. */
#include <json-glib/json-glib.h>

#include "vsp/net/net.h"

char *net_statistics_json(const struct net *net)
{
	const struct net_frame_counts *frames = &net->device.counts;
	const struct net_counts *counts = &net->counts;
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {
		{ "sent", frames->sent },
		{ "sent-bytes", counts->sent_bytes },
		{ "send-errors", frames->send_errors },
		{ "received", frames->received },
		{ "received-bytes", counts->received_bytes },
		{ "receive-errors", frames->receive_errors },
		{ "filtered", counts->filtered },
		{ "stalls", counts->stalls },
		{ "free-sections", net->sections.free_count },
		{ "rejected", counts->rejected },
		{ "signals-in", counts->signals_in },
		{ "signals-out", counts->signals_out },
	};
	g_autoptr(JsonBuilder) builder = json_builder_new();
	g_autoptr(JsonNode) root = NULL;

	json_builder_begin_object(builder);
	json_builder_set_member_name(builder, "ok");
	json_builder_add_boolean_value(builder, TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(figures); i++) {
		json_builder_set_member_name(builder, figures[i].name);
		json_builder_add_int_value(builder, (gint64)figures[i].value);
	}
	json_builder_end_object(builder);
	root = json_builder_get_root(builder);
	return json_to_string(root, FALSE);
}
