"""Build a data set: images with descriptions by a teacher, a refiner and reviewers."""
