"""The MODA recipe: frozen vision tower -> projector -> decoder, trained on descriptions."""

import argparse
import dataclasses
import sys
from functools import partial
from operator import mul
from pathlib import Path

from transformers import set_seed

from vlm.config import NamesConfig, TrainConfig
from vlm.data import attributes, mixture
from vlm.data.views import views
from vlm.errors import UserError
from vlm.evaluation import evaluate
from vlm.inference import classifier, encoding
from vlm.loading import build, load, lora
from vlm.system import cpu, files, runtime
from vlm.training import forecast, panel, runs
from vlm.training.examples import FeatureExamples, ViewExamples
from vlm.training.freezing import freeze
from vlm.training.moda import adaptation, consensus, features, probe_labels, word_alignment
from vlm.training.moda.self_critical import SelfCritical
from vlm.training.moda.settings import BUILDABLE, FIXED, PROBE_SETTINGS, overrides, uses_probe
from vlm.training.names.examples import has_pooled, make_part
from vlm.training.trainer import fit
from vlm.types import Bundle


def run(args: argparse.Namespace, config: TrainConfig) -> None:
    """Load the data and the model, train and save, for `loupe train moda`.

    Raises:
        UserError: for data, models or folders that cannot be used.
    """
    runtime.check_workers(config.workers)
    if not (args.dry_run or args.show_labels):
        runs.check_free(args.out, args.resume)
    runtime.set_threads(config.threads)
    device = runtime.pick_device(args.device)
    train, held_out = load_data(args)
    bundle = build_model(args, train.records, config.seed)
    bundle.model.to(device)
    encoding.check_turns(train.records)
    turns = [turn for part in train for record in part.records[:200] for turn in record.turns]
    encoding.check_labels(bundle.processor, turns)
    if args.show_labels:
        print(encoding.show_labels(bundle.processor, turns[: args.show_labels]))
    elif args.dry_run:
        print(dry_run(bundle, train, args, config))
    else:
        fixed = {name: vars(args)[name] for name in FIXED}
        runs.sign(train, args.out, config, args.resume, **fixed)
        save(train_model(bundle, train, held_out, args, config), train, args)


def load_data(args: argparse.Namespace) -> tuple[mixture.Mixture, mixture.Mixture]:
    """Load the training and the held-out pictures.

    Raises:
        UserError: if the settings require attributes that no picture has.
    """
    limits = args.limit, args.held_out or args.limit
    loaded = mixture.load_splits(args.data, args.data_path, *limits, args.columns)
    train, held_out = (mixture.only_tasks(parts, args.tasks) for parts in loaded)
    train = consensus.keep_captions(train, args.captions)
    if uses_probe(args) and not attributes.attribute_values(train.records):
        raise UserError(
            f"{PROBE_SETTINGS} require pictures with attributes, and these have none; omit them."
        )
    return train, held_out


def build_model(args: argparse.Namespace, train: tuple, seed: int) -> Bundle:
    """Load --model, or build the preset with the flags' parts, and freeze the other parts.

    Args:
        train: the training records.
        seed: of the new weights.

    Raises:
        UserError: if --model was not trained by this recipe.
    """
    if args.model:
        if adapter := adaptation.adapter_to_continue(args):
            bundle = load.open_parts(adapter)
        else:
            bundle = load.load(args.model, device="cpu", dtype="float32")
        if not hasattr(bundle.model.config, "image_features"):
            raise UserError(
                f"{args.model} was not trained by this recipe; "
                "fine-tune it with `loupe train adapter`."
            )
        set_seed(seed)
    else:
        preset = dataclasses.replace(BUILDABLE[args.preset], **overrides(args))
        turns = (turn for record in train for turn in record.turns)
        corpus = (text for turn in turns for text in (turn.prompt, turn.answer))
        bundle = build.build(preset, args.preset, corpus, seed)
    if args.projector == "words":
        sizes = map(len, probe_labels.classes(train).values())
        bundle = build.replace_projector(bundle, args.projector, tuple(sizes))
    elif args.model and args.projector:
        bundle = build.replace_projector(bundle, args.projector)
    freeze(bundle.model, "unfrozen" if args.unfreeze else "moda")  # adapters: see adaptation.py
    print(forecast.parameter_table(bundle), forecast.published_size(bundle), sep="\n")
    return bundle


def dry_run(bundle, train, args: argparse.Namespace, config: TrainConfig) -> str:
    """Return sizes, time and memory, measured on one batch of features or, unfrozen, pixels."""
    records = train.records[: config.batch_size]
    if args.unfreeze:
        examples = ViewExamples(bundle, records, 0, turns=args.turns)
    else:
        store = features.compute(bundle, records, args.features)
        examples = FeatureExamples(bundle.processor, records, store, turns=args.turns)
    batches = adaptation.feed(bundle, [examples], [examples], args.packed, config)
    share = len(batches.train) / len(examples)  # of items, which are answers or pictures
    limit = args.turns or sys.maxsize
    turns = (min(len(record.turns), limit) for record in train.records)
    count = sum(map(mul, turns, train.times)) * config.epochs * (1 + args.mixed / 100)
    adapted = adaptation.attach(bundle, args)
    options = batches.collate, batches.config, round(count * share)
    with attention(adapted.model.device, config):
        return forecast.forecast(adapted, batches.train, *options)


def attention(device, config: TrainConfig):
    """Return the context of the attention that trains fastest on the device."""
    return cpu.attention_by_products(device, config.bf16 and runtime.has_bf16(device))


def train_model(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig) -> Bundle:
    """Compute the features unless the tower is trained too, then train; return what was trained."""
    shown = panel.select(held_out.records, args.panel, args.panel_from and Path(args.panel_from))
    make_examples = make_view_examples if args.unfreeze else make_feature_examples
    train_data, eval_data = make_examples(bundle, train, held_out, args, config)
    packed = args.packed and not runs.predates(args.out, "packed")
    batches = adaptation.feed(bundle, train_data, eval_data, packed, config)
    bundle = adaptation.attach(bundle, args)
    further = None
    if args.reward:
        further = SelfCritical(bundle, batches.train.datasets, args.reward, config.bf16)
    thumbnails = panel.save_thumbnails(shown, args.out)
    with attention(bundle.model.device, config):
        fit(
            bundle.model,
            batches.train,
            batches.held_out,
            batches.collate,
            batches.config,
            args.out,
            resume=args.resume,
            processor=bundle.processor,
            describe=lambda: panel.describe(bundle, shown, thumbnails),
            measure=lambda: evaluate.curve_scores(bundle, held_out.records, args.measure),
            further_loss=further,
        )
    return bundle


def make_feature_examples(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig):
    """Return training and held-out examples on stored features, with pseudo-labels if requested."""
    backgrounds = views.scene_backgrounds(train.records)
    options = {"folder": args.features, "workers": config.workers, "half": args.half_features}
    compute = partial(features.compute, bundle, **options)
    stores = [
        compute(records, views=args.views * times, backgrounds=backgrounds, mild=args.mild)
        for _, records, times in train
    ]
    plain = [compute(records) for _, records, _ in held_out]
    parts = list(zip(train, stores, strict=True))
    if uses_probe(args):
        options = args.mixed, args.sure, args.matched, config.seed
        probe, parts = probe_labels.add_pseudo_labels(train, stores, *options)
        probe_labels.report(probe, held_out, plain, args.out)
        if args.projector == "words":
            probe_labels.init_visual_words(bundle.model.model.projector, probe, bundle)
    if args.names:
        parts.append(imagine_names(bundle, parts, args, config.seed))
    has_new_projector = not args.model or args.projector
    if has_new_projector and args.words and not (args.resume and runs.newest_checkpoint(args.out)):
        word_alignment.align(bundle, parts, args.words, config.seed, config.bf16)
    train_data = [
        FeatureExamples(bundle.processor, records, store, config.epochs * times, args.turns)
        for (_, records, times), store in parts
    ]
    eval_data = [
        FeatureExamples(bundle.processor, records, store, turns=args.turns)
        for (_, records, _), store in zip(held_out, plain, strict=True)
    ]
    return train_data, eval_data


def imagine_names(bundle, parts, args: argparse.Namespace, seed: int):
    """Return imagined pictures of the classes that the tower was trained on, as another part."""
    opened = classifier.load(args.vision or BUILDABLE[args.preset].vision)
    names = NamesConfig(per_class=args.names, turns=args.turns)
    return make_part(opened, parts, names, has_pooled(bundle), seed)


def make_view_examples(bundle, train, held_out, args: argparse.Namespace, config: TrainConfig):
    """Return training and held-out examples on pixels, for a tower that is trained too."""
    backgrounds = views.scene_backgrounds(train.records)
    train_data = [
        ViewExamples(
            bundle,
            records,
            args.views * times,
            backgrounds,
            config.epochs * times,
            turns=args.turns,
            mild=args.mild,
        )
        for _, records, times in train
    ]
    eval_data = [ViewExamples(bundle, records, 0, turns=args.turns) for _, records, _ in held_out]
    return train_data, eval_data


def save(bundle, train, args: argparse.Namespace) -> None:
    """Save the trained model, or its adapter if the base can be opened by a name.

    Visual words are sharpened only in the saved model.
    """
    if args.lora and not overrides(args):
        with files.writing(args.out):
            adaptation.save(bundle, args)
        print(f"Saved. Try: loupe describe PICTURE --model {args.out / runs.ADAPTER}")
        return
    if args.lora:
        bundle = Bundle(lora.merge(bundle.model), bundle.processor, bundle.name)
    if args.projector == "words":
        probe_labels.sharpen_visual_words(
            bundle.model.model.projector, probe_labels.classes(train.records)
        )
    with files.writing(args.out):
        load.save(bundle, args.out / runs.MODEL)
    print(f"Saved. Try: loupe describe PICTURE --model {args.out / runs.MODEL}")
