"""A sampler's own code: what it is given, how it is run, and adapters to the libraries it comes from. No solutions."""
