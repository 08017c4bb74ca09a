// SPDX-License-Identifier: GPL-2.0-or-later
// The child's DSDT: sleep state 5, the serial port, the clock, and the node by which Linux finds
// VMBus with the windows its MMIO may be taken from. Compiled by iasl into the worker.
DefinitionBlock ("", "DSDT", 2, "VIRIDI", "VIRIDIS ", 1)
{
    // Written to the sleep control register (FADT) with the enable bit: power off.
    Name (\_S5, Package () { 5, 5, 0, 0 })

    Scope (\_SB)
    {
        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F8, 0x03F8, 1, 8)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 4 }
            })
        }

        Device (RTC0)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0070, 0x0070, 1, 2)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 8 }
            })
        }

        Device (VMOD)
        {
            Name (_HID, "ACPI0004")
            Name (_UID, 0)
            Name (_STA, 0x0F)
            // Between the end of low RAM (3 GiB at most) and the I/O APIC; and from 256 GiB up.
            Name (_CRS, ResourceTemplate ()
            {
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000)
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable,
                    ReadWrite, 0, 0x4000000000, 0x40FFFFFFFF, 0, 0x100000000)
            })

            Device (VMBS)
            {
                // By a method: as a name the compiler holds it to the form of a PNP or ACPI id.
                Method (_HID, 0, NotSerialized)
                {
                    Return ("VMBus")
                }
                Name (_UID, 0)
                Name (_DDN, "VMBUS")
                Name (_STA, 0x0F)
                Name (_CRS, ResourceTemplate () {})
            }
        }
    }
}
