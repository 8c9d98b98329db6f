"""Particles on the arrays of another library, such as torch on a graphics processor."""
