"""The metrics by name; each takes (prediction, facts) and returns named scores from 0 to 1."""

from vlm.evaluation.metrics.attributes import attribute_scores, doubt_scores, scene_scores

METRICS = {"attributes": attribute_scores, "scene": scene_scores, "doubt": doubt_scores}
