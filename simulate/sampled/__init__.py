"""A sampler's own code on particles with exact scores of drawn classes."""
