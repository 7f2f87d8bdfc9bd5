"""The exchange with agencies: their daily files there and back, and Open311."""
