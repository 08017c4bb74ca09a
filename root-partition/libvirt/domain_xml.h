/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Definitions as libvirt's XML, and back. Pure: text and structures alone, no file, no VM.
 *
 * Nothing that somebody wrote in XML is lost without a word: a definition is accepted only if all elements and
 * attributes that were asked for are in what it would be shown as.
 */
#ifndef VIRIDIS_LIBVIRT_DOMAIN_XML_H
#define VIRIDIS_LIBVIRT_DOMAIN_XML_H

#include "conf/domain_conf.h"

#include "root-partition/config/definition.h"

/* How libvirt's parser is to see a domain of ours. */
extern virDomainDefParserConfig domain_xml_parser;

/* The bridge of libvirt's network of that name; NULL and libvirt's error. Who needs none sets none. */
extern char *(*domain_xml_bridge_of)(const char *network);

/* What it is shown as, before libvirt has added what it adds to all. */
char *domain_xml_from_definition(const struct definition *definition);

/* What virsh calls them by: a disk by its place as in XML, an adapter "net" and its slot; NULL for one without. */
char *domain_xml_disk_alias(const struct definition_disk *disk);
char *domain_xml_net_alias(const struct definition_net *net);

/* The same as libvirt's structure, in which devices have their aliases; NULL and libvirt's error. */
virDomainDef *domain_xml_to_def(const struct definition *definition,
                                virDomainXMLOption *options);

/*
 * The definition that `xml`, which libvirt has parsed as `def`, asks for; NULL and libvirt's error, which names what
 * cannot be had. What XML has no words for is taken over from `before`, the definition in whose place it is to come,
 * if there is one.
 */
struct definition *domain_xml_to_definition(const char *xml, virDomainDef *def,
                                            const struct definition *before,
                                            virDomainXMLOption *options);

#endif
