/*
 * A laptop's thermal zone for a QEMU guest. The host sets its temperature: a byte that nothing else uses, the scratch
 * register (offset 7) of the second serial port, 0x2ff, in degrees Celsius; 0, as at power-on, means 40.
 * ACPI Specification 6.5, chapter 11 (thermal management). From 110 degrees on the guest's kernel powers off.
 */
DefinitionBlock ("thermal.aml", "SSDT", 2, "SMOOTH", "THERMAL", 1)
{
    External (\_SB.CPUS.C000, DeviceObj)
    Scope (\_SB)
    {
        OperationRegion (SCRA, SystemIO, 0x02FF, 1)
        Field (SCRA, ByteAcc, NoLock, Preserve) { HEAT, 8 }

        Device (FAN0)
        {
            Name (_HID, EisaId ("PNP0C0B"))
            Name (_UID, 0)
            Name (LEVL, 0)
            Name (_FIF, Package () { 0, 0, 1, 0 })
            Name (_FPS, Package () { 0,
                Package () { 0, 0xFFFFFFFF, 0, 0, 0 },
                Package () { 1, 0xFFFFFFFF, 2000, 100, 1000 },
                Package () { 2, 0xFFFFFFFF, 5000, 300, 3000 } })
            Method (_FSL, 1) { LEVL = Arg0 }
            Method (_FST) { Return (Package () { 0, LEVL, 2000 }) }
        }
        ThermalZone (TZ00)
        {
            Name (_TZP, 10)                        /* polled every tenth tenth of a second */
            Method (_TMP)                          /* tenths of a kelvin */
            {
                Local0 = HEAT
                If (Local0 == 0) { Local0 = 40 }
                Return (2732 + Local0 * 10)
            }
            Method (_AC0) { Return (2732 + 700) }
            Name (_AL0, Package () { \_SB.FAN0 })
            Method (_PSV) { Return (2732 + 850) }
            Name (_TC1, 2)
            Name (_TC2, 3)
            Name (_TSP, 10)
            Name (_PSL, Package () { \_SB.CPUS.C000 })
            Method (_HOT) { Return (2732 + 950) }
            Method (_CRT) { Return (2732 + 1100) }
        }
    }
}
