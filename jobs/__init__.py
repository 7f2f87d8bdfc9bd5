"""Entry points for RQ, one line each. They are named only by string, so that nothing imports them."""
