"""The tests mirror the package; what they share stands beside this file."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
