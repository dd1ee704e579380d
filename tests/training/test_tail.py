"""Fine-tuning the last stages of a pretrained tower, close to what it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    TimmWrapperConfig,
    TimmWrapperForImageClassification,
    ViTImageProcessor,
)

from finetune import run_align
from tests.training.test_align import (
    VALUES,
    aligned,
    collated,
    squares,
    tokenizer,
    tower,
    write_table,
)
from vlm.commands.train import align
from vlm.errors import UserError
from vlm.inference import classifier
from vlm.loading.towers.tower import load_tower
from vlm.training import runs
from vlm.training.align import model as align_model
from vlm.training.align import pictures, tail
from vlm.types import Record

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
SHAPE = {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1], "layer_type": "basic"}


def captioned(count: int) -> list[Record]:
    """Return pictures with people's captions, which name their colours."""
    return [
        Record(r.id, r.image, r.turns, {"captions": f"A {r.facts['baseColour']} square.\nNo 1."})
        for r in squares(count)
    ]


def source(folder: Path, kind: str = "resnet") -> Path:
    """Save an image classifier with random weights."""
    torch.manual_seed(0)
    if kind == "timm":
        shape = {"hidden_size": 1280, "do_pooling": True}
        config = TimmWrapperConfig(architecture="tf_efficientnet_lite0", num_labels=5, **shape)
        TimmWrapperForImageClassification(config).save_pretrained(folder)
    else:
        ResNetForImageClassification(ResNetConfig(**SHAPE, num_labels=5)).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    ViTImageProcessor(size=size, image_mean=MEAN, image_std=STD).save_pretrained(folder)
    return folder


def test_only_the_last_stages_and_what_follows_them_are_trained() -> None:
    made = tower()
    tail.unfreeze(made, 1)
    trained = {name for name, weight in made.named_parameters() if weight.requires_grad}
    assert trained and all(name.startswith("encoder.stages.1.") for name in trained)
    tail.unfreeze(made, 2)
    assert not any(weight.requires_grad for weight in made.embedder.parameters())
    assert all(weight.requires_grad for weight in made.encoder.parameters())
    with pytest.raises(UserError, match="has 2 stages, and stages=3 was given"):
        tail.unfreeze(made, 3)


def test_a_partly_frozen_tower_keeps_its_batch_statistics() -> None:
    model = aligned()
    tail.unfreeze(model.tower, 1)
    before = {name: value.clone() for name, value in model.tower.named_buffers()}
    model.train()(**_inputs(model, squares(6)))
    assert all(torch.equal(value, before[name]) for name, value in model.tower.named_buffers())
    whole = aligned().train()
    whole(**_inputs(whole, squares(6)))
    name = next(name for name in before if name.endswith("running_mean"))
    assert not torch.equal(dict(whole.tower.named_buffers())[name], before[name])


def test_staying_close_has_no_loss_at_first_and_then_the_relative_distance() -> None:
    free = aligned().eval()
    near = aligned(original=tower(), closeness=3.0).eval()
    near.load_state_dict(free.state_dict(), strict=False)
    inputs = _inputs(free, squares(6))
    assert torch.allclose(near(**inputs)["loss"], free(**inputs)["loss"])
    with torch.no_grad():
        for made in (near, free):
            made.tower.encoder.stages[1].layers[0].layer[1].normalization.weight.mul_(1.5)
        new, old = (
            made(inputs["pixel_values"]).pooler_output.flatten(1)
            for made in (near.tower, near.original[0])
        )
    expected = (3 * ((new - old) ** 2).sum(1) / (old**2).sum(1))[:: align_model.DISTANCE_EVERY]
    difference = (near(**inputs)["loss"] - free(**inputs)["loss"]).detach()
    assert float(difference) == pytest.approx(float(expected.mean()), rel=1e-3)
    assert float(difference) > 1e-3


def test_words_of_captions_are_predicted_where_people_wrote_some() -> None:
    several = replace(squares(1)[0], facts={"captions": "Red and green.\nA red one."})
    records = [*captioned(3), several, *squares(2)]
    words = ["blue", "green", "red"]
    data = pictures.Pictures(records, VALUES, 32, words)
    assert data[0]["words"] == (words.index(squares(1)[0].facts["baseColour"]),)
    batch = align_model.make_collator(tokenizer(), len(words))([data[n] for n in range(6)])
    assert batch["words"].sum(1).tolist() == [1, 1, 1, 2, 0, 0]
    model = aligned(words=len(words)).eval()
    inputs = batch | {"pixel_values": model.normalise(batch["pixel_values"])}
    with torch.no_grad():
        logits = model.word_head(model.encode_images(inputs["pixel_values"]))
        without = model(**inputs | {"words": torch.zeros_like(batch["words"])})["loss"]
        loss = model(**inputs)["loss"] - without
    shares = batch["words"] / batch["words"].sum(1, keepdim=True).clamp(min=1)
    expected = -(logits.log_softmax(1) * shares).sum() / 6
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("kind", ["resnet", "timm"])
def test_the_command_saves_the_tower_with_the_classifier_of_its_source(
    kind: str, tmp_path: Path
) -> None:
    data, place = write_table(tmp_path), source(tmp_path / "source", kind)
    settings = ["stages=1", "closeness=1", "max_steps=2", "batch_size=4", "threads=1", "half=yes"]
    settings += ["warmup_steps=0", "learning_rate=0.01"]
    args = ["--data-path", str(data), "--vision", str(place), "--out", str(tmp_path / "run")]
    run_align.main([*args, "--image-size", "32", "--set", *settings])
    folder = tmp_path / "run" / "tower"
    opened = classifier.load(str(folder))
    old, new = (load_file(path / "model.safetensors") for path in (place, folder))
    changed = {name for name in old if not torch.equal(old[name].half(), new[name])}
    assert changed and old.keys() == new.keys()
    assert not any(name.startswith(("classifier.", "timm_model.classifier")) for name in changed)
    first = "timm_model.blocks.6." if kind == "timm" else "resnet.encoder.stages.1."
    assert any(name.startswith(first) for name in changed)
    assert not any("conv_dw" in name or "stages.0." in name for name in changed)
    assert load_tower(folder, "pooled")
    checkpoint = load_file(runs.newest_checkpoint(tmp_path / "run") / "model.safetensors")
    assert not any("original" in name for name in checkpoint)
    raw = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    pixels = opened.image_processor([raw], return_tensors="pt")["pixel_values"]
    model = aligned(mean=MEAN, std=STD)
    torch.testing.assert_close(model.normalise(raw[None]), pixels, atol=1e-4, rtol=1e-4)


def test_a_run_stays_close_only_on_request() -> None:
    args = align.parse(["--set", "keep=0"])
    assert (args.closeness, args.stages, args.keep) == (0.0, 0, 0)


def test_weights_lie_between_the_original_and_the_trained_ones() -> None:
    original, trained = tower(), tower()
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(1)
    tail.interpolate(trained, original, 0.25)
    for name, weight in original.named_parameters():
        torch.testing.assert_close(trained.get_parameter(name), weight + 0.25)


def test_a_tower_without_a_classifier_is_saved_alone(tmp_path: Path) -> None:
    made = tower()
    made.save_pretrained(tmp_path / "source")
    tail.save(made, tmp_path / "source", tmp_path / "tower")
    saved = load_file(tmp_path / "tower" / "model.safetensors")
    assert saved.keys() == made.state_dict().keys()
    _, report = AutoModelForImageClassification.from_pretrained(
        tmp_path / "tower", output_loading_info=True
    )
    assert report["missing_keys"]


def _inputs(model, records: list[Record]) -> dict[str, torch.Tensor]:
    raw = collated(records)
    return raw | {"pixel_values": model.normalise(raw["pixel_values"])}
