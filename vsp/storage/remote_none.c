/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the program whose disks are this machine's own. */
#include "vsp/storage/remote.h"

const struct remote *const storage_remote = NULL;
