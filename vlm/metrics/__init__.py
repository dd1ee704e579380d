"""The metrics by name; each takes (prediction, facts) and gives named scores."""

from vlm.metrics.attributes import attributes, doubt, scene

METRICS = {"attributes": attributes, "scene": scene, "doubt": doubt}
