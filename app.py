"""Loupe's app: `python app.py` is `loupe app`. A Space runs this file."""

import sys

from vlm.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]]))
