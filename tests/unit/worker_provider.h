/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The provider of the worker's tests, which is their own program started once more: by the VM's name it behaves. */
#ifndef VIRIDIS_TESTS_WORKER_PROVIDER_H
#define VIRIDIS_TESTS_WORKER_PROVIDER_H

#define PROVIDER "viridis-util"
#define OURS     77        /* a descriptor that a provider must not have */
#define SILENT   "silent"  /* a VM whose provider answers no command */
#define LINGERS  "lingers" /* and one whose provider's I/O outlives it */
#define BORROWS \
	"borrows" /* and one whose provider borrows what the guest lends as GPADL 2 */
#define OFFERS "offers" /* and one that wants two sub-channels of what the guest opens */
#define BORROWED \
	0x77 /* what it leaves in its last byte, long after it was asked to return it */
#define DIES_ONCE    "dies-once"    /* and one whose provider goes on where it died */
#define DIES_LEAVING "dies-leaving" /* and one whose provider dies when it is to leave */
#define NO_LAST      "no-last"      /* likewise, and has no last one */
#define LEAVES_LATE  "leaves-late"  /* and one whose provider takes a second to leave */
/* What an adapter's provider adds to its event when it is to leave, and what its last one does. */
#define LEAVES      UINT64_C(1000)
#define LEAVES_LAST UINT64_C(1000000)
#define UNWANTED_MAC \
	"02:00:00:00:00:bd"    /* an adapter with it is refused by its provider */
#define UNWANTED    "unwanted" /* a disk with this in its path is refused by its provider */
#define DEADLY      "deadly"   /* and one that it dies of */
#define PROVIDER_IO "VIRIDIS_IO" /* names the socket where this I/O is taken over */

/* What it counts, but for the innermost object and the braces behind it. */
#define COUNTERS \
	"{\"beats\":3,\"state\":\"ready\",\"list\":[1,{\"n\":2}],\"deep\":{\"a\":{\"b\":{\"c\":"

int worker_provider_main(void);

#endif
