"""Files that explain themselves: stores, datasets, provenance."""
