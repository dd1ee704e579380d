"""Train a model with transformers' Trainer, in a run folder that a killed run resumes from."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from transformers import EarlyStoppingCallback, ProgressCallback, Trainer, TrainingArguments

from vlm import batching, runlog, runs, runtime
from vlm.config import SCHEDULES, TrainConfig
from vlm.errors import UserError, lookup
from vlm.lora import LEARNT

LAST_BLOCK = "last_block"  # of the vision tower
# stage -> the parts that learn; freezing, the optimiser and saving all follow this table
STAGES: dict[str, frozenset[str]] = {
    "projector": frozenset({"projector"}),
    "moda": frozenset({"projector", "language_model", "lm_head"}),
    "unfrozen": frozenset({"projector", "language_model", "lm_head", LAST_BLOCK}),
    "adapters": LEARNT,
}


def freeze(model: nn.Module, stage: str) -> list[str]:
    """Let only the stage's parts learn; return the names of the tensors that do."""
    parts = lookup(STAGES, stage, "stage")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not parts.isdisjoint(name.split("."))
    if LAST_BLOCK in parts:
        last_block(model.model.vision_tower).requires_grad_(True)
    _spare_the_frozen(model)
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def _spare_the_frozen(model: nn.Module) -> None:
    """Checkpointing lets all embeddings require gradients, a frozen tower's patches among them.

    Only re-entrant checkpointing needs that; it would take every picture back through the tower.
    """
    inside = getattr(model, "get_base_model", lambda: model)()
    inside.enable_input_require_grads = _nothing


def _nothing() -> None:
    pass


def last_block(tower: nn.Module | None) -> nn.Module:
    """The last of a tower's blocks: of a ResNet its last stage, of a ViT its last layer.

    Raises:
        UserError: when there is no tower or it has no list of blocks.
    """
    lists = [part for part in (tower.modules() if tower is not None else ())
             if isinstance(part, nn.ModuleList) and len(part) > 1]  # fmt: skip
    if not lists:
        raise UserError("This model has no vision tower of several blocks; leave it frozen.")
    return lists[0][-1]  # modules() goes from the outside to the inside


class _Trainer(Trainer):
    """Batches by length; stops at a loss or gradient that is not finite, before the weights."""

    def _get_train_sampler(self, train_dataset=None):
        data = self.train_dataset if train_dataset is None else train_dataset
        lengths = batching.lengths(data)
        if lengths is None:
            return super()._get_train_sampler(train_dataset)
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return batching.Grouped(lengths, step * self.args.world_size, self.args.data_seed)

    def training_step(self, model, inputs, num_items_in_batch=None):
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._stop_unless_finite("loss", loss)
        return loss

    def _get_grad_norm(self, model, grad_norm=None):
        norm = super()._get_grad_norm(model, grad_norm)
        self._stop_unless_finite("gradient norm", norm)
        return norm

    def _stop_unless_finite(self, what: str, value: torch.Tensor) -> None:
        if not bool(torch.isfinite(torch.as_tensor(value)).all()):
            raise UserError(
                f"The {what} became {float(value)} at step {self.state.global_step + 1}; the last "
                "checkpoint is untouched: mend the data and --resume, or start anew with a lower "
                "--learning-rate."
            )


def arguments(
    config: TrainConfig, run: Path, device: torch.device, text: bool, resumed: bool = False
) -> TrainingArguments:
    """Our settings in the Trainer's words."""
    return TrainingArguments(
        output_dir=str(run),
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        lr_scheduler_kwargs=_schedule(config),
        optim=config.optimiser_on(device.type),
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        num_train_epochs=1,  # the data lays its epochs end to end
        max_steps=config.max_steps,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulation,
        eval_strategy="steps",
        eval_steps=config.eval_every,
        eval_on_start=config.eval_first and not resumed,
        save_steps=config.eval_every if config.patience else config.save_every,
        save_total_limit=config.keep or None,
        load_best_model_at_end=bool(config.patience),
        activation_checkpointing=config.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if config.checkpointing else None,
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,
        bf16=config.bf16 and runtime.has_bf16(device),
        use_cpu=device.type == "cpu",
        ddp_backend="gloo" if runtime.processes() > 1 and device.type == "cpu" else None,
        ddp_find_unused_parameters=False,
        seed=config.seed,
        data_seed=config.seed,
        dataloader_num_workers=config.workers,
        dataloader_multiprocessing_context="fork" if config.workers else None,
        remove_unused_columns=False,
        label_names=["labels"],
        include_num_input_tokens_seen="non_padding" if text else "no",
        report_to="none",
    )


def _schedule(config: TrainConfig) -> dict:
    return {"min_lr_rate": config.min_lr_rate} if config.schedule == SCHEDULES[0] else {}


def _stopper(config: TrainConfig) -> list[EarlyStoppingCallback]:
    return [EarlyStoppingCallback(config.patience)] if config.patience else []


def end_bars(trainer: Trainer) -> None:
    """Close what shows progress, so that a sentence about a failure has a line of its own."""
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, ProgressCallback):
            for bar in (callback.prediction_bar, callback.training_bar):
                if bar is not None:
                    bar.close()


def fit(
    model: nn.Module,
    train_data,
    eval_data,
    collate: Callable,
    config: TrainConfig,
    run: Path,
    *,
    resume: bool = False,
    processor=None,
    describe: Callable[[], Iterable[dict]] | None = None,
    measure: Callable[[], dict[str, float]] | None = None,
    compute_metrics: Callable | None = None,
) -> nn.Module:
    """Train whatever of `model` requires gradients; everything it has to say goes into `run`.

    Args:
        train_data, eval_data: indexable examples, all epochs of them; `collate` makes a batch.
        resume: go on from the newest whole checkpoint of `run`, bit for bit.
        processor: saved into every checkpoint beside the weights.
        describe: called at evaluations and milestones; its rows go to samples.jsonl.
        measure: called at milestones of tokens seen; its scores go to scores.jsonl.

    Raises:
        UserError: when `run` is taken, there is nothing to learn from, the loss stops being finite
            or the disk is full.
    """
    if not len(train_data):
        raise UserError("There is no example to train on; raise --epochs or give more pictures.")
    runtime.check_workers(config.workers)
    runtime.set_threads(config.threads)
    with runs.room(run), _cache_kept(model):
        checkpoint = runs.prepare(run, resume)
        log = runlog.RunLog(run, config.epochs, describe, measure)
        device = next(model.parameters()).device
        trainer = _Trainer(
            model=model,
            args=arguments(config, run, device, processor is not None, bool(checkpoint)),
            data_collator=collate, train_dataset=train_data, eval_dataset=eval_data,
            processing_class=processor, compute_metrics=compute_metrics,
            callbacks=[*([log] if runtime.is_main() else []), *_stopper(config)],
        )  # fmt: skip
        with _told(log, trainer):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # bf16 was for training
    return model


@contextmanager
def _told(log: runlog.RunLog, trainer: Trainer) -> Iterator[None]:
    """The run's status says that it starts and, should it fail, why."""
    try:
        if runtime.is_main():
            log.status("starting")
        yield
    except BaseException as error:
        end_bars(trainer)
        if runtime.is_main():
            log.failed(error, trainer.state)
        raise


@contextmanager
def _cache_kept(model: nn.Module) -> Iterator[None]:
    """Undo what the Trainer writes into the model's config: saved, it would answer slowly."""
    config = getattr(model, "config", None)
    before = getattr(config, "use_cache", None)
    try:
        yield
    finally:
        if before is not None:
            config.use_cache = before
        elif hasattr(config, "use_cache"):
            del config.use_cache
