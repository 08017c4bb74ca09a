// SPDX-License-Identifier: GPL-2.0-or-later
// For a machine of another VMM: the node by which Linux finds VMBus, as an SSDT of its own.
DefinitionBlock ("", "SSDT", 2, "VIRIDI", "VMBUS   ", 1)
{
    Device (\_SB.VMBS)
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
