"""The names recipe: a decoder learns the classes of a classifier that reads the same features."""

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import ConcatDataset

from vlm.config import NamesConfig, TrainConfig
from vlm.data import mixture
from vlm.data.images import open_image
from vlm.data.mixture import Mixture
from vlm.errors import UserError
from vlm.evaluation import evaluate
from vlm.inference import classifier, encoding
from vlm.inference.classifier import Classifier
from vlm.loading import load
from vlm.system import files, runtime
from vlm.training import panel, runs
from vlm.training.examples import FeatureExamples
from vlm.training.freezing import freeze
from vlm.training.moda import features
from vlm.training.names.examples import has_pooled, make_part
from vlm.training.trainer import fit
from vlm.types import Bundle

HELD_OUT_SEED = 1_000_003  # added to the training's seed
CHECKED = 16  # pictures on which model and classifier must agree
AGREED = 0.9  # share of them
FIXED = ("model", "classifier", "kinds")  # must not change on --resume


def run(args: argparse.Namespace, config: TrainConfig, names: NamesConfig) -> None:
    """Load data, model and classifier, train and save, for `loupe train names`.

    Raises:
        UserError: for data, models or folders that cannot be used.
    """
    runtime.check_workers(config.workers)
    runs.check_free(args.out, args.resume)
    runtime.set_threads(config.threads)
    train, held_out = mixture.load_splits(
        args.data, args.data_path, args.limit, args.held_out, args.columns
    )
    opened = classifier.load(args.classifier, args.kinds)
    bundle = open_model(args.model, args.device)
    encoding.check_turns(train.records)
    flags = {name: vars(args)[name] for name in FIXED} | asdict(names) | {"seed": config.seed}
    runs.sign(train, args.out, config, args.resume, **flags)
    train_model(bundle, opened, (train, held_out), args, config, names)
    with files.writing(args.out):
        load.save(bundle, args.out / runs.MODEL)
    print(f"Saved. Try: loupe describe PICTURE --model {args.out / runs.MODEL}")


def open_model(name: str, device: str) -> Bundle:
    """Open a model of the MODA recipe for training; its tower stays frozen.

    Raises:
        UserError: if it has no vision tower, or was not trained by that recipe.
    """
    bundle = load.load(name, device=device, dtype="float32")
    if getattr(bundle.model.config, "image_features", None) is None:
        raise UserError(f"{name} was not trained by `loupe train moda`; give one that was.")
    if bundle.model.model.vision_tower is None:
        raise UserError(f"{name} has no vision tower whose classifier could name things.")
    freeze(bundle.model, "moda")
    return bundle


def train_model(
    bundle: Bundle,
    opened: Classifier,
    data: tuple[Mixture, Mixture],
    args: argparse.Namespace,
    config: TrainConfig,
    names: NamesConfig,
) -> None:
    """Compute the features of the real pictures, imagine the others, and train on both."""
    train, held_out = data
    compute = partial(features.compute, bundle, folder=args.features, workers=config.workers)
    stores = [[compute(part.records) for part in parts] for parts in data]
    check_same_features(bundle, opened, train, stores[0])
    make = partial(make_examples, bundle, opened, names=names)
    epochs, seed = config.epochs, config.seed
    train_data = make(train, stores[0], seed=seed, epochs=epochs)
    eval_data = make(held_out, stores[1], seed=seed + HELD_OUT_SEED, epochs=1, held_out=True)
    shown = panel.select(held_out.records, args.panel, args.panel_from and Path(args.panel_from))
    thumbnails = panel.save_thumbnails(shown, args.out)
    fit(
        bundle.model,
        train_data,
        eval_data,
        encoding.collator(bundle.processor),
        config,
        args.out,
        resume=args.resume,
        processor=bundle.processor,
        describe=lambda: panel.describe(bundle, shown, thumbnails),
        measure=lambda: evaluate.curve_scores(bundle, held_out.records, args.measure),
    )


def make_examples(
    bundle: Bundle,
    opened: Classifier,
    parts: Mixture,
    stores: list,
    *,
    names: NamesConfig,
    seed: int,
    epochs: float,
    held_out: bool = False,
) -> ConcatDataset:
    """Return examples of real pictures and, on their features, of imagined ones."""
    if held_out:  # one picture of each class is enough to measure
        names = NamesConfig(**asdict(names) | {"per_class": 1, "variants": 1})
    real = list(zip(parts, stores, strict=True))
    imagined = make_part(opened, real, names, has_pooled(bundle), seed)
    turns = [turn for record in imagined[0].records[:200] for turn in record.turns]
    encoding.check_labels(bundle.processor, turns)
    return ConcatDataset(
        FeatureExamples(bundle.processor, part.records, store, epochs * part.times, names.turns)
        for part, store in [*real, imagined]
    )


@torch.inference_mode()
def check_same_features(bundle: Bundle, opened: Classifier, parts: Mixture, stores: list) -> None:
    """Check on a few pictures that the classifier's last layer fits the model's features.

    Raises:
        UserError: if it does not: the model has another tower.
    """
    layer, first = opened.layer, torch.from_numpy(np.array(stores[0][0, :CHECKED], np.float32))
    pooled = first[:, 0] if has_pooled(bundle) or first.shape[1] == 1 else first.mean(1)
    agree = []
    if pooled.shape[-1] == layer.in_features:
        pictures = [open_image(record.image) for record in parts[0].records[:CHECKED]]
        named = list(opened.classify(pictures))
        agree = [a == b for a, b in zip(named, layer(pooled).argmax(-1).tolist(), strict=True)]
    if not agree or sum(agree) < AGREED * len(agree):
        raise UserError(
            "The classifier does not read the features of this model's vision tower; give the "
            "classifier that the tower was taken from with --classifier."
        )
