"""How results look where somebody reads them."""
