/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors 0, 1 and 2, which a caller may have closed. */
#ifndef VIRIDIS_VM_STD_FDS_H
#define VIRIDIS_VM_STD_FDS_H

/*
 * Those that are closed become /dev/null. First in main(): what is opened otherwise would get their
 * numbers, and what is printed would go there.
 */
void std_fds_open(void);

#endif
