"""Your data: what guidance does to a class of a mixture, measured, with the mean field beside it."""
