"""The metrics by name; each takes (prediction, facts) and gives named scores."""

from vlm.metrics.attributes import attributes

METRICS = {"attributes": attributes}
