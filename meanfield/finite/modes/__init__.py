"""Classes with many modes at finite d: the nearest modes of the superclass one by one, the others averaged."""
