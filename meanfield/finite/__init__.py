"""Theory at finite d: annealed (`reduced`) and quenched averages over the class means."""
