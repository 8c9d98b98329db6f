"""Figures as functions of saved data: axes in, (fig, axes) out. Nothing is simulated here; matplotlib loads late."""

from validate.regimes.picture import save, summary

__all__ = ["save", "summary"]
