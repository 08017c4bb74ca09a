/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs of files, as libvirt's own tests of XML have them: `domain_xml_test FOLDER`, TAP.
 *   NAME.xml NAME.json   the one becomes the other, and the other becomes what becomes the same again
 *   NAME.xml alone       is refused with the words of its first line, a comment
 */
#include <config.h>

#include <stdio.h>

#include "util/virerror.h"

#include "root-partition/config/definition_json.h"
#include "root-partition/libvirt/domain_xml.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

static virDomainXMLOption *options;

/* There is one network. */
static char *bridge_of(const char *network)
{
	if (strcmp(network, "default") == 0)
		return g_strdup("virbr0");
	virReportError(VIR_ERR_NO_NETWORK, "no network with matching name '%s'", network);
	return NULL;
}

static char *read_file(const char *folder, const char *name, const char *suffix)
{
	g_autofree char *file = g_strconcat(name, suffix, NULL);
	g_autofree char *path = g_build_filename(folder, file, NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* As JSON; NULL and libvirt's error. */
static char *convert(const char *xml)
{
	g_autoptr(virDomainDef) def = virDomainDefParseString(
		xml, options, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);
	g_autoptr(definition_pointer) definition =
		def ? domain_xml_to_definition(xml, def, NULL, options) : NULL;

	return definition ? definition_to_json(definition) : NULL;
}

/* What our definition is shown as becomes the same definition. */
static char *there_and_back(const char *json)
{
	g_autoptr(definition_pointer)
		definition = definition_parse(json, strlen(json), NULL);
	g_autoptr(virDomainDef)
		def = definition ? domain_xml_to_def(definition, options) : NULL;
	g_autofree char *xml =
		def ? virDomainDefFormat(def, options, VIR_DOMAIN_DEF_FORMAT_INACTIVE) :
		      NULL;

	return xml ? convert(xml) : NULL;
}

static bool check_pair(const char *xml, const char *json)
{
	g_autofree char *made = convert(xml);
	g_autofree char *again = there_and_back(json);

	if (g_strcmp0(made, json) != 0)
		printf("# becomes %s (%s)\n", made, virGetLastErrorMessage());
	if (g_strcmp0(again, json) != 0)
		printf("# there and back %s (%s)\n", again, virGetLastErrorMessage());
	return g_strcmp0(made, json) == 0 && g_strcmp0(again, json) == 0;
}

static bool check_refused(const char *xml)
{
	const char *end = strstr(xml, " -->");
	g_autofree char *words =
		g_str_has_prefix(xml, "<!-- ") && end ?
			g_strndup(xml + strlen("<!-- "), (gsize)(end - xml) - 5) :
			NULL;
	g_autofree char *made = convert(xml);
	bool refused = !made && words && strstr(virGetLastErrorMessage(), words);

	if (!refused)
		printf("# not refused with '%s': %s\n", words,
		       made ? made : virGetLastErrorMessage());
	return refused;
}

static bool check(const char *folder, const char *name)
{
	g_autofree char *xml = read_file(folder, name, ".xml");
	g_autofree char *json = read_file(folder, name, ".json");

	virResetLastError();
	return json ? check_pair(xml, json) : check_refused(xml);
}

static void be_silent(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

int main(int argc, char **argv)
{
	g_autoptr(GDir) folder = argc == 2 ? g_dir_open(argv[1], 0, NULL) : NULL;
	unsigned int count = 0, failed = 0;
	const char *file;

	if (!folder || virErrorInitialize() < 0)
		return 2;
	virSetErrorFunc(NULL, be_silent);
	domain_xml_bridge_of = bridge_of;
	options = virDomainXMLOptionNew(&domain_xml_parser, NULL, NULL, NULL, NULL, NULL);
	while ((file = g_dir_read_name(folder))) {
		g_autofree char *name = g_strndup(file, strcspn(file, "."));
		bool passed;

		if (!g_str_has_suffix(file, ".xml"))
			continue;
		passed = check(argv[1], name);
		failed += !passed;
		printf("%s %u - %s\n", passed ? "ok" : "not ok", ++count, name);
	}
	printf("1..%u\n", count);
	virObjectUnref(options);
	return failed || !count;
}
