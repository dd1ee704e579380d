"""Train, fine-tune, measure and show small vision-language models."""

from vlm.runtime import quiet_bitsandbytes, repair_torchvision_when_imported

repair_torchvision_when_imported()  # wherever that happens
quiet_bitsandbytes()  # the same: transformers imports it in many places
