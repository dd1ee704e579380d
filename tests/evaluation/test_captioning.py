"""Caption scores equal those of COCO's evaluation; invented things are found."""

import importlib
import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from vlm.errors import UserError
from vlm.evaluation.metrics import intervals
from vlm.evaluation.metrics.captioning import java, measure, ngrams
from vlm.evaluation.metrics.captioning.tokens import tokenise

CAPTIONS = [
    "A brown dog runs through the snow.",
    "Two men don't climb the rock wall.",
    "a girl",
    "",
    "A boy jumps into the swimming pool.",
]
REFERENCES = [
    ["A brown dog is running through deep snow.", "The dog runs in the snow", "A puppy outside."],
    ["Two climbers on a rock wall.", "Two men climbing, with ropes."],
    ["A little girl in a pink dress.", "The girl's dress is pink; she smiles."],
    ["A crowd watches a race.", "People at a race."],
    ["A boy jumps into the swimming pool.", "A kid jumps into a pool."],
]
needs_reference = pytest.mark.skipif(
    not find_spec("pycocoevalcap"), reason="pycocoevalcap is not installed"
)
needs_java = pytest.mark.skipif(not shutil.which("java"), reason="Java is not installed")


def words() -> tuple[list, list]:
    return list(map(tokenise, CAPTIONS)), [list(map(tokenise, refs)) for refs in REFERENCES]


def reference_scores(module: str, *settings, **options) -> tuple:
    """What pycocoevalcap computes: the corpus score and those of the pictures."""
    captions, references = words()
    given = {n: [" ".join(text) for text in refs] for n, refs in enumerate(references)}
    ours = {n: [" ".join(text)] for n, text in enumerate(captions)}
    scorer = getattr(
        importlib.import_module(f"pycocoevalcap.{module.lower()}.{module.lower()}"), module
    )
    return scorer(*settings).compute_score(given, ours, **options)


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A man's T-shirt, isn't it?", "a man 's t-shirt is n't it"),
        (
            "Mr. Smith of the U.S. team (No. 7) wins.",
            "mr. smith of the u.s. team -lrb- no. 7 -rrb- wins",
        ),
        ("It reads “Go”… -- 5:50, 2.5 m or 3/4!", "it reads go 5:50 2.5 m or 3/4"),
        ("Rock 'n' roll; boys' hats & 80's cars.", "rock 'n' roll boys hats & 80 's cars"),
        ("They cannot. black/white cats", "they can not black/white cats"),
        (" ... ", ""),
    ],
)
def test_captions_are_split_as_by_the_java_tokeniser(caption, expected):
    assert " ".join(tokenise(caption)) == expected
    if find_spec("pycocoevalcap") and shutil.which("java"):
        assert java_tokens([caption]) == [expected]


def java_tokens(texts: list[str]) -> list[str]:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokens = PTBTokenizer().tokenize({n: [{"caption": text}] for n, text in enumerate(texts)})
    return [tokens[n][0] for n in range(len(texts))]


@needs_reference
@needs_java
def test_all_captions_of_scenes_are_split_as_by_the_java_tokeniser():
    pytest.importorskip("pyarrow")
    from vlm.data import source

    texts = []
    for split in ("train", "validation"):
        files = source.find_files("scenes", split)
        if not files or not files[0].is_file():
            pytest.skip("the data set scenes is not in $VLM_DATA")
        rows = source.table("scenes", "", split, columns=("captions",)).column("captions")
        texts += [" ".join(text.split()) for row in rows.to_pylist() for text in row]
    texts = list(dict.fromkeys(texts))
    pairs = zip(texts, java_tokens(texts), strict=True)
    assert len(texts) > 1000
    assert not [(text, line) for text, line in pairs if " ".join(tokenise(text)) != line]


# --- scores --------------------------------------------------------------------------------------


@needs_reference
def test_scores_equal_those_of_the_reference_implementation():
    captions, references = words()
    pairs = list(zip(captions, references, strict=True))
    totals = np.sum([ngrams.bleu_row(*pair) for pair in pairs], axis=0)
    ours = [ngrams.bleu(totals, order) for order in (1, 2, 3, 4)]
    assert ours == pytest.approx(reference_scores("Bleu", 4, verbose=0)[0], abs=1e-6)
    cider = ngrams.cider_d(captions, references)
    assert cider == pytest.approx(reference_scores("Cider")[1], abs=1e-6) and cider.max() > 1
    rouge = [ngrams.rouge_l(*pair) for pair in pairs]
    assert rouge == pytest.approx(reference_scores("Rouge")[1], abs=1e-6) and max(rouge) == 1


@pytest.mark.slow
@needs_reference
@needs_java
def test_meteor_equals_the_reference_implementation():
    corpus, pictures = reference_scores("Meteor")
    rows = java.meteor_rows(*words())
    assert java.meteor(rows.sum(axis=0)) == pytest.approx(corpus, abs=1e-6)
    assert java.meteor(rows) == pytest.approx(pictures, abs=1e-6) and max(pictures) == 1


def test_meteor_is_computed_from_its_counts():
    """Counts that METEOR 1.5 printed for two captions, and its score of them."""
    text = "6 7 3 4 2 2 3 3 0 0 0 0 0 0 0 0 1 0 0 1 5 6 6"
    assert java.meteor(np.array(text.split(), float)) == pytest.approx(0.3198617531181713)
    assert java.meteor(np.zeros(23)) == 0


def test_missing_programs_are_explained(monkeypatch):
    monkeypatch.setattr(java.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="METEOR needs Java"):
        java.meteor_rows(*words())
    monkeypatch.setattr(java.shutil, "which", lambda name: "/usr/bin/java")
    monkeypatch.setattr(java, "PACKAGE", "no-such-package")
    with pytest.raises(UserError, match="pip install no-such-package"):
        java.spice(*words())
    scores = measure.measure(CAPTIONS, REFERENCES)
    assert scores.left_out.keys() == {"meteor", "spice"}
    assert not {"meteor", "spice"} & scores.figures.keys()


def test_spice_needs_models_and_reads_its_scores(monkeypatch, tmp_path):
    jar = tmp_path / "spice.jar"
    monkeypatch.setattr(java, "find", lambda *_: jar)
    with pytest.raises(UserError, match="Stanford's models"):
        java.spice(*words())
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "stanford-corenlp-3.6.0-models.jar").touch()

    def run(name, arguments, folder):
        given = json.loads(open(arguments[3]).read())
        assert given[0]["test"] == "a brown dog runs through the snow"
        scores = [{"image_id": n, "scores": {"All": {"f": n / 10 or None}}} for n in range(5)]
        open(arguments[5], "w").write(json.dumps(scores[::-1]))

    monkeypatch.setattr(java, "_run", run)
    assert list(java.spice(*words())) == [0, 0.1, 0.2, 0.3, 0.4]


def test_figures_have_intervals_and_perfect_captions_score_full_points():
    perfect = [refs[0] for refs in REFERENCES]
    good = measure.measure(perfect, REFERENCES, with_java=False).figures
    assert good["bleu_4"]["mean"] == pytest.approx(100) and good["rouge_l"]["mean"] == 100
    assert good["chair_i"]["mean"] == good["chair_s"]["mean"] == 0
    shifted = measure.measure([*perfect[1:], perfect[0]], REFERENCES, with_java=False).figures
    assert shifted["cider_d"]["mean"] < good["cider_d"]["mean"] / 4
    assert shifted["chair_s"]["mean"] > 50
    for row in (*good.values(), *shifted.values()):
        assert row["low"] <= row["mean"] <= row["high"] and row["says"] and "{" not in row["says"]
    assert shifted["bleu_1"]["low"] < shifted["bleu_1"]["high"]
    with pytest.raises(ValueError, match="reference"):
        measure.measure(["A dog."], [[]])


def test_a_corpus_score_is_resampled_from_the_counts_of_pictures():
    rows = [(1, 2), (0, 4), (3, 3), (1, 1)]
    figure = intervals.of_totals(rows, lambda totals: totals[..., 0] / totals[..., 1])
    assert figure.mean == 0.5 and figure.n == 4 and 0 <= figure.low < 0.5 < figure.high <= 1
    same = intervals.of_totals([(v, 1) for v in (1, 2, 5)], lambda t: t[..., 0] / t[..., 1])
    assert same == intervals.mean([1, 2, 5])


# --- things --------------------------------------------------------------------------------------


def unbacked(caption: str, *texts: str) -> list[str]:
    return measure.unbacked_objects(caption, texts)[0]


@pytest.mark.parametrize(
    ("caption", "reference"),
    [
        ("A boy runs.", "A child is running."),
        ("A boy runs.", "A person outdoors."),
        ("Two kids run.", "Two boys."),
        ("A dog.", "A puppy."),
        ("A dog.", "An animal sleeps."),
        ("An animal.", "Three poodles."),
        ("A man on a board.", "A skateboarder jumps."),
        ("A skier.", "A man skiing."),
        ("A hard-hat and a tee-shirt.", "A man in a helmet and a shirt."),
        ("Women on bikes.", "A lady rides a bicycle."),
        ("A man without a helmet.", "A man."),
        ("A boy slides and waves at the camera.", "A boy."),
    ],
)
def test_a_thing_is_backed_by_its_name_its_kind_or_a_kind_of_it(caption, reference):
    assert not unbacked(caption, "Nothing.", reference)


@pytest.mark.parametrize(
    ("caption", "reference", "invented"),
    [
        ("A dog and a cat.", "A dog.", ["cat"]),
        ("A girl runs.", "A boy runs.", ["girl"]),
        ("A man in a red hat by a car.", "A man stands.", ["hat", "car"]),
        ("A slide and two waves.", "A boy.", ["slide", "wave"]),
        ("A hot dog.", "A dog.", ["hot dog"]),
        ("A black dog in the snow.", "A black dog runs on a beach.", ["snow"]),
    ],
)
def test_an_invented_thing_is_found(caption, reference, invented):
    assert unbacked(caption, reference) == invented


def test_a_role_backs_either_sex_but_no_other_role():
    assert not unbacked("A man.", "A skier.") and not unbacked("A woman.", "A surfer.")
    assert unbacked("A surfer.", "A skier.") == ["surfer"]


def test_phrases_back_things_too():
    scores = measure.measure(["A dog, a cat."], [["A dog."]], [["the cat"]], with_java=False)
    assert scores.by_picture[0]["unbacked"] == []


def test_people_are_compared_with_each_other():
    rows = measure.human_rows([["A dog.", "A dog and a ball.", "A puppy."], ["A cat."]])
    assert rows == [(1, 4, 1, 3)]  # the ball; the second picture has one caption only
