"""Vision towers, and the classifiers beside them."""
