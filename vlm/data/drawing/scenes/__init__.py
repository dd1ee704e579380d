"""Drawn scenes: a road, the sky, the sea."""
