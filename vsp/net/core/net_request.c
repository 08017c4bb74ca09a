/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RNDIS's side of an adapter: requests, by one table of the objects that can be asked for. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsp/net/core/net_device.h"

/* Packets that may share a transfer of the guest's, on multiples of 8. */
#define PACKETS_MAX     8u
#define TRANSFER_BYTES  0x4000u
#define ALIGNMENT_SHIFT 3u

/* In units of 100 bit/s, which fit into 32 bits up to 400 Gbit/s: 10 Gbit/s. */
#define LINK_SPEED 100000000u

/* ---- What can be asked for ---- */

/* What a question has besides its OID, and where its answer goes. */
struct query {
	const struct rndis_request *request;
	uint8_t *information;
	uint32_t bytes; /* of the answer */
};
#define INFORMATION_BYTES_MAX (NET_ANSWER_BYTES_MAX - RNDIS_ANSWER_BYTES_MAX(0))

typedef uint32_t (*number_function)(const struct net_device *device);
typedef void (*object_function)(const struct net_device *device, struct query *query);

static void give_answer(struct query *query, const void *bytes, uint32_t count)
{
	memcpy(query->information, bytes, count);
	query->bytes = count;
}

static uint32_t zero(const struct net_device *device)
{
	(void)device;
	return 0; /* hardware is ready, the medium is 802.3, there are no collisions */
}

static uint32_t mtu(const struct net_device *device)
{
	return device->settings.mtu;
}

static uint32_t frame_bytes(const struct net_device *device)
{
	return device->settings.mtu + 14;
}

static uint32_t buffer_bytes(const struct net_device *device)
{
	return frame_bytes(device) * 64;
}

static uint32_t link_speed(const struct net_device *device)
{
	(void)device;
	return LINK_SPEED;
}

static uint32_t vendor(const struct net_device *device)
{
	(void)device;
	return 0xffffff; /* none is assigned */
}

static uint32_t driver_version(const struct net_device *device)
{
	(void)device;
	return 0x0600;
}

static uint32_t filter(const struct net_device *device)
{
	return device->filter;
}

static uint32_t mac_options(const struct net_device *device)
{
	(void)device;
	return NDIS_MAC_OPTION_NO_LOOPBACK | NDIS_MAC_OPTION_8021Q;
}

static uint32_t media_status(const struct net_device *device)
{
	return device->link_up ? NDIS_MEDIA_CONNECTED : NDIS_MEDIA_DISCONNECTED;
}

static uint32_t packets_max(const struct net_device *device)
{
	(void)device;
	return PACKETS_MAX;
}

static uint32_t multicast_max(const struct net_device *device)
{
	(void)device;
	return NET_MULTICAST_MAX;
}

static uint32_t sent(const struct net_device *device)
{
	return (uint32_t)device->counts.sent;
}

static uint32_t received(const struct net_device *device)
{
	return (uint32_t)device->counts.received;
}

static uint32_t send_errors(const struct net_device *device)
{
	return (uint32_t)device->counts.send_errors;
}

static uint32_t receive_errors(const struct net_device *device)
{
	return (uint32_t)device->counts.receive_errors;
}

static uint32_t no_buffer(const struct net_device *device)
{
	return (uint32_t)device->counts.no_buffer;
}

static void give_permanent_mac(const struct net_device *device, struct query *query)
{
	give_answer(query, device->settings.mac, NDIS_MAC_BYTES);
}

static void give_mac(const struct net_device *device, struct query *query)
{
	give_answer(query, device->mac, NDIS_MAC_BYTES);
}

static void give_multicast(const struct net_device *device, struct query *query)
{
	give_answer(query, device->multicast, device->multicast_count * NDIS_MAC_BYTES);
}

static void give_description(const struct net_device *device, struct query *query)
{
	static const char text[] = "Viridis network adapter";

	(void)device;
	give_answer(query, text, sizeof(text));
}

/* In UTF-16, as Linux expects it. */
static void give_friendly_name(const struct net_device *device, struct query *query)
{
	static const char text[] = "Viridis network adapter";
	uint16_t wide[sizeof(text)];

	(void)device;
	for (unsigned int i = 0; i < sizeof(text); i++)
		wide[i] = (uint8_t)text[i];
	give_answer(query, wide, sizeof(wide));
}

static void give_offloads(struct query *query, const struct ndis_offloads *offloads)
{
	const struct rndis_request *request = query->request;
	struct ndis_offload object;
	uint32_t bytes;

	bytes = ndis_offload_write(
		&object, ndis_revision(request->information, request->information_bytes),
		offloads);
	give_answer(query, &object, bytes);
}

static void give_offload_capabilities(const struct net_device *device,
                                      struct query *query)
{
	struct ndis_offloads offered = device->settings.capabilities;

	offered.rsc = offered.rsc && (device->capabilities & NVSP_CAPABILITY_RSC);
	give_offloads(query, &offered);
}

static void give_offload_config(const struct net_device *device, struct query *query)
{
	struct ndis_offloads wanted = device->offloads;

	wanted.lso_bytes = device->settings.capabilities.lso_bytes;
	give_offloads(query, &wanted);
}

static void give_encapsulation(const struct net_device *device, struct query *query)
{
	const struct ndis_encapsulation object = ndis_encapsulation();

	(void)device;
	give_answer(query, &object, sizeof(object));
}

static void give_link_state(const struct net_device *device, struct query *query)
{
	const struct ndis_link_state object =
		ndis_link_state(device->link_up, LINK_SPEED * 100ull);

	give_answer(query, &object, sizeof(object));
}

static void give_max_link_speed(const struct net_device *device, struct query *query)
{
	const struct ndis_link_state object =
		ndis_link_state(device->link_up, LINK_SPEED * 100ull);

	give_answer(query, &object.speed, sizeof(object.speed));
}

static void give_rss_capabilities(const struct net_device *device, struct query *query)
{
	const struct rndis_request *request = query->request;
	struct ndis_rss_capabilities object;
	/* Linux asks without an object, and takes revision 2. */
	uint8_t revision =
		request->information_bytes == 0 ?
			2 :
			ndis_revision(request->information, request->information_bytes);

	give_answer(query, &object,
	            ndis_rss_capabilities_write(&object, revision,
	                                        device->settings.queues));
}

static void give_supported(const struct net_device *device, struct query *query);

static const struct object {
	uint32_t oid;
	number_function number; /* either a number of 32 bits */
	object_function object; /* or something longer */
} objects[] = {
	{ OID_GEN_SUPPORTED_LIST, NULL, give_supported },
	{ OID_GEN_HARDWARE_STATUS, zero, NULL },
	{ OID_GEN_MEDIA_SUPPORTED, zero, NULL },
	{ OID_GEN_MEDIA_IN_USE, zero, NULL },
	{ OID_GEN_MAXIMUM_LOOKAHEAD, mtu, NULL },
	{ OID_GEN_MAXIMUM_FRAME_SIZE, mtu, NULL },
	{ OID_GEN_LINK_SPEED, link_speed, NULL },
	{ OID_GEN_TRANSMIT_BUFFER_SPACE, buffer_bytes, NULL },
	{ OID_GEN_RECEIVE_BUFFER_SPACE, buffer_bytes, NULL },
	{ OID_GEN_TRANSMIT_BLOCK_SIZE, frame_bytes, NULL },
	{ OID_GEN_RECEIVE_BLOCK_SIZE, frame_bytes, NULL },
	{ OID_GEN_VENDOR_ID, vendor, NULL },
	{ OID_GEN_VENDOR_DESCRIPTION, NULL, give_description },
	{ OID_GEN_CURRENT_PACKET_FILTER, filter, NULL },
	{ OID_GEN_CURRENT_LOOKAHEAD, mtu, NULL },
	{ OID_GEN_DRIVER_VERSION, driver_version, NULL },
	{ OID_GEN_MAXIMUM_TOTAL_SIZE, frame_bytes, NULL },
	{ OID_GEN_MAC_OPTIONS, mac_options, NULL },
	{ OID_GEN_MEDIA_CONNECT_STATUS, media_status, NULL },
	{ OID_GEN_MAXIMUM_SEND_PACKETS, packets_max, NULL },
	{ OID_GEN_VENDOR_DRIVER_VERSION, driver_version, NULL },
	{ OID_GEN_PHYSICAL_MEDIUM, zero, NULL },
	{ OID_GEN_RECEIVE_SCALE_CAPABILITIES, NULL, give_rss_capabilities },
	{ OID_GEN_XMIT_OK, sent, NULL },
	{ OID_GEN_RCV_OK, received, NULL },
	{ OID_GEN_XMIT_ERROR, send_errors, NULL },
	{ OID_GEN_RCV_ERROR, receive_errors, NULL },
	{ OID_GEN_RCV_NO_BUFFER, no_buffer, NULL },
	{ OID_GEN_FRIENDLY_NAME, NULL, give_friendly_name },
	{ OID_802_3_PERMANENT_ADDRESS, NULL, give_permanent_mac },
	{ OID_802_3_CURRENT_ADDRESS, NULL, give_mac },
	{ OID_802_3_MULTICAST_LIST, NULL, give_multicast },
	{ OID_802_3_MAXIMUM_LIST_SIZE, multicast_max, NULL },
	{ OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, NULL, give_offload_capabilities },
	/* Windows asks for these as well. */
	{ OID_TCP_OFFLOAD_CURRENT_CONFIG, NULL, give_offload_config },
	{ OID_OFFLOAD_ENCAPSULATION, NULL, give_encapsulation },
	{ OID_GEN_LINK_STATE, NULL, give_link_state },
	{ OID_GEN_MAX_LINK_SPEED, NULL, give_max_link_speed },
	{ OID_802_3_RCV_ERROR_ALIGNMENT, zero, NULL },
	{ OID_802_3_XMIT_ONE_COLLISION, zero, NULL },
	{ OID_802_3_XMIT_MORE_COLLISIONS, zero, NULL },
};
_Static_assert(ARRAY_COUNT(objects) * sizeof(uint32_t) <= INFORMATION_BYTES_MAX,
               "the list of OIDs fits into an answer");
_Static_assert(NET_MULTICAST_MAX *NDIS_MAC_BYTES <= INFORMATION_BYTES_MAX,
               "the list of addresses fits into an answer");

static void give_supported(const struct net_device *device, struct query *query)
{
	uint32_t oids[ARRAY_COUNT(objects)];

	(void)device;
	for (unsigned int i = 0; i < ARRAY_COUNT(objects); i++)
		oids[i] = objects[i].oid;
	give_answer(query, oids, sizeof(oids));
}

static uint32_t query(const struct net_device *device,
                      const struct rndis_request *request, void *answer)
{
	uint8_t information[INFORMATION_BYTES_MAX];
	struct query q = { .request = request, .information = information };

	for (unsigned int i = 0; i < ARRAY_COUNT(objects); i++) {
		if (objects[i].oid != request->oid)
			continue;
		if (objects[i].object) {
			objects[i].object(device, &q);
		} else {
			uint32_t number = objects[i].number(device);

			give_answer(&q, &number, sizeof(number));
		}
		return rndis_answer_query(answer, request->request_id,
		                          RNDIS_STATUS_SUCCESS, information, q.bytes);
	}
	return rndis_answer_query(answer, request->request_id, RNDIS_STATUS_NOT_SUPPORTED,
	                          NULL, 0);
}

/* ---- What can be set ---- */

static uint32_t set_filter(struct net_device *device, const struct rndis_request *request,
                           uint32_t *changed)
{
	if (request->information_bytes < sizeof(device->filter))
		return RNDIS_STATUS_INVALID_LENGTH;
	memcpy(&device->filter, request->information, sizeof(device->filter));
	*changed |= NET_CHANGED_FILTER;
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t set_multicast(struct net_device *device,
                              const struct rndis_request *request, uint32_t *changed)
{
	if (request->information_bytes % NDIS_MAC_BYTES != 0)
		return RNDIS_STATUS_INVALID_LENGTH;
	if (request->information_bytes > sizeof(device->multicast))
		return RNDIS_STATUS_MULTICAST_FULL;
	if (request->information_bytes != 0)
		memcpy(device->multicast, request->information,
		       request->information_bytes);
	device->multicast_count = request->information_bytes / NDIS_MAC_BYTES;
	*changed |= NET_CHANGED_FILTER;
	return RNDIS_STATUS_SUCCESS;
}

/* What is not among our capabilities stays off, and Linux's request must not fail for it. */
static uint32_t take_offloads(struct net_device *device, const void *parameters,
                              uint32_t bytes, uint32_t *changed)
{
	const struct ndis_offloads *able = &device->settings.capabilities;
	struct ndis_offloads *wanted = &device->offloads;

	if (!ndis_offload_parameters_read(wanted, parameters, bytes))
		return RNDIS_STATUS_INVALID_DATA;
	wanted->ipv4_checksum_tx &= able->ipv4_checksum_tx;
	wanted->checksum_tx &= able->checksum_tx;
	wanted->checksum_rx &= able->checksum_rx;
	wanted->lso &= able->lso;
	wanted->rsc &= able->rsc && (device->capabilities & NVSP_CAPABILITY_RSC);
	*changed |= NET_CHANGED_OFFLOADS;
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t set_offloads(struct net_device *device,
                             const struct rndis_request *request, uint32_t *changed)
{
	return take_offloads(device, request->information, request->information_bytes,
	                     changed);
}

static uint32_t set_encapsulation(struct net_device *device,
                                  const struct rndis_request *request, uint32_t *changed)
{
	(void)device;
	(void)changed; /* nothing: it is what there is */
	return ndis_encapsulation_read(request->information, request->information_bytes) ?
	               RNDIS_STATUS_SUCCESS :
	               RNDIS_STATUS_INVALID_DATA;
}

static uint32_t set_rss(struct net_device *device, const struct rndis_request *request,
                        uint32_t *changed)
{
	if (!ndis_rss_parameters_read(&device->rss, device->settings.queues,
	                              request->information, request->information_bytes))
		return RNDIS_STATUS_INVALID_DATA;
	*changed |= NET_CHANGED_RSS;
	return RNDIS_STATUS_SUCCESS;
}

/* Windows gives all settings of its adapter so, among them some that are its own affair. */
static uint32_t set_parameter(struct net_device *device,
                              const struct rndis_request *request, uint32_t *changed)
{
	struct ndis_offload_parameters *keywords = &device->keywords;

	switch (ndis_parameter_read(device->mac, keywords, request->information,
	                            request->information_bytes)) {
	case NDIS_PARAMETER_INVALID:
		break;
	case NDIS_PARAMETER_OTHER:
		return RNDIS_STATUS_SUCCESS;
	case NDIS_PARAMETER_ADDRESS:
		*changed |= NET_CHANGED_FILTER;
		return RNDIS_STATUS_SUCCESS;
	case NDIS_PARAMETER_OFFLOAD:
		keywords->header = (struct ndis_object_header){ NDIS_TYPE_DEFAULT, 3,
			                                        sizeof(*keywords) };
		return take_offloads(device, keywords, sizeof(*keywords), changed);
	}
	return RNDIS_STATUS_INVALID_DATA;
}

/* Windows and FreeBSD tell us sizes and addresses that are of no interest here. */
static uint32_t ignore(struct net_device *device, const struct rndis_request *request,
                       uint32_t *changed)
{
	(void)device;
	(void)request;
	(void)changed;
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t set(struct net_device *device, const struct rndis_request *request,
                    uint32_t *changed)
{
	static const struct {
		uint32_t oid;
		uint32_t (*set)(struct net_device *device,
		                const struct rndis_request *request, uint32_t *changed);
	} settable[] = {
		{ OID_GEN_CURRENT_PACKET_FILTER, set_filter },
		{ OID_802_3_MULTICAST_LIST, set_multicast },
		{ OID_TCP_OFFLOAD_PARAMETERS, set_offloads },
		{ OID_GEN_RECEIVE_SCALE_PARAMETERS, set_rss },
		{ OID_GEN_RNDIS_CONFIG_PARAMETER, set_parameter },
		{ OID_OFFLOAD_ENCAPSULATION, set_encapsulation },
		{ OID_GEN_CURRENT_LOOKAHEAD, ignore },
		{ OID_GEN_NETWORK_LAYER_ADDRESSES, ignore },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(settable); i++)
		if (settable[i].oid == request->oid)
			return settable[i].set(device, request, changed);
	return RNDIS_STATUS_NOT_SUPPORTED;
}

/* ---- Requests ---- */

/* As it was before INITIALIZE; buffers and version stay. */
static void halt(struct net_device *device, uint32_t *changed)
{
	static const struct ndis_offloads none;
	static const struct ndis_offload_parameters no_keywords;

	device->initialized = false;
	device->filter = 0;
	device->multicast_count = 0;
	device->offloads = none;
	device->keywords = no_keywords;
	device->rss.enabled = false;
	memcpy(device->mac, device->settings.mac, sizeof(device->mac));
	*changed |= NET_CHANGED_FILTER | NET_CHANGED_OFFLOADS | NET_CHANGED_RSS;
}

static uint32_t initialize(struct net_device *device, const struct rndis_request *request,
                           void *answer)
{
	static const struct rndis_limits limits = { PACKETS_MAX, TRANSFER_BYTES,
		                                    ALIGNMENT_SHIFT };

	device->initialized = true;
	return rndis_answer_initialize(answer, request->request_id, &limits);
}

uint32_t net_device_request(struct net_device *device, const void *message,
                            uint32_t bytes, void *answer, uint32_t *changed, bool *valid)
{
	struct rndis_request request;

	*changed = 0;
	*valid = rndis_request_read(&request, message, bytes);
	if (!*valid)
		return 0;
	switch (request.type) {
	case RNDIS_INITIALIZE:
		return initialize(device, &request, answer);
	case RNDIS_QUERY:
		if (!device->initialized)
			return rndis_answer_query(answer, request.request_id,
			                          RNDIS_STATUS_NOT_READY, NULL, 0);
		return query(device, &request, answer);
	case RNDIS_SET:
		return rndis_answer_status(answer, RNDIS_SET, request.request_id,
		                           device->initialized ?
		                                   set(device, &request, changed) :
		                                   RNDIS_STATUS_NOT_READY);
	case RNDIS_KEEPALIVE:
		return rndis_answer_status(answer, RNDIS_KEEPALIVE, request.request_id,
		                           RNDIS_STATUS_SUCCESS);
	case RNDIS_RESET: /* it stays initialized, without a filter */
		halt(device, changed);
		device->initialized = true;
		return rndis_answer_reset(answer, RNDIS_STATUS_SUCCESS, true);
	case RNDIS_HALT:
		halt(device, changed);
		return 0;
	case RNDIS_PACKET:
	case RNDIS_INDICATE:
		break;
	}
	return 0;
}

uint32_t net_device_set_link(struct net_device *device, bool up, void *answer)
{
	if (device->link_up == up)
		return 0;
	device->link_up = up;
	if (!device->initialized)
		return 0;
	return rndis_indicate(answer, up ? RNDIS_STATUS_MEDIA_CONNECT :
	                                   RNDIS_STATUS_MEDIA_DISCONNECT);
}
