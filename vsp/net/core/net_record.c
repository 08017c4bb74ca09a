/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process leaves to the next: see net_record.h. */
#include "vsp/net/core/net_record.h"
#include <viridis/base/mem.h>

#define MAGIC UINT64_C(0x3152455354454e56) /* "VNETSER1" */

/* Of `taken`, above the index. */
#define OWED         (UINT64_C(1) << 32)
#define SECOND_STATE (UINT64_C(1) << 33)

/* Of a mark, above the index. */
#define MARK_ID_SHIFT    32u
#define MARK_ID_MASK     UINT64_C(0xffff)
#define MARK_QUEUE_SHIFT 48u

#define STORE(to, value) __atomic_store_n(&(to), value, __ATOMIC_RELEASE)

void net_record_init(struct net_record *record)
{
	STORE(record->magic, UINT64_C(0));
	memset(record->queues, 0, sizeof(record->queues));
	record->frame = 0;
	record->answer = 0;
	net_sections_init(&record->sections, 0);
	STORE(record->magic, MAGIC);
}

/* ---- A queue's packets ---- */

static struct net_state *state_of(struct net_record *record, bool that_holds)
{
	bool second = record->queues[0].taken & SECOND_STATE;

	return &record->states[second == that_holds];
}

void net_record_open(struct net_record *record, uint32_t index, uint32_t channel,
                     uint32_t read, const struct net_state *state)
{
	struct net_record_queue *queue = &record->queues[index];

	STORE(queue->channel, 0u);
	queue->completing = NET_RECORD_NOWHERE;
	queue->taken = read;
	if (state)
		*state_of(record, true) = *state;
	STORE(queue->channel, channel);
}

void net_record_close(struct net_record *record, uint32_t index)
{
	STORE(record->queues[index].channel, 0u);
}

bool net_record_owes(const struct net_record_queue *queue)
{
	return queue->taken & OWED;
}

void net_record_take(struct net_record *record, uint32_t index, uint32_t read, bool owes,
                     const struct net_state *state)
{
	struct net_record_queue *queue = &record->queues[index];
	uint64_t flags = queue->taken & (OWED | SECOND_STATE);

	if (owes)
		flags |= OWED;
	if (state) {
		*state_of(record, false) = *state;
		flags ^= SECOND_STATE;
	}
	STORE(queue->taken, flags | read); /* L1 */
}

void net_record_change(struct net_record *record, const struct net_state *state)
{
	net_record_take(record, 0, net_record_read(&record->queues[0]), false, state);
}

void net_record_complete(struct net_record_queue *queue, uint32_t index_behind)
{
	STORE(queue->completing, index_behind); /* L2 */
}

void net_record_completed(struct net_record_queue *queue, bool put)
{
	if (put)
		STORE(queue->taken, queue->taken & ~OWED);
	STORE(queue->completing, NET_RECORD_NOWHERE);
}

/* ---- Packets with sections ---- */

void net_record_mark(uint64_t *mark, uint64_t id, uint32_t queue, uint32_t index_behind)
{
	STORE(*mark,
	      (uint64_t)queue << MARK_QUEUE_SHIFT | id << MARK_ID_SHIFT | index_behind);
}

void net_record_unmark(uint64_t *mark)
{
	STORE(*mark, UINT64_C(0));
}

/* ---- Taking it up ---- */

/* Any byte may stand there. */
static bool read_bool(const bool *value)
{
	uint8_t byte;

	memcpy(&byte, value, sizeof(byte));
	return byte == 1;
}

static void read_offloads(struct ndis_offloads *offloads,
                          const struct ndis_offloads *saved,
                          const struct ndis_offloads *able)
{
	offloads->ipv4_checksum_tx = read_bool(&saved->ipv4_checksum_tx) &&
	                             able->ipv4_checksum_tx;
	offloads->checksum_tx = read_bool(&saved->checksum_tx) && able->checksum_tx;
	offloads->checksum_rx = read_bool(&saved->checksum_rx) && able->checksum_rx;
	offloads->lso = read_bool(&saved->lso) && able->lso;
	offloads->rsc = read_bool(&saved->rsc) && able->rsc;
	offloads->lso_bytes = saved->lso_bytes;
}

static bool read_rss(struct ndis_rss *rss, const struct ndis_rss *saved, uint32_t queues)
{
	uint32_t count = saved->entry_count;

	if (count > NDIS_RSS_INDIRECTION_ENTRIES || (count & (count - 1)) != 0)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (saved->entries[i] >= queues)
			return false;
	rss->hash = saved->hash;
	rss->entry_count = count;
	memcpy(rss->key, saved->key, sizeof(rss->key));
	memcpy(rss->entries, saved->entries, sizeof(rss->entries));
	rss->enabled = read_bool(&saved->enabled);
	return true;
}

/* Of one that is mapped the sizes are right only when the guest was told the same by us; else no section lies where it says. */
static bool read_buffer(struct net_buffer_status *buffer,
                        const struct net_buffer_status *saved, uint32_t section_bytes)
{
	*buffer = (struct net_buffer_status){ .state = NET_BUFFER_NONE };
	if (saved->state == NET_BUFFER_NONE)
		return true;
	if (saved->state != NET_BUFFER_MAPPING && saved->state != NET_BUFFER_MAPPED)
		return false;
	buffer->state = saved->state;
	buffer->gpadl = saved->gpadl;
	if (saved->state == NET_BUFFER_MAPPING)
		return true;
	buffer->section_bytes = saved->section_bytes;
	buffer->section_count = saved->section_count;
	return saved->section_bytes == section_bytes && saved->section_count != 0 &&
	       saved->section_count <= NET_SECTIONS_MAX;
}

static bool read_device(struct net_device *device, const struct net_device *saved)
{
	const struct net_settings *settings = &device->settings;

	if (saved->version != 0 &&
	    nvsp_choose_version(saved->version, saved->version) != saved->version)
		return false;
	if (saved->mtu < NET_MTU_MIN || saved->mtu > settings->mtu ||
	    saved->sub_channels >= NET_QUEUES_MAX ||
	    saved->multicast_count > NET_MULTICAST_MAX)
		return false;
	device->version = saved->version;
	device->mtu = saved->mtu;
	device->capabilities = saved->capabilities;
	device->sub_channels = saved->sub_channels;
	device->initialized = read_bool(&saved->initialized);
	device->link_up = read_bool(&saved->link_up);
	memcpy(device->mac, saved->mac, sizeof(device->mac));
	device->filter = saved->filter;
	device->multicast_count = saved->multicast_count;
	memcpy(device->multicast, saved->multicast, sizeof(device->multicast));
	device->keywords = saved->keywords;
	read_offloads(&device->offloads, &saved->offloads, &settings->capabilities);
	return read_buffer(&device->buffers[NET_SEND_BUFFER],
	                   &saved->buffers[NET_SEND_BUFFER], NET_SEND_SECTION) &&
	       read_buffer(&device->buffers[NET_RECEIVE_BUFFER],
	                   &saved->buffers[NET_RECEIVE_BUFFER],
	                   net_device_receive_section(device)) &&
	       read_rss(&device->rss, &saved->rss, settings->queues);
}

static bool read_asked(struct net_state *state, const struct net_state *saved)
{
	const struct net_buffer_status *buffers = state->device.buffers;

	state->asked = saved->asked;
	state->asked_id = saved->asked_id;
	state->asked_answered = read_bool(&saved->asked_answered);
	state->asked_channels = saved->asked_channels;
	switch (state->asked) {
	case NET_ASKED_NOTHING:
		return true;
	case NET_ASKED_SUB_CHANNELS:
		return saved->asked_channels < NET_QUEUES_MAX;
	case NET_ASKED_LOAN:
		if ((unsigned int)saved->asked_buffer >= NET_BUFFERS)
			return false;
		state->asked_buffer = saved->asked_buffer;
		return buffers[state->asked_buffer].state == NET_BUFFER_MAPPING;
	}
	return false;
}

bool net_record_resume(struct net_record *record, const struct net_settings *settings,
                       struct net_state *state)
{
	const struct net_state *saved = state_of(record, true);
	const struct net_buffer_status *buffer =
		&state->device.buffers[NET_RECEIVE_BUFFER];

	memset(state, 0, sizeof(*state));
	net_device_init(&state->device, settings);
	if (record->magic != MAGIC || !read_device(&state->device, &saved->device) ||
	    !read_asked(state, saved) || saved->answer_bytes > sizeof(state->answer))
		return false;
	state->table_owed = read_bool(&saved->table_owed);
	state->answer_bytes = saved->answer_bytes;
	memcpy(state->answer, saved->answer, sizeof(state->answer));
	net_sections_resume(&record->sections, buffer->section_count);
	return true;
}

/* True: the packet of that mark was put. Its sections are free if it was not. */
static bool settle(struct net_record *record, uint64_t *mark, uint32_t index,
                   uint32_t write)
{
	uint64_t id = *mark >> MARK_ID_SHIFT & MARK_ID_MASK;
	bool put = (uint32_t)*mark == write;

	if (id == 0 || *mark >> MARK_QUEUE_SHIFT != index)
		return false;
	if (!put)
		(void)!net_sections_return(&record->sections,
		                           id); /* not taken yet: nothing changes */
	net_record_unmark(mark);
	return put;
}

void net_record_resume_queue(struct net_record *record, uint32_t index, uint32_t write,
                             struct net_state *state)
{
	struct net_record_queue *queue = &record->queues[index];

	if (net_record_owes(queue))
		net_record_completed(queue, queue->completing == write);
	if (queue->completion.bytes > sizeof(queue->completion.message))
		queue->completion.bytes = 0;
	(void)settle(record, &record->frame, index, write);
	if (settle(record, &record->answer, index, write))
		state->answer_bytes = 0;
}
