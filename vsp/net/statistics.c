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
		{ "held-back", counts->held_back },
		{ "free-sections", net->record->sections.free_count },
		{ "rejected", counts->rejected },
		{ "signals-in", counts->signals_in },
		{ "signals-out", counts->signals_out },
	};
	g_autoptr(json_t) object = json_object();

	json_text_add_boolean(object, "ok", TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(figures); i++)
		json_text_add_int(object, figures[i].name, figures[i].value);
	return json_text_format(object, FALSE);
}
