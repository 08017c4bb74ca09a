/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of SAM-5, SPC-4 and SBC-3 that the device model speaks. */
#ifndef VIRIDIS_VSP_STORAGE_SCSI_CODES_H
#define VIRIDIS_VSP_STORAGE_SCSI_CODES_H

#define SCSI_BLOCK_BYTES 512u
#define SCSI_BLOCK_SHIFT 9u

enum scsi_status { /* SAM-5 5.3.1 */
	           SCSI_STATUS_GOOD = 0x00,
	           SCSI_STATUS_CHECK_CONDITION = 0x02,
};

enum scsi_opcode { /* SPC-4 annex F */
	           SCSI_TEST_UNIT_READY = 0x00,
	           SCSI_REQUEST_SENSE = 0x03,
	           SCSI_READ_6 = 0x08,
	           SCSI_WRITE_6 = 0x0a,
	           SCSI_INQUIRY = 0x12,
	           SCSI_MODE_SENSE_6 = 0x1a,
	           SCSI_START_STOP_UNIT = 0x1b,
	           SCSI_READ_CAPACITY_10 = 0x25,
	           SCSI_READ_10 = 0x28,
	           SCSI_WRITE_10 = 0x2a,
	           SCSI_VERIFY_10 = 0x2f,
	           SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	           SCSI_UNMAP = 0x42,
	           SCSI_LOG_SENSE = 0x4d,
	           SCSI_MODE_SENSE_10 = 0x5a,
	           SCSI_PERSISTENT_RESERVE_IN = 0x5e,
	           SCSI_ATA_PASS_THROUGH_16 = 0x85,
	           SCSI_READ_16 = 0x88,
	           SCSI_WRITE_16 = 0x8a,
	           SCSI_VERIFY_16 = 0x8f,
	           SCSI_SYNCHRONIZE_CACHE_16 = 0x91,
	           SCSI_WRITE_SAME_16 = 0x93,
	           SCSI_SERVICE_ACTION_IN_16 = 0x9e,
	           SCSI_REPORT_LUNS = 0xa0,
	           SCSI_ATA_PASS_THROUGH_12 = 0xa1,
	           SCSI_READ_12 = 0xa8,
	           SCSI_WRITE_12 = 0xaa,
	           SCSI_VERIFY_12 = 0xaf,
};

#define SCSI_SERVICE_READ_CAPACITY_16 0x10u

enum scsi_vpd_page { /* SPC-4 7.8, SBC-3 6.5 */
	             SCSI_VPD_SUPPORTED_PAGES = 0x00,
	             SCSI_VPD_SERIAL_NUMBER = 0x80,
	             SCSI_VPD_DEVICE_IDENTIFICATION = 0x83,
	             SCSI_VPD_BLOCK_LIMITS = 0xb0,
	             SCSI_VPD_BLOCK_CHARACTERISTICS = 0xb1,
	             SCSI_VPD_LOGICAL_BLOCK_PROVISIONING = 0xb2,
};

enum scsi_mode_page { /* SBC-3 6.4, SPC-4 7.5 */
	              SCSI_MODE_PAGE_CACHING = 0x08,
	              SCSI_MODE_PAGE_CONTROL = 0x0a,
	              SCSI_MODE_PAGE_ALL = 0x3f,
};
#define SCSI_MODE_SUBPAGE_ALL 0xffu

/* SPC-4 6.6: peripheral qualifier 3, device type 0x1f: nothing can be here. */
#define SCSI_PERIPHERAL_ABSENT 0x7fu

#endif
