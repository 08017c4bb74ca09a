/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two trees walked together. */
#include "root-partition/libvirt/xml_kept.h"

#include <glib.h>
#include <libxml/parser.h>
#include <string.h>

#define DEPTH_MAX 32

struct walk {
	bool values;
	GPtrArray *path; /* names on the way, the root's own left out */
};

/*
 * What libvirt shows of a domain that runs, and takes back without meaning anything by it; and what is kept as it
 * was written.
 */
static const char *const not_compared[] = { "@id", "@tty", "alias", "metadata" };

static bool is_compared(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(not_compared); i++)
		if (strcmp(not_compared[i], name) == 0)
			return false;
	return true;
}

/* NULL, or the whole way as text. */
static char *missing(struct walk *walk, const char *prefix, const char *name)
{
	g_autofree char *last = g_strconcat(prefix, name, NULL);
	char *text;

	if (!is_compared(last))
		return NULL;
	g_ptr_array_add(walk->path, last);
	g_ptr_array_add(walk->path, NULL);
	text = g_strjoinv("/", (char **)walk->path->pdata);
	g_ptr_array_set_size(walk->path, (gint)walk->path->len - 2);
	return text;
}

static char *missing_attribute(struct walk *walk, xmlNode *asked, xmlNode *given)
{
	for (xmlAttr *attribute = asked->properties; attribute;
	     attribute = attribute->next) {
		xmlChar *want = xmlGetProp(asked, attribute->name);
		xmlChar *have = xmlGetProp(given, attribute->name);
		bool kept = have && (!walk->values || xmlStrEqual(want, have));
		char *name;

		xmlFree(want);
		if (have)
			xmlFree(have);
		name = kept ? NULL : missing(walk, "@", (const char *)attribute->name);
		if (name)
			return name;
	}
	return NULL;
}

static bool is_element(const xmlNode *node, const xmlChar *name)
{
	return node->type == XML_ELEMENT_NODE && xmlStrEqual(node->name, name);
}

/* As many of that name come before it as before `element` among its own siblings. */
static xmlNode *counterpart(const xmlNode *element, xmlNode *parent)
{
	unsigned int before = 0;

	for (const xmlNode *at = element->prev; at; at = at->prev)
		before += is_element(at, element->name);
	for (xmlNode *at = parent->children; at; at = at->next)
		if (is_element(at, element->name) && before-- == 0)
			return at;
	return NULL;
}

/* Text beside elements is layout. */
static bool same_text(const xmlNode *asked, const xmlNode *given)
{
	g_autofree char *want = NULL;
	g_autofree char *have = NULL;
	xmlChar *text;

	if (xmlChildElementCount((xmlNode *)asked))
		return true;
	text = xmlNodeGetContent(asked);
	want = g_strstrip(g_strdup((const char *)text));
	xmlFree(text);
	text = xmlNodeGetContent(given);
	have = g_strstrip(g_strdup((const char *)text));
	xmlFree(text);
	return strcmp(want, have) == 0;
}

static char *missing_below(struct walk *walk, xmlNode *asked, xmlNode *given);

/* In one element of that name: without values any of them will do, as their order may be another. */
static char *missing_from(struct walk *walk, xmlNode *asked, xmlNode *given)
{
	char *result = missing_below(walk, asked, given);

	for (xmlNode *other = given->parent->children; other && result && !walk->values;
	     other = other->next) {
		if (!is_element(other, asked->name))
			continue;
		g_free(result);
		result = missing_below(walk, asked, other);
	}
	return result;
}

static char *missing_element(struct walk *walk, xmlNode *asked, xmlNode *given)
{
	xmlNode *other = counterpart(asked, given);
	const char *name = (const char *)asked->name;
	char *result;

	if (!is_compared(name))
		return NULL;
	if (!other || (walk->values && !same_text(asked, other)) ||
	    walk->path->len >= DEPTH_MAX)
		return missing(walk, "", name);
	g_ptr_array_add(walk->path, (char *)name);
	result = missing_from(walk, asked, other);
	g_ptr_array_set_size(walk->path, (gint)walk->path->len - 1);
	return result;
}

/* Recursion is bounded by DEPTH_MAX. */
static char *missing_below(struct walk *walk, xmlNode *asked, xmlNode *given)
{
	char *result = missing_attribute(walk, asked, given);

	for (xmlNode *child = asked->children; child && !result; child = child->next)
		if (child->type == XML_ELEMENT_NODE)
			result = missing_element(walk, child, given);
	return result;
}

static xmlDoc *parse(const char *text)
{
	return xmlReadMemory(text, (int)strlen(text), "domain", NULL,
	                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
	                             XML_PARSE_NOCDATA);
}

char *xml_kept_missing(const char *asked, const char *given, bool values)
{
	g_autoptr(GPtrArray) path = g_ptr_array_new();
	struct walk walk = { .values = values, .path = path };
	xmlDoc *want = parse(asked);
	xmlDoc *have = parse(given);
	char *result = g_strdup("domain");

	if (want && have && xmlDocGetRootElement(want) && xmlDocGetRootElement(have)) {
		g_free(result);
		result = missing_below(&walk, xmlDocGetRootElement(want),
		                       xmlDocGetRootElement(have));
	}
	if (want)
		xmlFreeDoc(want);
	if (have)
		xmlFreeDoc(have);
	return result;
}
