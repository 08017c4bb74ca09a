/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NDIS objects that RNDIS carries: object identifiers and what is asked for or set by them.
 * Names and values as in the Windows driver documentation (NDIS 6.30), Linux's hyperv_net.h
 * and FreeBSD's ndis.h.
 */
#ifndef VIRIDIS_ABI_NDIS_H
#define VIRIDIS_ABI_NDIS_H

#include <stdint.h>
#include <viridis/base/assert.h>

/* ---- Object identifiers ---- */

#define OID_GEN_SUPPORTED_LIST                0x00010101u
#define OID_GEN_HARDWARE_STATUS               0x00010102u
#define OID_GEN_MEDIA_SUPPORTED               0x00010103u
#define OID_GEN_MEDIA_IN_USE                  0x00010104u
#define OID_GEN_MAXIMUM_LOOKAHEAD             0x00010105u
#define OID_GEN_MAXIMUM_FRAME_SIZE            0x00010106u
#define OID_GEN_LINK_SPEED                    0x00010107u
#define OID_GEN_TRANSMIT_BUFFER_SPACE         0x00010108u
#define OID_GEN_RECEIVE_BUFFER_SPACE          0x00010109u
#define OID_GEN_TRANSMIT_BLOCK_SIZE           0x0001010au
#define OID_GEN_RECEIVE_BLOCK_SIZE            0x0001010bu
#define OID_GEN_VENDOR_ID                     0x0001010cu
#define OID_GEN_VENDOR_DESCRIPTION            0x0001010du
#define OID_GEN_CURRENT_PACKET_FILTER         0x0001010eu
#define OID_GEN_CURRENT_LOOKAHEAD             0x0001010fu
#define OID_GEN_DRIVER_VERSION                0x00010110u
#define OID_GEN_MAXIMUM_TOTAL_SIZE            0x00010111u
#define OID_GEN_MAC_OPTIONS                   0x00010113u
#define OID_GEN_MEDIA_CONNECT_STATUS          0x00010114u
#define OID_GEN_MAXIMUM_SEND_PACKETS          0x00010115u
#define OID_GEN_VENDOR_DRIVER_VERSION         0x00010116u
#define OID_GEN_NETWORK_LAYER_ADDRESSES       0x00010118u
#define OID_GEN_PHYSICAL_MEDIUM               0x00010202u
#define OID_GEN_RECEIVE_SCALE_CAPABILITIES    0x00010203u
#define OID_GEN_RECEIVE_SCALE_PARAMETERS      0x00010204u
#define OID_GEN_MAX_LINK_SPEED                0x00010206u
#define OID_GEN_LINK_STATE                    0x00010207u
#define OID_GEN_RNDIS_CONFIG_PARAMETER        0x0001021bu
#define OID_GEN_XMIT_OK                       0x00020101u
#define OID_GEN_RCV_OK                        0x00020102u
#define OID_GEN_XMIT_ERROR                    0x00020103u
#define OID_GEN_RCV_ERROR                     0x00020104u
#define OID_GEN_RCV_NO_BUFFER                 0x00020105u
#define OID_GEN_FRIENDLY_NAME                 0x00020216u
#define OID_802_3_PERMANENT_ADDRESS           0x01010101u
#define OID_802_3_CURRENT_ADDRESS             0x01010102u
#define OID_802_3_MULTICAST_LIST              0x01010103u
#define OID_802_3_MAXIMUM_LIST_SIZE           0x01010104u
#define OID_OFFLOAD_ENCAPSULATION             0x0101010au
#define OID_802_3_RCV_ERROR_ALIGNMENT         0x01020101u
#define OID_802_3_XMIT_ONE_COLLISION          0x01020102u
#define OID_802_3_XMIT_MORE_COLLISIONS        0x01020103u
#define OID_TCP_OFFLOAD_CURRENT_CONFIG        0xfc01020bu
#define OID_TCP_OFFLOAD_PARAMETERS            0xfc01020cu
#define OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES 0xfc01020du

/* CURRENT_PACKET_FILTER */
#define NDIS_FILTER_DIRECTED      0x01u
#define NDIS_FILTER_MULTICAST     0x02u
#define NDIS_FILTER_ALL_MULTICAST 0x04u
#define NDIS_FILTER_BROADCAST     0x08u
#define NDIS_FILTER_PROMISCUOUS   0x20u

/* MEDIA_CONNECT_STATUS */
#define NDIS_MEDIA_CONNECTED    0u
#define NDIS_MEDIA_DISCONNECTED 1u

#define NDIS_MAC_OPTION_NO_LOOPBACK 0x08u
#define NDIS_MAC_OPTION_8021Q       0x50u /* 8021P_PRIORITY and 8021Q_VLAN */

/* ---- Objects ---- */

#define NDIS_TYPE_DEFAULT          0x80u
#define NDIS_TYPE_RSS_CAPABILITIES 0x88u
#define NDIS_TYPE_RSS_PARAMETERS   0x89u
#define NDIS_TYPE_OFFLOAD          0xa7u
#define NDIS_TYPE_ENCAPSULATION    0xa8u

struct ndis_object_header {
	uint8_t type;
	uint8_t revision;
	uint16_t bytes; /* of the object */
};
ASSERT_SIZE(struct ndis_object_header, 4);

/* MAX_LINK_SPEED, in bit/s. */
struct ndis_link_speed {
	uint64_t send;
	uint64_t receive;
};
ASSERT_SIZE(struct ndis_link_speed, 16);

struct ndis_link_state {
	struct ndis_object_header header;
	uint32_t media; /* NDIS_LINK_* */
	uint32_t duplex;
	uint32_t reserved;
	struct ndis_link_speed speed;
	uint32_t pause; /* 0: there is none */
	uint32_t negotiated;
};
ASSERT_SIZE(struct ndis_link_state, 40);
ASSERT_OFFSET(struct ndis_link_state, speed, 16);

#define NDIS_LINK_CONNECTED    1u
#define NDIS_LINK_DISCONNECTED 2u
#define NDIS_LINK_FULL_DUPLEX  2u

/* OFFLOAD_ENCAPSULATION: what stands before IP in frames that offloads are for. */
struct ndis_encapsulation_of {
	uint32_t enabled; /* NDIS_ENCAPSULATION_ON */
	uint32_t type;    /* NDIS_ENCAPSULATION_802_3 */
	uint32_t header_bytes;
};
struct ndis_encapsulation {
	struct ndis_object_header header;
	struct ndis_encapsulation_of ipv4;
	struct ndis_encapsulation_of ipv6;
};
ASSERT_SIZE(struct ndis_encapsulation, 28);
#define NDIS_ENCAPSULATION_ON 1u

/* TCP_OFFLOAD_HARDWARE_CAPABILITIES, TCP_OFFLOAD_CURRENT_CONFIG: what an IP version's checksums can be done. */
struct ndis_checksum_offload {
	uint32_t tx_encapsulation;
	uint32_t tx; /* NDIS_CHECKSUM_* */
	uint32_t rx_encapsulation;
	uint32_t rx;
};
ASSERT_SIZE(struct ndis_checksum_offload, 16);

#define NDIS_ENCAPSULATION_802_3 0x2u

#define NDIS_CHECKSUM_IP_OPTIONS  0x01u /* IPv6: extension headers */
#define NDIS_CHECKSUM_TCP_OPTIONS 0x04u
#define NDIS_CHECKSUM_TCP         0x10u
#define NDIS_CHECKSUM_UDP         0x40u
#define NDIS_CHECKSUM_IP          0x100u /* IPv4 */

struct ndis_lso {
	uint32_t encapsulation;
	uint32_t bytes_max;
	uint32_t segments_min;
};
ASSERT_SIZE(struct ndis_lso, 12);

#define NDIS_LSO_IPV6_EXTENSIONS 0x1u
#define NDIS_LSO_IPV6_OPTIONS    0x4u

struct ndis_offload {
	struct ndis_object_header header;
	struct ndis_checksum_offload ipv4;
	struct ndis_checksum_offload ipv6;
	uint32_t lso_v1[4];
	uint32_t ipsec_v1[7];
	struct ndis_lso lso_ipv4;
	struct ndis_lso lso_ipv6;
	uint32_t lso_ipv6_options;
	uint32_t flags;
	uint32_t ipsec_v2[8];
	uint8_t rsc_ipv4; /* from revision 3 */
	uint8_t rsc_ipv6;
	uint16_t reserved;
	uint32_t encapsulated_flags;
	uint32_t encapsulated_header_bytes_max;
};
ASSERT_SIZE(struct ndis_offload, 156);
ASSERT_OFFSET(struct ndis_offload, lso_ipv4, 80);
ASSERT_OFFSET(struct ndis_offload, flags, 108);
ASSERT_OFFSET(struct ndis_offload, rsc_ipv4, 144);

/* By revision, 1 to 3: NDIS 6.0, 6.1, 6.30. */
#define NDIS_OFFLOAD_BYTES_1 112u
#define NDIS_OFFLOAD_BYTES_2 144u
#define NDIS_OFFLOAD_BYTES_3 156u

/* TCP_OFFLOAD_PARAMETERS: 0 is no change everywhere. */
enum ndis_checksum_setting {
	NDIS_CHECKSUM_UNCHANGED = 0,
	NDIS_CHECKSUM_OFF = 1,
	NDIS_CHECKSUM_TX = 2,
	NDIS_CHECKSUM_RX = 3,
	NDIS_CHECKSUM_TX_RX = 4,
};
enum ndis_switch { NDIS_UNCHANGED = 0, NDIS_OFF = 1, NDIS_ON = 2 };

struct ndis_offload_parameters {
	struct ndis_object_header header;
	uint8_t ipv4_checksum; /* enum ndis_checksum_setting */
	uint8_t tcp_ipv4_checksum;
	uint8_t udp_ipv4_checksum;
	uint8_t tcp_ipv6_checksum;
	uint8_t udp_ipv6_checksum;
	uint8_t lso_v1;
	uint8_t ipsec_v1;
	uint8_t lso_ipv4; /* enum ndis_switch */
	uint8_t lso_ipv6;
	uint8_t tcp_connection_ipv4;
	uint8_t tcp_connection_ipv6;
	uint8_t reserved1;
	uint32_t flags;
	uint8_t ipsec_v2; /* from revision 2 */
	uint8_t ipsec_v2_ipv4;
	uint8_t rsc_ipv4; /* from revision 3; enum ndis_switch */
	uint8_t rsc_ipv6;
	uint8_t encapsulated;
	uint8_t encapsulation_types;
	uint16_t reserved2;
};
ASSERT_SIZE(struct ndis_offload_parameters, 28);
ASSERT_OFFSET(struct ndis_offload_parameters, flags, 16);
ASSERT_OFFSET(struct ndis_offload_parameters, rsc_ipv4, 22);
#define NDIS_OFFLOAD_PARAMETERS_BYTES_1 20u

/* RECEIVE_SCALE_CAPABILITIES; sent without the padding behind indirection_entries. */
struct ndis_rss_capabilities {
	struct ndis_object_header header;
	uint32_t flags;
	uint32_t messages;
	uint32_t queues;
	uint16_t indirection_entries; /* from revision 2 */
	uint16_t reserved;
};
ASSERT_SIZE(struct ndis_rss_capabilities, 20);
#define NDIS_RSS_CAPABILITIES_BYTES_1 16u
#define NDIS_RSS_CAPABILITIES_BYTES_2 18u

#define NDIS_RSS_TOEPLITZ        0x00000001u
#define NDIS_RSS_CAPABILITY_IPV4 0x00000100u
#define NDIS_RSS_CAPABILITY_IPV6 0x00000200u
#define NDIS_RSS_CAPABILITY_DPC  0x04000000u

struct ndis_rss_parameters {
	struct ndis_object_header header;
	uint16_t flags; /* NDIS_RSS_* */
	uint16_t base_cpu;
	uint32_t hash; /* function and NDIS_HASH_* */
	uint16_t indirection_bytes;
	uint16_t reserved1;
	uint32_t indirection_offset; /* from the start of the object */
	uint16_t key_bytes;
	uint16_t reserved2;
	uint32_t key_offset;
	uint32_t cpu_mask_offset; /* from revision 2 */
	uint32_t cpu_mask_count;
	uint32_t cpu_mask_bytes;
};
ASSERT_SIZE(struct ndis_rss_parameters, 40);
#define NDIS_RSS_PARAMETERS_BYTES_1 28u

#define NDIS_RSS_BASE_CPU_UNCHANGED    0x01u
#define NDIS_RSS_HASH_UNCHANGED        0x02u
#define NDIS_RSS_INDIRECTION_UNCHANGED 0x04u
#define NDIS_RSS_KEY_UNCHANGED         0x08u
#define NDIS_RSS_DISABLE               0x10u

#define NDIS_RSS_INDIRECTION_ENTRIES 128u
#define NDIS_RSS_KEY_BYTES           40u

#define NDIS_HASH_IPV4     0x00000100u
#define NDIS_HASH_TCP_IPV4 0x00000200u
#define NDIS_HASH_IPV6     0x00000400u
#define NDIS_HASH_TCP_IPV6 0x00001000u

/*
 * RNDIS_CONFIG_PARAMETER: name and value in UTF-16, offsets from the start of this. Names that begin with an
 * asterisk are keywords of Windows' network adapters, with a digit for a value.
 */
struct ndis_config_parameter {
	uint32_t name_offset;
	uint32_t name_bytes;
	uint32_t type;
	uint32_t value_offset;
	uint32_t value_bytes;
};
ASSERT_SIZE(struct ndis_config_parameter, 20);
#define NDIS_CONFIG_STRING 2u

#endif
