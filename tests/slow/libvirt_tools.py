# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis libvirt
# Limit: 300
"""virt-install, virt-xml and virt-clone make, change and copy domains of ours, with the stock libvirtd's storage and
networks beside libvirt's daemon of ours; workers are not there (lib/fake_worker.py). Needs root."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lib.libvirt_host import Host, Stock
from lib.tap import Tap

MIB = 1 << 20


def tool(host, name, *words):
    done = subprocess.run([name, "--connect", host.command()[3], *words], env=host.environment,
                          capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (name, words, done.stdout, done.stderr)
    return done.stdout


def install(host, *words):
    return tool(host, "virt-install", "--name", "web", "--memory", "64", "--vcpus", "2",
                "--virt-type", "hyperv", "--osinfo", "detect=on,require=off", "--import",
                "--disk", f"{host.folder}/disk.raw,format=raw,bus=scsi", "--network",
                "bridge=br0,model=netvsc", "--boot",
                f"kernel={host.folder}/kernel,kernel_args=console=ttyS0", "--graphics", "none",
                *words)


def definition(host, name):
    return json.loads((host.folder / "state" / f"{name}.json").read_text())


def check_install(host):
    """What is printed can be defined; what is installed runs."""
    file = host.folder / "printed.xml"
    file.write_text(install(host, "--print-xml"))
    host.tell("define", str(file))
    host.tell("undefine", "web")
    install(host, "--noautoconsole")
    assert host.state() == "running (booted)", host.state()
    made = definition(host, "web")
    assert made["vps"] == 2 and made["memory"] == "64M" and made["nets"][0]["bridge"] == "br0", made
    assert made["disks"][0]["path"] == f"{host.folder}/disk.raw", made


NETWORK = "<network><name>shop</name><forward mode='bridge'/><bridge name='{0}'/></network>"


def define_network(host, bridge):
    file = host.folder / "network.xml"
    file.write_text(NETWORK.format(bridge))
    host.tell("net-define", str(file))


def check_network_live(host):
    """Of a domain that runs: one that is not active gives nothing, and holds nothing that is to go."""
    attach = ("attach-interface", "netted", "network", "shop", "--live", "--mac")
    host.tell(*attach, "00:15:5d:00:00:31")
    assert host.tell("domiflist", "netted").count(" shop ") == 2, host.tell("domiflist", "netted")
    host.tell("net-destroy", "shop")
    host.refuse("'shop': it is not active", *attach, "00:15:5d:00:00:32")
    host.tell("detach-interface", "netted", "network", "--mac", "00:15:5d:00:00:31", "--live")
    assert host.tell("domiflist", "netted").count(" shop ") == 1, host.tell("domiflist", "netted")


def check_network(host):
    """A network of the stock libvirtd gives its bridge, when it is active."""
    define_network(host, "br7")
    file = host.xml("netted", change=lambda text: text.replace(
        "<interface type='bridge'><source bridge='br0'/>",
        "<interface type='network'><source network='shop'/>"))
    host.tell("define", file)
    net = definition(host, "netted")["nets"][0]
    assert net["bridge"] == "br7" and net["network"] == "shop", net
    assert "<source network='shop'" in host.tell("dumpxml", "netted")
    host.refuse("'shop': it is not active", "start", "netted")
    host.tell("net-start", "shop")
    host.tell("start", "netted")
    assert "shop" in host.tell("domiflist", "netted"), host.tell("domiflist", "netted")
    host.tell("destroy", "netted")
    host.tell("net-destroy", "shop")
    host.tell("net-undefine", "shop")
    define_network(host, "br8")
    host.refuse("has got another bridge", "start", "netted")
    again = host.folder / "again.xml"
    again.write_text(host.tell("dumpxml", "netted"))
    host.tell("define", str(again))
    assert definition(host, "netted")["nets"][0]["bridge"] == "br8"
    host.tell("net-start", "shop")
    host.tell("start", "netted")
    check_network_live(host)
    host.tell("destroy", "netted")
    host.tell("undefine", "netted")
    host.refuse("no network with matching name 'other'", "define", host.xml(
        "bad", change=lambda text: text.replace("type='bridge'><source bridge='br0'/>",
                                                "type='network'><source network='other'/>")))


# As Debian's package libvirt-daemon-config-network has it.
DEFAULT_NETWORK = """<network><name>default</name><forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/>
<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>
</network>"""


def check_default_network(host):
    """The stock libvirtd makes its bridge, with addresses and a way out; the domain is on it as it is on any."""
    file = host.folder / "default.xml"
    file.write_text(DEFAULT_NETWORK)
    host.tell("net-define", str(file))
    host.tell("net-start", "default")
    try:
        subprocess.run(["ip", "link", "show", "virbr0"], check=True, stdout=subprocess.DEVNULL)
        host.tell("define", host.xml("natted", change=lambda text: text.replace(
            "<interface type='bridge'><source bridge='br0'/>", "<interface type='network'><source network='default'/>")))
        assert definition(host, "natted")["nets"][0]["bridge"] == "virbr0", definition(host, "natted")
        host.tell("start", "natted")
        told = host.tell("domiflist", "natted").split()
        assert "network" in told and "default" in told, told
        host.tell("destroy", "natted")
        host.tell("undefine", "natted")
    finally:
        host.tell("net-destroy", "default")
    assert subprocess.run(["ip", "link", "show", "virbr0"], stderr=subprocess.DEVNULL).returncode != 0


def check_pool(host):
    """A volume of a storage pool of the stock libvirtd is a disk."""
    (host.folder / "pool").mkdir()
    host.tell("pool-create-as", "pool", "dir", "--target", f"{host.folder}/pool")
    host.tell("vol-create-as", "pool", "volume", "1M", "--format", "raw")
    path = host.tell("vol-path", "volume", "--pool", "pool").strip()
    host.tell("define", host.xml("pooled", change=lambda text: text.replace("/d'", f"{path}'")))
    assert "1048576" in host.tell("domblkinfo", "pooled", "sda")
    host.tell("undefine", "pooled", "--remove-all-storage")
    assert not Path(path).exists()
    host.tell("pool-destroy", "pool")


def check_edit(host):
    """Of a domain that runs: for its next start, and a disk at once."""
    tool(host, "virt-xml", "web", "--edit", "--memory", "96,maxmemory=96", "--define")
    assert definition(host, "web")["memory"] == "96M"
    tool(host, "virt-xml", "web", "--add-device", "--disk",
         f"{host.folder}/new.raw,size=0.001,format=raw,bus=scsi", "--update")
    assert f"{host.folder}/new.raw" in host.tell("domblklist", "web")
    tool(host, "virt-xml", "web", "--remove-device", "--disk", "target=sdb", "--update")
    assert "new.raw" not in host.tell("domblklist", "web")
    tool(host, "virt-xml", "web", "--edit", "--metadata", "title=A shop", "--define")
    assert definition(host, "web")["title"] == "A shop"
    host.tell("destroy", "web")


def check_clone(host):
    """Its disk is copied; what tells machines apart is not."""
    (host.folder / "disk.raw").write_bytes(b"shop" + bytes(MIB - 4))
    tool(host, "virt-clone", "--original", "web", "--name", "copy", "--auto-clone")
    web, copy = definition(host, "web"), definition(host, "copy")
    assert copy["disks"][0]["path"] != web["disks"][0]["path"], copy
    assert Path(copy["disks"][0]["path"]).read_bytes()[:4] == b"shop"
    assert copy["nets"][0]["mac"] != web["nets"][0]["mac"] and copy["uuid"] != web["uuid"], copy
    host.tell("start", "copy")
    host.tell("destroy", "copy")


def main():
    if len(sys.argv) == 1:
        # Mounts and networks of its own, which end with it.
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--net", sys.executable,
                              __file__, "inside"])
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as name:
        folder = Path(name)
        (folder / "kernel").write_bytes(b"k")
        (folder / "disk.raw").write_bytes(bytes(MIB))
        with Stock(folder), Host(folder) as host:
            tap.run("virt-install imports a disk, and the domain runs", check_install, host)
            tap.run("virt-xml changes it", check_edit, host)
            tap.run("virt-clone copies it", check_clone, host)
            tap.run("a network of libvirt's gives its bridge", check_network, host)
            tap.run("its default network does so too", check_default_network, host)
            tap.run("a volume of a pool is a disk", check_pool, host)


if __name__ == "__main__":
    main()
