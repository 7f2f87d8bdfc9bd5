"""Benchmarks: `./mlango bench`."""
