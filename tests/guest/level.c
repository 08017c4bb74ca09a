/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Level-triggered lines of real devices, handed on to a root: three 16550s (COM2 to COM4) whose
 * "transmitter empty" interrupt is a line that a store puts up or down, at three priorities of one
 * IOAPIC. An EOI at a local APIC retires the newest interrupt, and the machine's is not the guest's:
 * who hands lines on must keep count of what is in service. So every way in which three lines can
 * nest and wait for each other is played, and the order in which they come is judged.
 */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "tests/guest/level.h"
#include "vsc/lib/apic.h"
#include "vsc/lib/clock.h"
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define ROUNDS      20u
#define PATIENCE_MS 5000
#define TPR_HOLDS_A 0x40u

/*
 * What the handler of each line does, and what is done before, in letters:
 *   +X -X  put line X up, down        wX  wait until X is requested, interrupts off
 *   tX     take interrupts until X came once more        e  EOI
 *   ( )    the TPR holds line A back, and lets it go
 * A handler that is entered again goes on behind the next bar; its last part is for all others. The
 * story has a capital for each entry, a small letter for each EOI.
 */
struct scenario {
	const char *sentence;
	const char *before;
	const char *handler[LEVEL_LINES];
	bool c_is_edge;
	const char *story;
};

static const struct scenario scenarios[] = {
	{ "a line that stays up comes again after each EOI",
	  "+A",
	  { "e|e|-Ae" },
	  false,
	  "AaAaAa" },
	{ "a higher line interrupts a lower one",
	  "+A",
	  { "+BtB-Ae", "-Be" },
	  false,
	  "ABba" },
	{ "it does so again and again, before one EOI of the lower",
	  "+A",
	  { "+BtB+BtB+BtB-Ae", "-Be" },
	  false,
	  "ABbBbBba" },
	{ "three lines nest", "+A", { "+BtB-Ae", "+CtC-Be", "-Ce" }, false, "ABCcba" },
	{ "a higher line that came, and waits, survives the EOI of the lower",
	  "+A",
	  { "+BwB-Ae", "-Be" },
	  false,
	  "AaBb" },
	{ "so do two", "+A", { "+BwB+CwC-Ae", "-Be", "-Ce" }, false, "AaCcBb" },
	{ "the lower comes again behind it if it is still up at its EOI",
	  "+A",
	  { "+BwBe|-Ae", "-Be" },
	  false,
	  "AaBbAa" },
	{ "one waits inside of one that nests",
	  "+A",
	  { "+BtB-Ae", "+CwC-Be", "-Ce" },
	  false,
	  "ABbCca" },
	{ "a line that the TPR holds back lets a higher one pass",
	  "(+AwA+BtB)",
	  { "-Ae", "-Be" },
	  false,
	  "BbAa" },
	{ "an edge interrupt between two levels costs neither its EOI",
	  "+A",
	  { "+BwB+CwC-Ae", "-Be", "-Ce" },
	  true,
	  "AaCcBb" },
	{ "nor does one that nests",
	  "+A",
	  { "+CtC+BtB-Ae", "+CtC-Be", "-Ce" },
	  true,
	  "ACcBCcba" },
};

static char story[24];
static unsigned int told;
static const char *parts[LEVEL_LINES]; /* what each handler does at its next entry */

static void tell(char letter)
{
	if (told < sizeof(story) - 1)
		story[told++] = letter;
}

static void wait_requested(unsigned int line)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	while (!apic_vector_set(APIC_IRR, level_vector(line)) && !clock_passed(deadline))
		cpu_pause();
}

static void take(unsigned int line)
{
	const volatile uint32_t *arrivals = &this_vp()->interrupts[level_vector(line)];

	(void)clock_wait_for(arrivals, *arrivals + 1,
	                     PATIENCE_MS); /* the story shows it */
}

/* Does what the letters say, up to a bar or the end; gives back where it stopped. */
static const char *play(const char *at, unsigned int self)
{
	for (; *at && *at != '|'; at++) {
		switch (*at) {
		case '+':
			level_raise((unsigned int)(*++at - 'A'));
			break;
		case '-':
			level_lower((unsigned int)(*++at - 'A'));
			break;
		case 'w':
			wait_requested((unsigned int)(*++at - 'A'));
			break;
		case 't':
			take((unsigned int)(*++at - 'A'));
			break;
		case '(':
			apic_write(APIC_TPR, TPR_HOLDS_A);
			break;
		case ')':
			apic_write(APIC_TPR, 0);
			break;
		case 'e':
			tell((char)('a' + self));
			apic_eoi();
			break;
		}
	}
	return at;
}

static void handle(struct trap_frame *frame)
{
	unsigned int self = level_line((unsigned int)frame->vector);
	const char *part = parts[self];
	const char *end = part;

	while (*end && *end != '|')
		end++;
	if (*end == '|')
		parts[self] = end + 1;
	tell((char)('A' + self));
	(void)play(part, self); /* its end is known */
}

static bool play_once(const struct scenario *scenario)
{
	unsigned int length = 0;
	uint64_t deadline = clock_deadline(PATIENCE_MS);

	while (scenario->story[length])
		length++;
	memset(story, 0, sizeof(story));
	told = 0;
	for (unsigned int i = 0; i < LEVEL_LINES; i++)
		parts[i] = scenario->handler[i] ? scenario->handler[i] : "";
	(void)play(scenario->before, 0); /* has no bar */
	while (told < length && !clock_passed(deadline))
		cpu_take_interrupts();
	/* One too many would come now. */
	for (unsigned int i = 0; i < 3; i++)
		cpu_take_interrupts();
	return told == length && !memcmp(story, scenario->story, length) &&
	       level_all_ended();
}

/* On the VP that takes the lines. */
static void play_rounds(void *argument)
{
	struct level_result *result = argument;

	result->rounds = 0;
	while (result->rounds < ROUNDS && play_once(&scenarios[result->number]))
		result->rounds++;
}

static void judge(unsigned int vp, unsigned int number)
{
	static struct level_result result;
	const struct scenario *scenario = &scenarios[number];

	result.number = number;
	level_connect(smp_vp(vp)->apic_id, handle, scenario->c_is_edge);
	if (!ok(level_run_on(vp, play_rounds, &result) && result.rounds == ROUNDS,
	        "VP %u: %s", vp, scenario->sentence))
		note("round %u: '%s' instead of '%s'; %s", result.rounds, story,
		     scenario->story,
		     level_all_ended() ? "nothing in service" : "a line is in service");
	level_disconnect();
}

void group_level(void)
{
	unsigned int vps = smp_start(
		(unsigned int)guest_option_number("vps", guest_acpi()->cpu_count));

	if (!ok(level_lines_found(), "COM2 to COM4 and an IOAPIC are there"))
		return;
	for (unsigned int vp = 0; vp < vps && vp < 2; vp++) {
		for (unsigned int i = 0; i < ARRAY_COUNT(scenarios); i++)
			judge(vp, i);
		level_soak(vp);
	}
	if (vps < 2)
		return;
	level_apart();
	/* The machine's APIC would keep what an INIT found in service: nobody ends it there. */
	if (hv_present())
		level_init();
}
