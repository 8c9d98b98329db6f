"""Samplers of other libraries as code that is run here: their own objects and functions, unchanged."""
