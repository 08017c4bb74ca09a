/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The adapter's counters as JSON, for `viridis stats`. */
#include "root-partition/config/json_text.h"
#include "vsp/net/net.h"

char *net_statistics_json(const struct net *net)
{
	const struct net_frame_counts *frames = &net->state.device.counts;
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
		{ "free-sections", net->record->sections.free_count },
		{ "rejected", counts->rejected },
		{ "signals-in", counts->signals_in },
		{ "signals-out", counts->signals_out },
	};
	g_autoptr(JsonBuilder) builder = json_builder_new();

	json_builder_begin_object(builder);
	json_text_add_boolean(builder, "ok", TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(figures); i++)
		json_text_add_int(builder, figures[i].name, figures[i].value);
	json_builder_end_object(builder);
	return json_text_finish(builder, FALSE);
}
