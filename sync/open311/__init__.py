"""Open311 GeoReport v2, the way in for other systems: docs/open311.md."""

from sync.open311.views import blueprint

__all__ = ["blueprint"]
