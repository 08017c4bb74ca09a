/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis-qemu-hook: what libvirt's QEMU driver runs at each step of a domain, with the domain's XML on standard input.
 * A domain whose metadata say so is given VMBus when it has started, by `viridis attach`:
 *
 *   <metadata>
 *     <viridis:vmbus xmlns:viridis="urn:viridis:vmbus">
 *       <disk>/srv/data.raw,ro</disk>
 *       <net>bridge=br0</net>
 *     </viridis:vmbus>
 *   </metadata>
 *
 * Each disk and net is told as to `viridis attach`. What is said on standard error libvirt shows to whoever started the
 * domain, and an exit status other than 0 ends it. libvirt.org/hooks.html
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAMESPACE "urn:viridis:vmbus"
#define XML_BYTES (16u << 20) /* more than libvirt takes of anybody */

/* Of a domain's name, which with PREFIX before it is one of ours: root-partition/config/definition.h. */
#define PREFIX     "qemu-"
#define NAME_BYTES (48u - (unsigned int)strlen(PREFIX))
#define NAME_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_."

enum { ARGUMENT_NAME = 1, ARGUMENT_STEP = 2, ARGUMENTS = 3 };

/* What is read of the XML. */
struct domain {
	guint depth;       /* of the element that is open */
	guint vmbus_depth; /* of the open vmbus, or 0 */
	gboolean has_vmbus;
	/* What VMBus needs of the domain. */
	gboolean of_hyperv, memory_file, memory_shared, table;
	const char *option; /* of `viridis attach`: what the open element is; or NULL */
	GString *text;      /* what it says so far */
	GPtrArray *words;
};

static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static const char *attribute(const char **names, const char **values, const char *name)
{
	for (; *names; names++, values++)
		if (strcmp(*names, name) == 0)
			return *values;
	return "";
}

/* Is the element of our namespace, by its own declaration? libvirt keeps it there. */
static gboolean is_ours(const char *element, const char **names, const char **values)
{
	const char *colon = strchr(element, ':');
	g_autofree char *declared =
		colon ? g_strdup_printf("xmlns:%.*s", (int)(colon - element), element) :
			g_strdup("xmlns");

	return strcmp(attribute(names, values, declared), NAMESPACE) == 0;
}

/* Its parent and that one's parent, or "". */
static const char *around(GMarkupParseContext *context, guint level)
{
	const GSList *open = g_markup_parse_context_get_element_stack(context);
	const char *name = g_slist_nth_data((GSList *)open, level);

	return name ? name : "";
}

static void start_element(GMarkupParseContext *context, const char *element,
                          const char **names, const char **values, gpointer data,
                          GError **error)
{
	struct domain *domain = data;
	const char *parent = around(context, 1);

	domain->depth++;
	if (domain->depth == 1)
		domain->of_hyperv = strcmp(attribute(names, values, "type"), "hyperv") ==
		                    0;
	if (strcmp(parent, "memoryBacking") == 0 && strcmp(element, "source") == 0)
		domain->memory_file =
			strcmp(attribute(names, values, "type"), "anonymous") != 0;
	else if (strcmp(parent, "memoryBacking") == 0 && strcmp(element, "access") == 0)
		domain->memory_shared =
			strcmp(attribute(names, values, "mode"), "shared") == 0;
	else if (strcmp(parent, "acpi") == 0 && strcmp(element, "table") == 0)
		domain->table = TRUE;
	if (domain->vmbus_depth == 0) {
		if (strcmp(parent, "metadata") == 0 && is_ours(element, names, values) &&
		    strcmp(local_name(element), "vmbus") == 0) {
			domain->vmbus_depth = domain->depth;
			domain->has_vmbus = TRUE;
		}
		return;
	}
	if (domain->depth == domain->vmbus_depth + 1 &&
	    strcmp(local_name(element), "disk") == 0)
		domain->option = "--disk";
	else if (domain->depth == domain->vmbus_depth + 1 &&
	         strcmp(local_name(element), "net") == 0)
		domain->option = "--net";
	else
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_UNKNOWN_ELEMENT,
		            "vmbus has disk and net, and no %s", local_name(element));
}

/* False: nothing was said. */
static gboolean add_word(struct domain *domain)
{
	g_autofree char *word = g_strstrip(g_strdup(domain->text->str));

	g_string_truncate(domain->text, 0);
	if (word[0] == 0)
		return FALSE;
	g_ptr_array_add(domain->words, g_strdup(domain->option));
	g_ptr_array_add(domain->words, g_steal_pointer(&word));
	return TRUE;
}

static void end_element(GMarkupParseContext *context, const char *element, gpointer data,
                        GError **error)
{
	struct domain *domain = data;

	(void)context;
	if (domain->option && !add_word(domain))
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
		            "vmbus: %s is empty", local_name(element));
	domain->option = NULL;
	if (domain->depth-- == domain->vmbus_depth)
		domain->vmbus_depth = 0;
}

/* Comments cut it in pieces. */
static void text(GMarkupParseContext *context, const char *content, gsize bytes,
                 gpointer data, GError **error)
{
	struct domain *domain = data;

	(void)context;
	(void)error;
	if (domain->option)
		g_string_append_len(domain->text, content, (gssize)bytes);
}

static GString *read_xml(void)
{
	GString *xml = g_string_new(NULL);
	char piece[4096];
	size_t bytes;

	while ((bytes = fread(piece, 1, sizeof(piece), stdin)) > 0 &&
	       xml->len < XML_BYTES)
		g_string_append_len(xml, piece, (gssize)bytes);
	return xml;
}

/* One that does not name us is none of our affair, whatever else it is. */
static gboolean read_domain(struct domain *domain, GError **error)
{
	static const GMarkupParser parser = { .start_element = start_element,
		                              .end_element = end_element,
		                              .text = text };
	g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(
		&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, domain, NULL);
	g_autoptr(GString) xml = read_xml();

	if (!strstr(xml->str, NAMESPACE))
		return TRUE;
	return g_markup_parse_context_parse(context, xml->str, (gssize)xml->len, error) &&
	       g_markup_parse_context_end_parse(context, error);
}

/* 0, or 1 with words on standard error. */
static int fail(const char *name, const char *why)
{
	fprintf(stderr, "viridis-qemu-hook: domain %s: %s\n", name, why);
	return 1;
}

/* Before QEMU starts: what would keep VMBus from its guest. */
static int check(const char *name, const struct domain *domain)
{
	if (name[strspn(name, G_CSET_DIGITS)] == 0)
		return fail(name,
		            "a domain with vmbus needs a name that is not a number");
	if (name[0] == '-' || name[strspn(name, NAME_CHARS)] != 0 ||
	    strlen(name) > NAME_BYTES)
		return fail(
			name,
			"a domain with vmbus needs a name of at most 43 letters, digits, "
			"'-', '_' and '.', and no '-' at its start");
	if (!domain->of_hyperv)
		return fail(name, "vmbus needs a domain of type hyperv");
	if (!domain->memory_file || !domain->memory_shared)
		return fail(
			name,
			"vmbus needs memory that is shared: <memoryBacking>"
			"<source type='memfd'/><access mode='shared'/></memoryBacking>");
	if (!domain->table)
		return fail(
			name,
			"vmbus needs the table by which the guest finds it: <os><acpi>"
			"<table type='raw'>/usr/share/qemu/viridis-vmbus.aml</table></acpi></os>");
	return 0;
}

static int run(char **words)
{
	execvp(words[0], words);
	fprintf(stderr, "viridis-qemu-hook: %s cannot be run\n", words[0]);
	return 1;
}

/* QEMU has the domain's name as its -name. */
static int attach(const char *name, struct domain *domain)
{
	g_ptr_array_insert(domain->words, 0, g_strdup("viridis"));
	g_ptr_array_insert(domain->words, 1, g_strdup("attach"));
	g_ptr_array_insert(domain->words, 2, g_strdup(name));
	g_ptr_array_insert(domain->words, 3, g_strdup("--name"));
	g_ptr_array_insert(domain->words, 4, g_strconcat(PREFIX, name, NULL));
	g_ptr_array_add(domain->words, NULL);
	return run((char **)domain->words->pdata);
}

/* The attachment has ended with QEMU; its name is free again. Another VM that has the name stays. */
static int forget(const char *name)
{
	g_autofree char *attached = g_strconcat(PREFIX, name, NULL);
	char *words[] = { "viridis", "delete", "--attached", attached, NULL };

	return run(words);
}

int main(int argc, char **argv)
{
	struct domain domain = { .text = g_string_new(NULL), .words = g_ptr_array_new() };
	g_autoptr(GError) error = NULL;

	if (argc < ARGUMENTS)
		return fail("-", "libvirt runs this, as hook of a QEMU domain");
	if (!read_domain(&domain, &error))
		return fail(argv[ARGUMENT_NAME], error->message);
	if (!domain.has_vmbus)
		return 0;
	if (strcmp(argv[ARGUMENT_STEP], "prepare") == 0)
		return check(argv[ARGUMENT_NAME], &domain);
	if (strcmp(argv[ARGUMENT_STEP], "started") == 0)
		return attach(argv[ARGUMENT_NAME], &domain);
	if (strcmp(argv[ARGUMENT_STEP], "release") == 0)
		return forget(argv[ARGUMENT_NAME]);
	return 0;
}
