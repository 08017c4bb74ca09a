/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of QEMU's TCG plugin interface that our plugin uses, version 4 (QEMU 10.0). Debian ships no header
 * for it; these are the facts of the ABI. QEMU itself refuses a plugin whose version it does not know.
 */
#ifndef TESTS_PROFILER_QEMU_PLUGIN_H
#define TESTS_PROFILER_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QEMU_PLUGIN_VERSION 4
#define QEMU_PLUGIN_EXPORT  __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_register;
struct qemu_plugin_scoreboard;

struct qemu_plugin_info {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus, max_vcpus;
	} system;
};

/* GLib's arrays, as far as QEMU shows them. */
struct qemu_plugin_array {
	void *data;
	unsigned int len;
};

struct qemu_plugin_reg_descriptor {
	struct qemu_plugin_register *handle;
	const char *name;
	const char *feature;
};

/* A field of every CPU's element of a scoreboard; passed by value. */
struct qemu_plugin_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

enum qemu_plugin_cb_flags {
	QEMU_PLUGIN_CB_NO_REGS,
	QEMU_PLUGIN_CB_R_REGS,
	QEMU_PLUGIN_CB_RW_REGS,
};

enum qemu_plugin_op {
	QEMU_PLUGIN_INLINE_ADD_U64,
	QEMU_PLUGIN_INLINE_STORE_U64,
};

enum qemu_plugin_cond {
	QEMU_PLUGIN_COND_NEVER,
	QEMU_PLUGIN_COND_ALWAYS,
	QEMU_PLUGIN_COND_EQ,
	QEMU_PLUGIN_COND_NE,
};

typedef void (*qemu_plugin_cpu_callback)(qemu_plugin_id_t id, unsigned int cpu);
typedef void (*qemu_plugin_translation_callback)(qemu_plugin_id_t id,
                                                 struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_execution_callback)(unsigned int cpu, void *data);

/* Ours. */
extern QEMU_PLUGIN_EXPORT int qemu_plugin_version;
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const struct qemu_plugin_info *info, int count,
                                           char **arguments);

/* QEMU's. */
void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id,
                                       qemu_plugin_cpu_callback callback);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           qemu_plugin_translation_callback callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          qemu_plugin_execution_callback callback,
                                          enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_cond_cb(struct qemu_plugin_tb *tb,
                                               qemu_plugin_execution_callback callback,
                                               enum qemu_plugin_cb_flags flags,
                                               enum qemu_plugin_cond condition,
                                               struct qemu_plugin_u64 field,
                                               uint64_t value, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            qemu_plugin_execution_callback callback,
                                            enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
                                                         enum qemu_plugin_op operation,
                                                         struct qemu_plugin_u64 field,
                                                         uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
                                                 size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *bytes,
                             size_t size);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
/* Where QEMU has the instruction's byte; NULL: not in RAM. */
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *score, unsigned int cpu);
/* In the calling CPU's address space as it is now. */
bool qemu_plugin_read_memory_vaddr(uint64_t address, struct qemu_plugin_array *bytes,
                                   size_t size);
/* Of struct qemu_plugin_reg_descriptor; the CPU's, once it is initialized. */
struct qemu_plugin_array *qemu_plugin_get_registers(void);
/* Appends the value; how many bytes, or -1. */
int qemu_plugin_read_register(struct qemu_plugin_register *handle,
                              struct qemu_plugin_array *bytes);
void qemu_plugin_outs(const char *text);

/* GLib's, which QEMU is linked with. */
struct qemu_plugin_array *g_byte_array_new(void);
struct qemu_plugin_array *g_byte_array_set_size(struct qemu_plugin_array *bytes,
                                                unsigned int size);

#endif
