"""One file for machines without a network: made, checked, installed where there is none, brought up to date."""
