"""Guidance beyond a weight: rules that make one prediction out of two, each written once for theory and particles."""
