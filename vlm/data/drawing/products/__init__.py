"""Drawn products: one function per kind, which draws it in a studio."""
