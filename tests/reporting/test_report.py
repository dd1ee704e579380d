"""The report: the figures of the folder, the same every time."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from tests import tiny
from tests.evaluation_folder import Page, change, html, unjudged, write
from vlm.evaluation import results
from vlm.evaluation.metrics import intervals
from vlm.reporting import report, report_data
from vlm.system import files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path)


# --- what it says --------------------------------------------------------------------------------


def test_the_headline(folder: Path) -> None:
    head = Page(html(folder)).of("")
    assert "moda-mini on fashion/validation · 4 pictures · judged by rules" in head
    assert "4.12 of 10 Overall , 95 % interval 1.50 – 7.25" in head
    assert "Best at style, worst at colour. 1 of 3 descriptions have nothing wrong." in head


def test_the_metrics_are_in_order_with_their_intervals(folder: Path) -> None:
    found = Page(html(folder)).of("metrics")
    rows = ["3.33 0.00 – 10.00 3", "10.00 10.00 – 10.00 2", "4.12 1.50 – 7.25 3"]
    assert [found.index(row) for row in rows] == sorted(found.index(row) for row in rows)
    assert "1 description was not judged and is excluded." in found and "style 1." in found


def test_bars_are_drawn_to_scale(folder: Path) -> None:
    page = Page(html(folder))
    fills = [r["width"] for r in page.attributes("rect") if r["class"] == "fill"]
    fills_of_metrics = ["41.20", "33.30", "100.00", "41.20", "33.30"]
    assert fills == [*fills_of_metrics, "75.00", "0.00", "50.00", "5.00"]
    assert page.attributes("path")[0]["d"].startswith("M15.00 7H72.50")
    assert all(svg["aria-hidden"] == "true" for svg in page.attributes("svg"))


def test_probes_are_one_line_each(folder: Path) -> None:
    found = Page(html(folder)).of("probes")
    assert "Blank image 75 % of 4 descriptions differ from a blank (40 – 100)" in found
    assert "-0.5 points of 10 are lost (-2 – 1)" in found


def test_abilities_are_below_the_probes(folder: Path) -> None:
    page = Page(html(folder))
    assert "Valid JSON 50 % of 4 answers are a JSON object (0 – 100)" in page.of("abilities")
    assert "Unverifiable details 0.5 details the metadata lacks (0 – 1)" in page.of("abilities")
    assert list(page.text).index("abilities") == list(page.text).index("probes") + 1
    change(folder, abilities={})
    assert 'id="abilities"' not in html(folder)


def test_without_marks_the_exact_labels_are_the_headline(folder: Path) -> None:
    files.write_json(folder / results.SCORES, unjudged())
    page = Page(html(folder))
    assert "75.0 % Unknown images flagged unsure , 95 % interval 25.0 – 100.0" in page.of("")
    found = page.of("metrics")
    assert "There are no scores from the judge; only exact labels are shown." in found
    assert "4 descriptions were not judged and are excluded: 4 × the metadata has none" in found
    assert "Kind Metadata Answer Count unknown Shirts 1" in page.of("confusions")
    assert "A red shirt." in page.of("gallery") and "Valid JSON" in page.of("abilities")


def test_confusions_and_exact_labels(folder: Path) -> None:
    page = Page(html(folder))
    assert "Base colour Metadata Answer Count Navy Blue Red 12 Navy Blue nothing 1" in (
        page.of("confusions")
    )
    assert "Article type 33.3 0.0 – 100.0 3" in page.of("exact")


def test_the_judges_agreement_is_that_of_the_metrics(folder: Path) -> None:
    found = Page(html(folder)).of("judges")
    kappa = intervals.kappa([True, False, False], [True, True, False])
    assert "rules and endpoint-gpt" in found
    assert f"Colour 66.7 % {kappa.mean:.2f} {kappa.low:.2f} – {kappa.high:.2f} 3" in found
    assert "Style 100.0 % 1.00 1.00 – 1.00 2" in found
    (folder / "judgements-endpoint-gpt.jsonl").unlink()
    assert 'id="judges"' not in html(folder)


def test_an_unreadable_file_of_a_judge_is_reported(folder: Path) -> None:
    (folder / "judgements-odd.jsonl").write_text('{"id": "a", "colour": "lots"}\n[1]\n')
    found = Page(html(folder)).of("judges")
    assert "Excluded, because some rows are not judgements: judgements-odd.jsonl." in found


def test_a_comparison_gives_differences_with_their_verdicts(folder: Path) -> None:
    rows = [
        {"metric": "overall", "difference": 0.5, "low": 0.25, "high": 1.0, "verdict": "better"},
        {"metric": "colour", "difference": -0.1, "low": -0.4, "high": 0.2, "verdict": "noise"},
        {"metric": "style", "difference": 0, "low": 0, "high": 0, "verdict": "equal"},
    ]
    page = Page(html(folder, comparison=rows, against="/home/me/runs/step-500"))
    found = page.of("comparison")
    assert "Comparison with step-500" in found and "/home" not in found
    assert "Overall +0.50 +0.25 to +1.00 better" in found
    assert "Colour −0.10 −0.40 to +0.20 noise" in found
    assert "Style 0.00 0.00 to 0.00 equal" in found
    drawn = [path["d"] for path in page.attributes("path")]
    assert "M62.50 7H100.00" in drawn and "M75.00 3v8" in drawn  # the scale is -1 to 1


def test_how_it_was_made(folder: Path) -> None:
    found = Page(html(folder)).of("made")
    command = "python -m vlm evaluate --model moda-mini --data fashion --split validation"
    assert f"{command} --judge rules Question asked Describe this picture." in found
    assert all(f"{name} {v}" in found for name, v in report.versions().items())
    assert {"loupe", "python", "torch", "transformers"} <= report.versions().keys()
    change(folder, data="", prompt="What is it?")
    asked = "python -m vlm evaluate --model moda-mini --judge rules --prompt 'What is it?'"
    assert asked in Page(html(folder)).of("made")
    command = "python -m vlm evaluate --model /home/me/mine --judge model:/srv/big --limit 4"
    change(folder, command=command, versions={"torch": "1.0"})
    found = Page(html(folder)).of("made")
    assert "python -m vlm evaluate --model mine --judge model:big --limit 4" in found
    assert "torch 1.0" in found and "transformers" not in found


# --- the gallery ---------------------------------------------------------------------------------


def thumbnails(page: Page) -> dict[str, Image.Image]:
    found = {}
    for image in page.attributes("img"):
        kind, data = image["src"].split(",")
        assert kind == "data:image/jpeg;base64"
        found[image["alt"]] = Image.open(io.BytesIO(base64.b64decode(data)))
    return found


def test_the_gallery_shows_text_metadata_and_what_was_wrong(folder: Path) -> None:
    found = Page(html(folder)).of("gallery")
    assert "2.5 b colour 0 category 0 gender 0 factual 2.5 A red shirt. Judge:" in found
    assert "Judge: says red, is navy blue Article type Casual Shoes Base colour Navy Blue" in found
    assert "empty description" in found
    assert found.index("Worst") < found.index("Best") < found.index("navy blue shoes")


def test_thumbnails_are_small_and_a_missing_picture_leaves_the_id(folder: Path) -> None:
    pictures = {"a": tiny.noise(side=1000).resize((1000, 500)), "b": b"no picture"}
    page = Page(html(folder, pictures))
    (thumbnail,) = thumbnails(page).values()
    assert thumbnail.format == "JPEG" and thumbnail.size == (224, 112)
    assert page.of("gallery").count("image not available") == 2


def test_a_text_without_end_is_cut(folder: Path) -> None:
    rows = [{"id": "a", "text": "long " * 10_000, "overall": 1.0, "why": ""}]
    change(folder, gallery={"best": [], "worst": rows})
    assert len(Page(html(folder)).of("gallery")) < 1500


# --- the same every time -------------------------------------------------------------------------


def test_a_repeated_report_differs_only_in_the_speed(folder: Path) -> None:
    first = html(folder)
    assert html(folder) == first
    files.write_json(folder / results.SPEED, {"1": {"first_token_s": 9.87}})
    second = html(folder)
    marked = re.compile('<section id="speed" class="varies">.*?</section>', re.S)
    assert first != second and marked.sub("", first) == marked.sub("", second)
    found = Page(first).of("speed")
    assert "Picture to first token 0.032 s 0.143 s" in found and "673.6" not in found
    assert "Tokens per second after the first 220 –" in found and "1,704 MB" in found
    assert "9.870 s" in Page(second).of("speed")


def test_no_folder_of_this_machine_appears(folder: Path) -> None:
    for place in ("/home/me/runs/model", r"C:\Users\me\model", "~me/model"):
        change(folder, model=place, data=place, judge=f"model:{place}")
        text = html(folder)
        assert "me" not in re.findall(r"\w+", re.sub("<style>.*?</style>", "", text, flags=re.S))
        assert str(folder) not in text and "model on model" in text
    for name in ("org/model", "runs/x"):
        assert report_data.strip_folders(name) == name
