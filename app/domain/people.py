"""Who may do what."""

from enum import StrEnum


class Role(StrEnum):
    """What a user of the panel may do; each role may all that the next one may."""

    OWNER = "owner"  # connects Stripe, manages the team
    STAFF = "staff"  # acts on recoveries
    VIEWER = "viewer"  # looks, exports, changes nothing

    def may(self, needed: "Role") -> bool:
        """Whether this role includes what `needed` may do."""
        order = (Role.VIEWER, Role.STAFF, Role.OWNER)
        return order.index(self) >= order.index(needed)
