"""The law of a sampler's own code: one effective vector at d = infinity, batches with averaged classes at finite d."""
