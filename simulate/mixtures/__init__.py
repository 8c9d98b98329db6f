"""Mixtures of your own: fitted to data or given, classes of one or many components, with exact scores."""
