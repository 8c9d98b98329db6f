"""Samples instead of averages: of your mixture, of your score, on the line."""
