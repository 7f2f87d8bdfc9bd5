"""The conversation: what a citizen reads, presses and types, by USSD and by SMS."""
