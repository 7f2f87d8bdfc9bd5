"""Benchmarks: `./mlango bench`. Each measures us beside floors in the same run: only the ratios mean anything."""
