"""Train, fine-tune, measure and show small vision-language models."""

from vlm.runtime import repair_torchvision

repair_torchvision()  # must precede the first torchvision import, wherever that happens
