/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether one XML text has all that another asks for. Pure. */
#ifndef VIRIDIS_LIBVIRT_XML_KEPT_H
#define VIRIDIS_LIBVIRT_XML_KEPT_H

#include <stdbool.h>

/*
 * NULL: every element and attribute of `asked` is in `given` too, and with `values` has the same value. Else the way
 * to the first that is not, for example devices/disk/@device, to be freed. Elements of one name are compared in their
 * order. Texts that are no XML have nothing in common.
 */
char *xml_kept_missing(const char *asked, const char *given, bool values);

#endif
