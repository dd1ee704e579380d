"""Train a model with transformers' Trainer, in a run folder that a killed run can resume from."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from transformers import EarlyStoppingCallback, ProgressCallback, Trainer, TrainingArguments

from vlm.config import SCHEDULES, TrainConfig
from vlm.errors import UserError
from vlm.system import files, runtime
from vlm.training import batching, packing, runlog, runs


class FurtherLoss(Protocol):
    """A loss that does not come from the training batch."""

    def __call__(self, model: nn.Module) -> torch.Tensor: ...

    def figures(self) -> dict[str, float]:
        """Return what is written beside the loss, means since the last call."""


class _Trainer(Trainer):
    """A Trainer that batches by length and stops at a non-finite loss or gradient.

    Args:
        projector_rate: peak learning rate of the projector, 0 = that of the other parts.
        further_loss: a `FurtherLoss`, added to that of every training batch.
    """

    def __init__(self, *args, projector_rate: float = 0.0, further_loss=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.projector_rate, self.further_loss = projector_rate, further_loss

    def compute_loss(self, model, inputs, *args, **kwargs):
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        if self.further_loss is None or not model.training:
            return loss
        return loss + self.further_loss(model) / self.current_gradient_accumulation_steps

    def log(self, logs, *args, **kwargs):
        if self.further_loss is not None and "loss" in logs:
            logs |= self.further_loss.figures()
        super().log(logs, *args, **kwargs)

    def create_optimizer(self, model=None):
        optimiser = super().create_optimizer(model)
        if self.projector_rate:
            _split_projector(optimiser, self.model, self.projector_rate)
        return optimiser

    def _track_num_input_tokens(self, inputs):
        if self.args.include_num_input_tokens_seen != "no":
            count = packing.count_tokens(inputs["attention_mask"])
            self.state.num_input_tokens_seen += self.accelerator.gather(count).sum().item()

    def _get_train_sampler(self, train_dataset=None):
        data = self.train_dataset if train_dataset is None else train_dataset
        lengths = batching.lengths(data)
        if lengths is None:
            return super()._get_train_sampler(train_dataset)
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return batching.LengthGroupedSampler(
            lengths, step * self.args.world_size, self.args.data_seed
        )

    def training_step(self, model, inputs, num_items_in_batch=None):
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._stop_unless_finite("loss", loss)
        return loss

    def _get_grad_norm(self, model, grad_norm=None):
        norm = super()._get_grad_norm(model, grad_norm)
        self._stop_unless_finite("gradient norm", norm)
        return norm

    def _stop_unless_finite(self, name: str, value: torch.Tensor) -> None:
        if not bool(torch.isfinite(torch.as_tensor(value)).all()):
            raise UserError(
                f"The {name} became {float(value)} at step {self.state.global_step + 1}; the last "
                "checkpoint is intact: fix the data, then rerun with --resume, or start a new run "
                "with a lower --learning-rate."
            )


def _split_projector(optimiser, model: nn.Module, rate: float) -> None:
    """Move the projector's parameters into groups of their own, with this learning rate."""
    parameters = {id(p) for name, p in model.named_parameters() if "projector" in name.split(".")}
    for group in list(optimiser.param_groups):
        chosen = [p for p in group["params"] if id(p) in parameters]
        group["params"] = [p for p in group["params"] if id(p) not in parameters]
        if chosen:
            optimiser.add_param_group({**group, "params": chosen, "lr": rate})


def build_arguments(
    config: TrainConfig, run: Path, device: torch.device, text: bool, resumed: bool = False
) -> TrainingArguments:
    """Return our settings as the Trainer's arguments.

    Args:
        text: True if the model processes text, so that tokens are counted.
    """
    return TrainingArguments(
        output_dir=str(run),
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        lr_scheduler_kwargs=_scheduler_options(config),
        optim=config.optimiser_on(device.type),
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        num_train_epochs=1,  # the data already repeats for all epochs
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
        ddp_backend="gloo" if runtime.process_count() > 1 and device.type == "cpu" else None,
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


def _scheduler_options(config: TrainConfig) -> dict:
    return {"min_lr_rate": config.min_lr_rate} if config.schedule == SCHEDULES[0] else {}


def _early_stopping(config: TrainConfig) -> list[EarlyStoppingCallback]:
    return [EarlyStoppingCallback(config.patience)] if config.patience else []


def close_progress_bars(trainer: Trainer) -> None:
    """Close the progress bars, so that an error message starts on a new line."""
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
    further_loss: FurtherLoss | None = None,
) -> nn.Module:
    """Train the parameters of `model` that require gradients; write logs and checkpoints to `run`.

    Args:
        train_data, eval_data: indexable examples of all epochs; `collate` makes a batch.
        resume: continue from the newest complete checkpoint of `run`, bit for bit.
        processor: saved with the weights in every checkpoint.
        describe: called at evaluations and milestones; its rows go to samples.jsonl.
        measure: called at milestones of tokens seen; its scores go to scores.jsonl.
        further_loss: added to the loss of every training batch.

    Raises:
        UserError: if `run` already contains a run, there are no examples, the loss or gradient is
            not finite, or the disk is full.
    """
    if not len(train_data):
        raise UserError("There is no example to train on; raise --epochs or give more pictures.")
    runtime.check_workers(config.workers)
    runtime.set_threads(config.threads)
    with files.writing(run), _restore_use_cache(model):
        checkpoint = runs.prepare(run, resume)
        log = runlog.RunLog(run, config.epochs, describe, measure)
        logs = [runlog.CurrentSteps(), *([log] if runtime.is_main() else [])]
        device = next(model.parameters()).device
        trainer = _Trainer(
            model=model,
            args=build_arguments(config, run, device, processor is not None, bool(checkpoint)),
            data_collator=collate,
            train_dataset=train_data,
            eval_dataset=eval_data,
            processing_class=processor,
            compute_metrics=compute_metrics,
            projector_rate=config.projector_rate,
            further_loss=further_loss,
            callbacks=[*logs, *_early_stopping(config)],
        )
        with _write_start_and_failure(log, trainer):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # bf16 was for training
    return model


@contextmanager
def _write_start_and_failure(log: runlog.RunLog, trainer: Trainer) -> Iterator[None]:
    """Write to status.json that the run starts and, if it fails, why."""
    try:
        if runtime.is_main():
            log.write_status("starting")
        yield
    except BaseException as error:
        close_progress_bars(trainer)
        if runtime.is_main():
            log.write_failure(error, trainer.state)
        raise


@contextmanager
def _restore_use_cache(model: nn.Module) -> Iterator[None]:
    """Restore `use_cache`, which the Trainer turns off; a model saved that way generates slowly."""
    config = getattr(model, "config", None)
    before = getattr(config, "use_cache", None)
    try:
        yield
    finally:
        if before is not None:
            config.use_cache = before
        elif hasattr(config, "use_cache"):
            del config.use_cache
