"""Linear classifiers on a tower's mean feature, kept beside the tower as words for decoders."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from vlm.data import mixture
from vlm.data.mixture import Mixture
from vlm.data.views import views
from vlm.errors import UserError, lookup
from vlm.inference import classifier
from vlm.inference.classifier import Classifier
from vlm.loading import build, weights
from vlm.loading.towers import heads
from vlm.loading.towers.heads import Head, Heads
from vlm.system import files, runtime
from vlm.training.moda import features, linear_probe
from vlm.training.moda.linear_probe import Probe
from vlm.training.moda.probe_labels import classes, with_product_kind
from vlm.training.moda.settings import BUILDABLE
from vlm.types import Bundle

ATTRIBUTES = ("articleType", "baseColour", "gender", "usage", "kind")
SHARPNESS = 2.0  # of the probe's logits, which smoothed labels make too small
NAME_TOKENS = 3  # decoder tokens of a name of the tower's own classifier


def run(args: argparse.Namespace) -> None:
    """Fit classifiers of attributes, add the tower's own and save all, for `loupe heads`.

    Raises:
        UserError: for data or towers that cannot be used.
    """
    runtime.set_threads(args.threads)
    preset = lookup(BUILDABLE, args.preset, "preset")
    name = args.vision or preset.vision
    folder = Path(weights.resolve(name)) if name else Path()
    if not name or not folder.is_dir():
        raise UserError(f"{name!r} is not a folder; give the folder of a tower with --vision.")
    own = classifier.load(str(folder)) if args.names else None
    splits = mixture.load_splits(args.data, args.data_path, args.limit, args.held_out, args.columns)
    bundle = build.build(replace(preset, vision=str(folder)), args.preset, seed=args.seed)
    bundle.model.to(runtime.pick_device(args.device))
    probe = fit_probe(bundle, splits, args)
    with files.writing(folder):
        heads.write(join(probe, own), folder)
    print(f"Saved {heads.TABLE} and {heads.WEIGHTS} in {folder}.")


def fit_probe(bundle: Bundle, splits: tuple[Mixture, Mixture], args: argparse.Namespace) -> Probe:
    """Fit classifiers to the features of all training pictures; print their accuracy on others.

    Raises:
        UserError: if no picture has an attribute.
    """
    train, held_out = splits
    table = classes(train.records)
    table = {name: table[name] for name in ATTRIBUTES if name in table}
    if not table:
        raise UserError("No picture has attributes; give data that has them, such as fashion.")
    compute = partial(features.compute, bundle, folder=args.features, half=True)
    backgrounds = views.scene_backgrounds(train.records)
    stores = [
        compute(part.records, views=args.views * part.times, backgrounds=backgrounds)
        for part in train
    ]
    labelled = [with_product_kind(part.records) for part in train]
    probe = linear_probe.fit(stores, labelled, table, args.seed)
    for part in held_out:
        scores = probe.accuracy(compute(part.records)[0], with_product_kind(part.records))
        text = ", ".join(f"{key} {value:.1f} %" for key, value in scores.items())
        print(f"{part.name}, {len(part.records)} held-out pictures: {text or 'no attributes'}")
    return probe


def join(probe: Probe, own: Classifier | None) -> Heads:
    """Return the probe's classifiers and the tower's own as one layer."""
    rows = [Head(key, tuple(name.lower() for name in names)) for key, names in probe.values.items()]
    weight, bias = SHARPNESS * probe.linear.weight, SHARPNESS * probe.linear.bias
    if own:
        names = tuple(kind.name for kind in own.kinds)
        rows.append(Head("names", names, NAME_TOKENS))
        weight = torch.cat([weight, own.layer.weight.detach()])
        extra = own.layer.bias if own.layer.bias is not None else torch.zeros(len(names))
        bias = torch.cat([bias, extra.detach()])
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return Heads(tuple(rows), layer.requires_grad_(False))
