"""Benchmarks by name; each one loads as `load(split, path, limit) -> Benchmark`.

An empty split stands for the one that is usually reported.
"""

from vlm.evaluation.benchmarks import mmbench, mmmu, naming, pope, quiz
from vlm.evaluation.benchmarks.imagenet import benchmark as imagenet
from vlm.evaluation.benchmarks.scenes.questions import LOADERS

BENCHMARKS = {
    "imagenet": imagenet.load,
    "mmbench": mmbench.load,
    "mmmu": mmmu.load,
    "naming": naming.load,
    "pope": pope.load,
    "quiz": quiz.load,
    **LOADERS,
}
