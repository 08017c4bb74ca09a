# SPDX-License-Identifier: GPL-2.0-or-later
# The worker without its orders and main(), the providers' library, and a stand-in for /dev/mshv.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
set(vm ${VIRIDIS_TOP}/root-partition/vm)
set(config ${VIRIDIS_TOP}/root-partition/config)
set(keeper ${VIRIDIS_TOP}/root-partition/keeper)
set(vsp ${VIRIDIS_TOP}/vsp/lib)
set(vmbusd ${VIRIDIS_TOP}/root-partition/vmbusd)
set(worker_sources worker_fake.c worker_guest.c kernel_image.c worker_keeper.c worker_programs.c ${keeper}/keeper.c
	${keeper}/answer.c ${keeper}/attach.c ${keeper}/attached.c ${keeper}/machine.c ${keeper}/remote_disks.c ${keeper}/user_network.c
	${keeper}/client.c ${vm}/life.c ${vm}/machine.c
	${vm}/loader.c ${vm}/panic.c ${vm}/vp_run.c ${vm}/vp_registers.c ${vm}/vp_topology.c ${vm}/guest_access.c
	${vm}/port_intercept.c ${vm}/memory_intercept.c ${vm}/serial.c ${vm}/serial_file.c
	${vm}/control.c ${vm}/dsdt.c ${vmbusd}/vmbusd.c ${vmbusd}/channel.c ${vmbusd}/offer.c
	${vmbusd}/offers.c ${vmbusd}/counters.c ${vmbusd}/loan.c ${vmbusd}/sub_channel.c ${vmbusd}/restart.c ${vmbusd}/adapters.c ${vmbusd}/leave.c
	${vmbusd}/provider.c ${vmbusd}/servers.c
	${config}/definition.c ${config}/error_code.c ${config}/kernel_file.c ${config}/definition_json.c ${config}/definition_net.c
	${config}/definition_forward.c ${config}/definition_host.c ${config}/size_text.c
	${config}/definition_disk.c ${config}/store.c
	${config}/json_text.c ${config}/control_json.c ${config}/state.c ${config}/file_lock.c
	${config}/paths.c ${config}/vm_log.c ${vsp}/vsp.c ${vsp}/loop.c
	${vsp}/channels.c ${vsp}/sandbox.c ${vsp}/provider_sandbox.c ${vsp}/datagram.c ${vsp}/socket.c
	${vsp}/memory.c ${vsp}/spawn.c)
