"""The phone networks: what texts cost on the air, what people mean by them, and one module per network."""
