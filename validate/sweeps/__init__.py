"""Many runs that survive interruption: a grid of cells on threads, processes or a cluster."""
