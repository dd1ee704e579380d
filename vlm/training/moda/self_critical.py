"""Self-critical training: captions that the model samples are rewarded for their CIDEr-D.

Cross-entropy scores one token at a time; this loss scores whole captions against people's (Rennie
et al., 2017, arXiv 1612.00563). The baseline of a sample is the mean reward of its picture's other
samples (Luo, 2020, arXiv 2003.09971).
"""

from collections.abc import Sequence
from statistics import fmean

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vlm.errors import UserError
from vlm.evaluation.metrics.captioning.ngrams import CiderD
from vlm.evaluation.metrics.captioning.tokens import tokenise
from vlm.inference.confidence import answer_mask
from vlm.system import runtime
from vlm.training import packing
from vlm.training.packing import PackedExamples
from vlm.types import IGNORE_INDEX, Bundle

PICTURES, SAMPLES = 8, 5  # pictures of each forward pass; samples of each picture
LONGEST = 30  # tokens of a sample
END = "</s>"  # a word of finished captions, so that cutting one short is not rewarded


class SelfCritical:
    """A loss to add to that of next tokens: better samples become likelier, worse ones less likely.

    It draws pictures and samples with torch's random numbers, which checkpoints store.

    Args:
        bundle: whose model samples.
        parts: examples; their pictures with two captions or more are used.
        weight: of this loss.
        bf16: sample in bfloat16 where the hardware has it.

    Raises:
        UserError: if no picture has two captions.
    """

    def __init__(self, bundle: Bundle, parts: Sequence, weight: float, bf16: bool = True):
        packed = [part for part in parts if isinstance(part, PackedExamples)]
        self.pictures = [
            (part, number)
            for part in packed
            for number, captions in enumerate(part.captions)
            if len(captions) > 1
        ]
        if not self.pictures:
            raise UserError(
                "--set reward needs pictures with several captions, as scenes has, and a decoder "
                "that allows packed answers; omit reward."
            )
        self.bundle, self.weight, self.bf16 = bundle, weight, bf16
        self.collate = packing.collator(bundle.processor)
        self.scorer = CiderD([self._references(*picture) for picture in self.pictures])
        self.rewards: list[float] = []
        self.losses: list[float] = []

    def __call__(self, model: nn.Module) -> torch.Tensor:
        """Return the weighted loss of new samples, averaged over their tokens."""
        chosen = torch.randperm(len(self.pictures))[:PICTURES].tolist()
        part, number = self.pictures[chosen[0]]  # its question is asked about all of them
        prompt, _ = packing.split(part.examples.text(part.captions[number][0]))
        pictures = [self._picture(index) for index in chosen]
        samples = self._sample(prompt, torch.cat([p["vision_features"] for p in pictures]))
        rewards = torch.tensor(
            [
                [self.scorer.score(self._words(sample), index) for sample in group]
                for index, group in zip(chosen, samples, strict=True)
            ]
        )
        self.rewards.append(float(rewards.mean()))
        advantages = (rewards - rewards.mean(1, keepdim=True)) * SAMPLES / (SAMPLES - 1)
        items = [
            packing.pack([_example(prompt, sample) for sample in group]) | picture
            for group, picture in zip(samples, pictures, strict=True)
        ]
        lengths = torch.tensor([len(sample) for group in samples for sample in group])
        per_token = advantages.view(-1).repeat_interleave(lengths)
        loss = self.weight * self._loss(model, self.collate(items), per_token)
        self.losses.append(float(loss.detach()))
        return loss

    def figures(self) -> dict[str, float]:
        """Return the samples' mean CIDEr-D, 0 to 10, and the mean loss, since the last call."""
        means = {"reward": fmean(self.rewards), "reward_loss": fmean(self.losses)}
        self.rewards, self.losses = [], []
        return {name: round(mean, 4) for name, mean in means.items()}

    def _references(self, part: PackedExamples, number: int) -> list[list[str]]:
        turns = [part.examples.turns[turn][1] for turn in part.captions[number]]
        return [[*tokenise(turn.answer), END] for turn in turns]

    def _picture(self, index: int) -> dict[str, torch.Tensor]:
        part, number = self.pictures[index]
        view = int(torch.randint(len(part.examples.features), ()))
        return part.examples.vision_inputs(number, view)

    @torch.no_grad()
    def _sample(self, prompt: Sequence[int], features: torch.Tensor) -> list[list[list[int]]]:
        """Return, for each picture, the ids of each sample, up to and including its end."""
        model = self.bundle.model
        ids = torch.tensor([prompt] * len(features), device=model.device)
        was_training = model.training
        model.eval()
        with runtime.autocast(model.device, self.bf16):
            out = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                vision_features=features.to(model.device),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                repetition_penalty=1.0,
                suppress_tokens=[model.config.image_token_id],  # it would need a picture
                num_return_sequences=SAMPLES,
                max_new_tokens=LONGEST,
                use_cache=True,
            )[:, len(prompt) :]
        model.train(was_training)
        is_kept = answer_mask(out, self.bundle.processor.tokenizer.eos_token_id)
        rows = [row[kept].tolist() for row, kept in zip(out, is_kept, strict=True)]
        return [rows[start : start + SAMPLES] for start in range(0, len(rows), SAMPLES)]

    def _words(self, sample: list[int]) -> list[str]:
        """Return a sample's words, END included if it is finished."""
        tokenizer = self.bundle.processor.tokenizer
        is_finished = sample[-1] == tokenizer.eos_token_id
        words = tokenise(tokenizer.decode(sample[:-1] if is_finished else sample))
        return [*words, END] if is_finished else words

    def _loss(self, model: nn.Module, batch: dict, advantages: torch.Tensor) -> torch.Tensor:
        """Return the mean over tokens of surprise x advantage.

        Args:
            batch: packed samples.
            advantages: of each token with a label, in the batch's order.
        """
        inputs = {name: value.to(self.bundle.model.device) for name, value in batch.items()}
        labels = inputs.pop("labels")
        logits = model(**inputs).logits.float()  # of the tokens before a label
        surprise = cross_entropy(logits, labels[labels != IGNORE_INDEX], reduction="none")
        return (surprise * advantages.to(logits)).mean()


def _example(prompt: Sequence[int], sample: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return a sample as a training example."""
    labels = [*[IGNORE_INDEX] * len(prompt), *sample]
    return {"input_ids": torch.tensor([[*prompt, *sample]]), "labels": torch.tensor([labels])}
