"""Cards of drivers that report no use of their own; DRM fdinfo may still know their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.sources.gpu.protocol import CardUse

if TYPE_CHECKING:
    from smoothtask_gui.sources.gpu.protocol import Card


class OtherDriver:
    """Says why there is nothing to see."""

    def read(self, card: Card) -> CardUse:
        """The reason, in words for people."""
        if not card.driver:
            return CardUse(reason="No driver is loaded for it.")
        if card.driver == "vfio-pci":
            return CardUse(reason="It is set aside for a virtual machine (vfio-pci).")
        return CardUse(reason=f"The driver {card.driver} doesn't report how busy the card is.")

    def release(self) -> None:
        """Nothing is held."""
