"""Guidance with a second condition: one more overlap, m_2, and one more class that can take the weight."""
