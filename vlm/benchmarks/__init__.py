"""Benchmarks by name; each loads as `load(split, path, limit) -> Benchmark`.

An empty split is the one that is usually reported.
"""

from functools import partial

from vlm.benchmarks import mmbench, mmmu, naming, pope, quiz

BENCHMARKS = {
    "mmbench": mmbench.load,
    "mmbench-cn": partial(mmbench.load, config="cn"),
    "mmbench-cc": partial(mmbench.load, config="cc"),
    "mmmu": mmmu.load,
    "naming": naming.load,
    "pope": pope.load,
    "quiz": quiz.load,
}
