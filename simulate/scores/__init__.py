"""The exact score of a mixture, and how its classes are held."""
