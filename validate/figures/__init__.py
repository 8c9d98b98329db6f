"""A room a figure: what computes its data, draws them, and states both; a drawing itself computes nothing."""

from validate.regimes.picture import save, summary

__all__ = ["save", "summary"]
