"""The page's theme, style sheet and script."""

import gradio as gr


def make_theme() -> gr.themes.Base:
    """Return gradio's default theme in indigo, with a text contrast of at least 4.5 to 1."""
    return gr.themes.Default(
        primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", radius_size="lg"
    ).set(
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_large_text_weight="700",
        button_medium_text_weight="700",
        button_small_text_weight="700",
        button_primary_text_color="white",
        button_cancel_background_fill="#b91c1c",
        button_cancel_background_fill_hover="#991b1b",
        button_cancel_background_fill_dark="#b91c1c",
        button_cancel_background_fill_hover_dark="#991b1b",
        button_cancel_text_color="white",
        button_cancel_text_color_dark="white",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_700",
        color_accent="*primary_600",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
    )


# gradio splits selectors at every comma: use no commas inside :is(), :not() and :has()
CSS = """
.gradio-container { max-width: 1180px !important; margin: 0 auto !important; }
.gradio-container main { padding-top: 14px !important; }
#top { align-items: center; gap: 8px 24px; flex-wrap: wrap; }
#top > * { width: auto; } #top .html-container { padding: 0; }
#title { flex: 1 1 320px; } #chip { flex: 0 1 auto; }
#title h1 { margin: 0; font-size: 2rem; font-weight: 700; letter-spacing: -0.02em;
  color: var(--primary-700); }
.dark #title h1 { color: var(--primary-300); }
#title p { margin: 0; color: var(--body-text-color-subdued); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 !important; }
.chips span { padding: 3px 10px; border-radius: 999px; font-size: .82rem;
  background: var(--background-fill-secondary); border: 1px solid var(--border-color-primary); }
.chips span:first-child { background: var(--primary-600); border-color: transparent; color: #fff; }
#answer textarea { font-size: 1.08rem; line-height: 1.55; -webkit-text-fill-color: currentColor; }
#below-answer, #shelf-bar { align-items: center; flex-wrap: nowrap; }
#below-answer > #status, #shelf-bar > #more-status { flex: 1 1 auto; min-width: 0; width: auto; }
#status .html-container, #more-status .html-container { padding: 0; }
.note { margin: 0 2px !important; font-size: .88rem; line-height: 1.4;
  overflow-wrap: anywhere; color: var(--body-text-color-subdued) !important; }
.note[data-state=failed] { color: #b91c1c !important; }
.note[data-state=stored] { color: #92400e !important; }
.dark .note[data-state=failed] { color: #fca5a5 !important; }
.dark .note[data-state=stored] { color: #fcd34d !important; }
#model input, #evaluation input, #against input, #panel-run input { text-overflow: ellipsis;
  padding-right: 26px; }
.shelf .grid-wrap { padding: 0; height: auto !important; min-height: 0 !important;
  max-height: none !important; }
.shelf .grid-container { min-height: 0 !important; padding: 0 !important; gap: 10px;
  grid-template-rows: auto !important; grid-auto-rows: auto !important;
  grid-template-columns: repeat(var(--row, 6), minmax(0, 1fr)) !important; }
#examples, #photographs { --row: 8; }
.shelf .caption-label { left: 0; right: 0; bottom: 0; max-width: none; border-radius: 0;
  text-align: center; white-space: normal; opacity: 1 !important; }
#examples .caption-label, #photographs .caption-label, #panel .caption-label { display: none; }
.plain .html-container { padding: 0; }
.heading { margin: 4px 0 0 !important; font-size: 1rem !important; font-weight: 700; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.dark [role=tab][aria-selected=true] { color: var(--primary-300) !important; }
#results-bar { align-items: center; flex-wrap: nowrap; }
#results-bar > :first-child { flex: 1 1 auto; width: auto; }
#chart svg, .diagram svg { display: block; width: 100%; height: auto; }
.diagram { max-width: 26rem; }
#chart .narrow { display: none; }
.fold { margin: 6px 2px; }
.fold > summary { cursor: pointer; font-size: .88rem; color: var(--body-text-color-subdued); }
.scroll { overflow-x: auto; margin: 0 0 14px; }
.sheet { width: 100%; margin: 0 !important; border: 0 !important; border-collapse: collapse;
  font-size: .9rem; font-variant-numeric: tabular-nums; }
.sheet caption { padding: 4px 0; text-align: left; font-weight: 700; font-size: .95rem; }
.sheet tr { border: 0 !important; }
.sheet th, .sheet td { padding: 5px 10px 5px 0 !important; border: 0 !important; text-align: left;
  border-bottom: 1px solid var(--border-color-primary) !important; background: none !important; }
.sheet thead th { font-weight: 500 !important; color: var(--body-text-color-subdued); }
.sheet tbody th { font-weight: 500 !important; }
.span { position: relative; display: block; width: 100%; min-width: 70px; height: 8px;
  border-radius: 4px; background: var(--border-color-primary); }
.span::before, .span::after { content: ""; position: absolute; top: 0; bottom: 0; }
.span::before { left: 0; width: var(--mean); border-radius: 4px; background: var(--primary-500); }
.span::after { left: var(--low); width: max(calc(var(--high) - var(--low)), 4px); top: -2px;
  bottom: -2px; border: solid var(--body-text-color); border-width: 0 2px;
  background: linear-gradient(var(--body-text-color), var(--body-text-color)) center / 100% 2px
  no-repeat; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr));
  gap: 0 36px; }
.grade { display: flex; align-items: baseline; flex-wrap: wrap; gap: 2px 10px;
  margin: 6px 0 2px !important; }
.grade strong { font-size: 2.4rem; line-height: 1.1; letter-spacing: -0.02em;
  color: var(--primary-700); }
.dark .grade strong { color: var(--primary-300); }
#scores h3 { margin: 10px 0 6px !important; font-size: .95rem !important;
  font-weight: 700; }
#scores .pair h3 { margin-top: 4px !important; }
#scores .pair { margin-top: 12px; } #scores .pair ul + h3 { margin-top: 14px !important; }
#scores .pair .note { margin-bottom: 6px !important; }
.lines { margin: 0 !important; padding: 0 0 0 18px !important; font-size: .9rem; }
.cards { display: grid; gap: 12px; margin: 0 0 14px !important; padding: 0 !important;
  grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); list-style: none; }
.cards.one { grid-template-columns: 1fr; }
.card { display: flex; gap: 12px; padding: 10px; margin: 0 !important; font-size: .9rem;
  border: 1px solid var(--border-color-primary); border-radius: 10px;
  background: var(--background-fill-secondary); }
.card > div { flex: 1 1 0; min-width: 0; overflow-wrap: anywhere; white-space: pre-line; }
.card p { margin: 0 0 4px !important; line-height: 1.4; }
.card img, .card .absent { flex: none; width: 84px; height: 84px; margin: 0 !important;
  border-radius: 6px; object-fit: contain; background: #fff; }
.card .absent { display: grid; place-items: center; padding: 4px; font-size: .75rem;
  overflow-wrap: anywhere; overflow: hidden; color: #334155; background: #e2e8f0; }
.cards.one img, .cards.one .absent { width: 168px; height: 168px; }
.cards.one .answer { font-size: 1.08rem; line-height: 1.5; }
.why { font-size: .84rem; color: var(--body-text-color-subdued); }
#panel { --row: 8; }
#reviewed img { display: block; width: 100%; max-height: 440px; object-fit: contain;
  border-radius: 10px; background: #fff; }
#review-buttons button { min-width: 0; }
#compared:not(:has(.note)):not(:has(.sheet)) { display: none; }
@media (prefers-reduced-motion: reduce) {
  * { animation: none !important; transition: none !important; }
}
@media (min-width: 760px) { #bench:not(:has(#marked img)) #answer textarea { min-height: 238px; } }
@media (max-width: 760px) {
  #examples, #photographs, #panel { --row: 4; } #more-pictures { --row: 3; }
  #chart .wide, .sheet .bar { display: none; } #chart .narrow { display: block; }
  .cards.one img, .cards.one .absent { width: 104px; height: 104px; }
}
"""

ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><circle cx='13' cy='13' r='9' "
    "fill='%23e0e7ff' stroke='%234f46e5' stroke-width='3.5'/><path d='M20 20l9 9' "
    "stroke='%234f46e5' stroke-width='5' stroke-linecap='round'/></svg>"
)


# What gradio lacks: names of gallery buttons, a live region, focus when buttons are swapped.
SCRIPT = """
const find = (selector) => document.querySelector(selector);
window.loupe = {
  copy(text) {
    const done = () => {
      const button = find("#copy");
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    if (navigator.clipboard) return void navigator.clipboard.writeText(text).then(done, () => {});
    find("#answer textarea").select();  // without https there is no clipboard
    if (document.execCommand("copy")) done();
  },
};
const set = (node, name, value) =>
  node && node.getAttribute(name) !== value && node.setAttribute(name, value);
let focused = "";
document.addEventListener("focusin", (event) => (focused = event.target.id));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  if (!find("#prompt")?.checkVisibility()) return;  // another tab is open
  event.preventDefault();
  event.stopPropagation();
  find("#describe")?.click();
}, true);
const keys = { a: "#approve", r: "#reject", s: "#skip", u: "#undo" };
document.addEventListener("keydown", (event) => {
  if (!find("#approve")?.checkVisibility() || event.altKey) return;
  const typing = event.target.closest("textarea, input, [role=listbox]");
  const submit = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (submit) return void find("#approve").click();
  if (typing && event.key === "Escape") return void event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.repeat) return;
  if (event.key === "e") { event.preventDefault(); find("#caption textarea").focus(); }
  find(keys[event.key])?.click();
});
function update() {
  for (const button of document.querySelectorAll(".shelf button.thumbnail-item")) {
    const title = button.querySelector("img")?.alt;
    if (title) { set(button, "aria-label", title); set(button, "title", title); }
  }
  const state = find("#status .note")?.dataset.state ?? "";
  set(find("#status"), "role", "status");
  set(find("#answer"), "aria-live", "polite");
  set(find("#answer"), "aria-busy", String(state === "busy"));
  const spoken = find(".spoken"), text = find("#answer textarea")?.value ?? "";
  const speech = ["done", "stored"].includes(state) ? text : "";  // read a stream when it ends
  if (spoken && spoken.textContent !== speech) spoken.textContent = speech;
  const other = { describe: "#stop", stop: "#describe" }[focused];
  if (other && document.activeElement === document.body) find(other)?.focus();
}
function start() {
  const spoken = document.createElement("div");
  spoken.className = "spoken";
  set(spoken, "role", "status");
  document.body.append(spoken);
  const options = { subtree: true, childList: true, attributes: true, characterData: true };
  options.attributeFilter = ["aria-label", "data-state"];
  new MutationObserver(update).observe(document.body, options);
  update();
}
if (document.body) start();  // gradio may add this script late
else addEventListener("DOMContentLoaded", start);
"""


# gradio's semi-bold font has only 55 letters, so use its bold font.
FONT = """@font-face { font-family: "Source Sans Pro"; font-weight: 700;
  src: url("static/fonts/SourceSansPro/SourceSansPro-Bold.woff2") format("woff2"); }"""

HEAD = f"""<link rel="icon" href="data:image/svg+xml,{ICON}">
<style>{FONT}</style>
<script>{{{SCRIPT}}}</script>"""
