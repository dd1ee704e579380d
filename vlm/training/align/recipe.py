"""The alignment stage: train a vision tower to match pictures with captions.

The loss is SigLIP's (arXiv 2303.15343) plus that of heads for attributes and for words of captions.
For a pretrained tower, the distance from its original features can be added.
"""

import argparse
import copy
from typing import NamedTuple

from transformers import AutoModel, BertConfig, BertModel, ResNetConfig, ViTImageProcessor, set_seed

from vlm.config import TrainConfig
from vlm.data import attributes, mixture
from vlm.errors import UserError
from vlm.loading.load import SHARD
from vlm.loading.tokenizer import train_tokenizer
from vlm.loading.towers.tower import load_tower
from vlm.system import files, runtime
from vlm.training import runs
from vlm.training.align import model as align_model
from vlm.training.align import pictures, tail, zeroshot
from vlm.training.align.average import Averaged
from vlm.training.caption_words import common_words
from vlm.training.trainer import fit

# settings that, like the data, must not change on --resume
FIXED = ("vision", "image_size", "heads", "mild", "erase", "stages", "closeness", "seed")
TEXT = {"hidden_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT |= {"intermediate_size": 512, "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0}
GREY = (0.5, 0.5, 0.5)  # mean and deviation of an image processor that has none


class Classes(NamedTuple):
    """What the heads predict: attribute -> its classes, and words of people's captions."""

    values: dict[str, list[str]]
    words: list[str]


def run(args: argparse.Namespace, config: TrainConfig) -> None:
    """Load the data, build the towers, train, measure and save, for `loupe train align`.

    Raises:
        UserError: for data, towers or folders that cannot be used.
    """
    runtime.check_workers(config.workers)
    runs.check_free(args.out, args.resume)
    device = runtime.pick_device(args.device)
    train, held_out = mixture.load_splits(
        args.data, args.data_path, args.limit, args.limit, args.columns
    )
    values = attributes.attribute_values(train.records)
    if not values:
        raise UserError("No attribute has two values with enough pictures; give more pictures.")
    words = [row for record in train.records if (row := pictures.caption_words(record))]
    classes = Classes(values, common_words(words))
    model, tokenizer, processor = build_model(args, classes, train.records, config)
    runs.sign(train, args.out, config, args.resume, **{name: vars(args)[name] for name in FIXED})
    train_model(model.to(device), tokenizer, classes, train, held_out.records, args, config)
    with files.writing(args.out):
        average = model.average.module
        if args.tuned < 100:
            tail.interpolate(average.tower, load_vision_tower(args)[0], args.tuned / 100)
        scores = measure(average, tokenizer, held_out, args)
        save(average.tower, processor, values, args)
        files.write_json(args.out / "zeroshot.json", scores)
    print(f"Saved. Next: loupe train moda --vision {args.out / runs.TOWER}")


def build_model(args: argparse.Namespace, classes: Classes, records: tuple, config: TrainConfig):
    """Build the vision tower, an untrained text tower, and a tokenizer trained on the captions.

    Returns:
        An `Averaged` with an `AlignModel`, the tokenizer, and the tower's image processor.

    Raises:
        UserError: if the vision tower does not accept the image sizes.
    """
    corpus = [turn.answer for record in records for turn in record.turns]
    tokenizer = train_tokenizer(corpus)
    set_seed(config.seed)
    text = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=align_model.CAPTION_TOKENS, **TEXT
    )
    tower, processor = load_vision_tower(args)
    live = align_model.AlignModel(
        tower,
        BertModel(text, add_pooling_layer=False),
        classes.values,
        train_tower_by_heads=args.heads,
        words=len(classes.words),
        original=copy.deepcopy(tower).requires_grad_(False) if args.closeness else None,
        closeness=args.closeness,
        mean=processor.image_mean,
        std=processor.image_std,
    )
    if args.stages:
        tail.unfreeze(tower, args.stages)
    for side in (args.start_size, args.image_size):
        live.check_image_size(side)
    decay = args.decay ** (1 / config.accumulation)  # the average is updated per forward pass
    return Averaged(live, 0, args.start_size, decay), tokenizer, processor


def load_vision_tower(args: argparse.Namespace):
    """Return the tower of --vision, or an untrained ResNet-18, and an image processor for it.

    The image processor stretches pictures to the side that is trained on.
    """
    size = {"height": args.image_size, "width": args.image_size}
    if not args.vision:
        shape = ResNetConfig(hidden_sizes=[64, 128, 256, 512], depths=[2] * 4, layer_type="basic")
        return AutoModel.from_config(shape), ViTImageProcessor(size=size)
    tower, own = load_tower(args.vision, "pooled")
    mean, std = ([*(values or GREY)] for values in (own.image_mean, own.image_std))
    options = {"image_mean": mean, "image_std": std, "resample": own.resample}
    return tower, ViTImageProcessor(size=size, **options)


def train_model(model, tokenizer, classes: Classes, train, held_out: tuple, args, config) -> None:
    """Train on random views of the training pictures; evaluate on unaugmented held-out ones."""
    size, seed = args.image_size, config.seed
    train_data = pictures.Pictures(
        train.records,
        classes.values,
        size,
        classes.words,
        times=train.times,
        epochs=config.epochs,
        augment=True,
        mild=args.mild,
        erase=args.erase / 100,
        seed=seed,
        workers=config.workers,
    )
    per_step = config.batch_size * config.accumulation
    steps = config.max_steps if config.max_steps > 0 else -(-len(train_data) // per_step)
    model.steps = steps * config.accumulation  # in forward passes
    fit(
        model,
        train_data,
        pictures.Pictures(held_out, classes.values, size, classes.words, workers=config.workers),
        align_model.make_collator(tokenizer, len(classes.words)),
        config,
        args.out,
        resume=args.resume,
        compute_metrics=align_model.make_accuracy(classes.values),
    )


def measure(model, tokenizer, held_out, args: argparse.Namespace) -> dict[str, dict]:
    """Measure zero-shot accuracy and retrieval on each held-out set; print and return them."""
    scores = {}
    for name, records, _ in held_out:
        part = zeroshot.measure(model, tokenizer, records, args.image_size)
        if part["zeroshot"] or part["retrieval"]:
            scores[name] = part
            print(f"{name}:\n{zeroshot.format_table(part)}")
    return scores


def save(tower, processor, values: dict, args: argparse.Namespace) -> None:
    """Save the tower, its image processor, and the attributes' classes."""
    tower = tower.half() if args.half else tower
    if args.vision:
        tail.save(tower, args.vision, args.out / runs.TOWER)
    else:
        tower.save_pretrained(args.out / runs.TOWER, max_shard_size=SHARD)
    processor.save_pretrained(args.out / runs.TOWER)
    files.write_json(args.out / "attributes.json", values)
