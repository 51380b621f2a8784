"""Every page and what one does there, in a real browser, served and exported alike."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gittrack.registry import Registry
from gittrack.runs.store import Store
from gittrack.ui.export import export
from tests.conftest import git, make_repository
from tests.making import START, write_run
from tests.ui import gallery
from tests.ui.conftest import Served, environment, picture, start, stop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("program:chromium", "module:playwright", "module:plotly"),
    pytest.mark.xdist_group("browser"),
]

EVERY_PAGE = (
    "index.html",
    "index.html#tree=1",
    "index.html#filter=params.alpha%20%3E%20100",
    "run/best000000.html",
    "run/hostile000.html",
    "compare.html#runs=best000000,wine000000,wine000001",
    "compare.html",
    "models.html",
    "model/wine.html",
)


@pytest.fixture(scope="module", autouse=True)
def registered(served: Served) -> None:
    """Two versions of a model, before any page is asked for."""
    registry = Registry(served.store)
    schema = {"inputs": [{"type": "double", "name": "sepal"}]}
    for run_id, digest in (("best000000", "sha256:5e0c"), ("wine000001", "sha256:77aa")):
        registry.register("wine", run_id=run_id, path="model", digest=digest, signature=schema)
    registry.set_alias("wine", "champion", 2)


@pytest.fixture(scope="module")
def exported(served: Served, tmp_path_factory: Any) -> Path:
    """The same runs as files."""
    folder = tmp_path_factory.mktemp("out")
    subprocess.run(
        [sys.executable, "-m", "gittrack", "ui", "--export", str(folder / "site")],
        cwd=served.store.root.parent,
        env=environment(folder),
        check=True,
        capture_output=True,
    )
    return folder / "site"


@pytest.fixture(params=["served", "exported"])
def site(request: Any, served: Served, exported: Path) -> str:
    """Where the pages are."""
    return served.url if request.param == "served" else exported.as_uri()


def open_runs(page: Any, site: str, state: str = "") -> None:
    page.goto(f"{site}/index.html{state}")
    page.wait_for_selector("#found:not(:text('Reading'))")


def names(page: Any) -> list[str]:
    return page.locator("#table tbody th a").all_inner_texts()


def drawn(page: Any, place: str) -> None:
    page.locator(place).first.scroll_into_view_if_needed()
    page.wait_for_selector(f"{place}[data-drawn]")


# -- the list of runs


def test_runs_are_listed_with_their_experiments(page: Any, site: str):
    open_runs(page, site)
    assert names(page) == [
        "fold-1", "fold-0", "brave-otter", "plain-2", "plain-1", "plain-0", gallery.HOSTILE,
    ]  # fmt: skip
    listed = page.locator("#experiments a").all_inner_texts()
    assert {"All runs\n7", "wine\n6", f"{gallery.HOSTILE}\n1"} <= set(listed)
    page.click("#experiments a:has-text('wine')")
    page.wait_for_function("document.querySelectorAll('#table tbody th a').length === 6")
    picture(page, f"runs-{'served' if site.startswith('http') else 'exported'}")


def test_a_filter_chooses_and_a_wrong_one_is_explained(page: Any, site: str):
    open_runs(page, site)
    page.fill("#filter", "params.alpha < 0.5 and tags.team = 'b'")
    page.wait_for_selector("#found:text('2 runs')")
    assert names(page) == ["plain-2", "plain-1"]
    page.fill("#filter", "metrics.loss <")
    page.wait_for_selector("#found.error:text('expected a number')")
    page.fill("#filter", "params.alpha > 100")
    page.wait_for_selector("#empty h2:text('No run fits this filter')")
    page.click("#empty button")
    page.wait_for_selector("#found:text('7 runs')")


def test_a_click_on_a_header_sorts_and_the_address_keeps_it(page: Any, site: str):
    open_runs(page, site)
    page.click("[data-key='params.alpha']")
    assert names(page)[:4] == ["plain-0", "brave-otter", "plain-1", "plain-2"]
    page.click("[data-key='params.alpha']")
    assert names(page)[:4] == ["plain-2", "plain-1", "brave-otter", "plain-0"]
    assert page.get_attribute("th:has([data-key='params.alpha'])", "aria-sort") == "ascending"
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("#found:text('7 runs')")
    assert names(page)[:4] == ["plain-2", "plain-1", "brave-otter", "plain-0"]


def test_columns_are_chosen_ordered_and_pinned(page: Any, site: str):
    open_runs(page, site)
    page.click("#choose")
    page.fill("#column-search", "team")
    page.check("#columns label:has-text('team') input")
    page.fill("#column-search", "")
    page.click("[aria-label='Move team to the left']")
    page.click("[aria-label='Pin team']")
    page.click("#columns button.main")
    heads = [text.split("\n")[-1] for text in page.locator("#table thead button").all_inner_texts()]
    assert heads[:2] == ["Name", "team"]
    assert "pinned=name%2Ctags.team" in page.url
    page.focus("[data-key='state']")
    page.keyboard.press("Alt+ArrowRight")
    heads = [text.split("\n")[-1] for text in page.locator("#table thead button").all_inner_texts()]
    assert heads[2:4] == ["Started", "State"]


def test_only_what_differs_hides_equal_columns(page: Any, site: str):
    open_runs(page, site, "#filter=params.seed%20%3D%201")
    assert page.locator("[data-key='params.seed']").count() == 1
    page.check("#differs")
    page.wait_for_selector("[data-key='params.seed']", state="detached")
    assert page.locator("[data-key='params.alpha']").count() == 1


def test_nested_runs_are_a_tree(page: Any, site: str):
    open_runs(page, site)
    page.check("#tree")
    assert names(page)[:3] == ["brave-otter", "fold-1", "fold-0"]
    page.click(".twist")
    assert "fold-0" not in names(page)
    assert page.get_attribute(".twist", "aria-expanded") == "false"


def test_selected_runs_go_to_the_comparison(page: Any, site: str):
    open_runs(page, site)
    for name in ("plain-0", "plain-1"):
        page.check(f"[aria-label='Select {name}']")
    assert page.inner_text("#found").startswith("7 runs, 2 selected")
    page.click("#compare")
    page.wait_for_selector("h1:text('Compare 2 runs')")


def test_the_table_is_downloaded_as_csv(page: Any, site: str):
    open_runs(page, site)
    with page.expect_download() as download:
        page.click("#csv")
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("id,name,state,start,duration,metrics.")
    assert len(lines) == 8
    assert any("'=1+1" in line for line in lines)
    assert not any(",=1+1" in line for line in lines)


def test_everything_is_reached_by_keyboard(page: Any, site: str):
    open_runs(page, site)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.focus("#table tbody th a >> nth=0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("End")
    page.keyboard.press("x")
    page.wait_for_selector("#compare:text('Compare 2')")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('brave-otter')")


def test_deleted_runs_are_shown_when_asked_for(page: Any, served: Served):
    open_runs(page, served.url)
    page.select_option("#view", "deleted")
    page.wait_for_selector("#found:text('1 run')")
    assert names(page) == ["plain-9"]


# -- the page of a run


def test_a_run_shows_its_curves(page: Any, site: str):
    page.goto(f"{site}/run/best000000.html")
    page.wait_for_selector("[data-spark='loss'] svg path")
    drawn(page, "#curves .plot")
    assert page.locator("#curves .plot").count() == 2
    for axis in ("elapsed", "time"):
        page.select_option("#axis", axis)
        drawn(page, "#curves .plot")
    page.check("#log")
    page.check("#together")
    page.wait_for_selector("#curves .plot[data-drawn='2']")
    page.uncheck("#curves label:has-text('accuracy') input")
    page.wait_for_selector("#curves .plot[data-drawn='1']")
    before = page.get_attribute("#curves .js-line", "d")
    page.fill("#smooth", "0.9")
    page.wait_for_function(
        f"document.querySelector('#curves .js-line').getAttribute('d') !== '{before}'"
    )
    drawn(page, "#system-curves .plot")
    picture(page, f"run-{'served' if site.startswith('http') else 'exported'}")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("train.py", "code .s1"),
        ("conf.json", "code .nt"),
        ("table.csv", "td:text('<b>')"),
        ("report.md", "h1:text('Report')"),
        ("loss.png", "img"),
        ("weights.bin", "p:text('no preview')"),
    ],
)
def test_an_artifact_is_looked_at(page: Any, site: str, name: str, shown: str):
    page.goto(f"{site}/run/best000000.html")
    page.click(f".tree a:text-is('{name}')")
    page.frame_locator("#preview").locator(shown).first.wait_for()
    if site.startswith("http"):  # from the disk, the browser opens it instead
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == name


def test_a_page_among_the_artifacts_runs_without_rights(page: Any, site: str):
    page.goto(f"{site}/run/best000000.html")
    page.click(".tree a:text-is('page.html')")
    frame = page.frame_locator("#preview").frame_locator("iframe")
    frame.locator("p:text('ran')").wait_for()
    inner = page.frames[-1]
    assert inner.evaluate("window.origin") == "null"
    for reached in ("parent.document.title", "top.document.title", "localStorage.length"):
        tried = f"try {{ {reached} }} catch (error) {{ return error.name }}"
        assert inner.evaluate(f"() => {{ {tried} }}") == "SecurityError"


def test_a_document_is_shown_by_the_viewer_of_the_browser(page: Any, site: str):
    page.complaints.expected = "chrome(-extension)?:"
    page.goto(f"{site}/run/best000000.html")
    with page.expect_event(
        "framenavigated", lambda frame: frame.url.startswith("chrome-extension:")
    ):
        page.click(".tree a:text-is('curve.pdf')")


def test_an_artifact_has_an_address(page: Any, site: str):
    page.goto(f"{site}/run/best000000.html#artifact=data%2Ftable.csv")
    page.frame_locator("#preview").locator("td:text('x')").wait_for()


def test_names_with_any_character_are_followed(page: Any, site: str):
    page.goto(f"{site}/run/hostile000.html")
    page.click(".tree a:text-is('a b#c?.txt')")
    page.frame_locator("#preview").locator("code:text('ok')").wait_for()
    assert page.locator("img[src=x]").count() == 0
    page.wait_for_selector("#curves .plot >> text=No finite value")
    assert "gittrack run" in page.inner_text("#code")
    picture(page, "hostile")


def test_times_are_in_the_zone_of_the_reader(page: Any, site: str):
    page.goto(f"{site}/run/best000000.html")
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert zone == "Europe/Berlin"
    assert page.inner_text("#title time") == "2026-11-23 06:31:50"


# -- comparing


def test_runs_are_compared(page: Any, site: str):
    page.goto(f"{site}/compare.html#runs=best000000,wine000000,wine000001,wine000002")
    page.wait_for_selector("h1:text('Compare 4 runs')")
    assert page.locator("tr.differs th:text-is('alpha')").count() == 1
    page.check("#differs")
    assert page.locator("th:text-is('seed')").count() == 0
    for place in ("#curves .plot", "#scatter .plot", "#box .plot"):
        drawn(page, place)
    page.select_option("[data-choice='x']", "metrics.accuracy")
    page.select_option("[data-choice='cx']", "params.alpha")
    page.select_option("[data-choice='cy']", "metrics.accuracy")
    drawn(page, "#contour .plot")
    assert page.locator("#curves .plot >> nth=0").get_attribute("data-drawn") == "4"
    assert page.locator("#pictures img").count() == 4
    page.click("[aria-label='Leave out plain-2']")
    page.wait_for_selector("h1:text('Compare 3 runs')")
    assert page.url.endswith(
        "runs=best000000%2Cwine000000%2Cwine000001&differs=1&x=metrics.accuracy&cx=params.alpha&cy=metrics.accuracy"
    )
    page.evaluate("scrollTo(0, 0)")
    picture(page, f"compare-{'served' if site.startswith('http') else 'exported'}")


def test_parallel_coordinates_choose_runs_by_their_values(page: Any, site: str):
    page.goto(f"{site}/compare.html#runs=best000000,wine000000,wine000001,wine000002")
    grip = page.locator(".grip[data-axis='alpha']")
    grip.scroll_into_view_if_needed()
    assert page.locator(".parallel path").count() == 4
    box = grip.bounding_box()
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + box["height"] / 4, steps=4)
    page.mouse.up()
    assert page.locator(".parallel path.off").count() == 2
    page.mouse.click(middle, box["y"] + box["height"] / 2)
    assert page.locator(".parallel path.off").count() == 0


def test_the_code_of_two_runs_is_compared(page: Any, served: Served):
    page.goto(f"{served.url}/compare.html#runs=best000000,wine000000")
    page.wait_for_selector("#code th:text('uncommitted')")


def test_what_was_not_committed_is_compared_line_by_line(page: Any, tmp_path: Path):
    code = make_repository(tmp_path / "code", {"train.py": "lr = 0.1\nprint(lr)\n"})
    head = git("rev-parse", "HEAD", cwd=code)
    store = Store.open(code / "mlruns")
    for run_id, changed in (("first", ""), ("second", gallery.PATCH), ("third", gallery.PATCH)):
        source = {
            "command": "python train.py",
            "git": {"commit": head, "dirty": bool(changed), "patch_sha256": changed[:9]},
        }
        files = {"source.patch": changed} if changed else {}
        write_run(store, run_id, source=source, files=files)
    folder = tmp_path / "out"
    export(store, store.runs().runs, folder)
    process, url = start(code, tmp_path)
    try:
        for site in (url.rstrip("/"), folder.as_uri()):
            page.goto("about:blank")
            page.goto(f"{site}/compare.html#runs=first,second,third")
            page.wait_for_selector("#code .gi:text('+lr = 0.2')")
            page.wait_for_selector("#code .gd:text('-lr = 0.1')")
            page.select_option("#first", "second")
            page.select_option("#second", "third")
            page.wait_for_selector("#code >> text=The same command, commit and project.")
    finally:
        stop(process)


# -- models and branches


def test_models_show_versions_and_what_differs(page: Any, site: str):
    page.goto(f"{site}/models.html")
    assert page.inner_text("section .tag") == "champion → 2"
    page.click("th a:text('wine')")
    page.wait_for_selector("#differences td:text('sha256:77aa')")
    assert page.locator("#differences th:text-is('alpha')").count() == 1
    page.uncheck("#differs")
    assert page.locator("#differences th:text-is('inputs sepal')").count() == 1
    picture(page, f"model-{'served' if site.startswith('http') else 'exported'}")


def test_a_branch_is_looked_at(page: Any, served: Served):
    folder = served.store.root.parent
    subprocess.run(["git", "branch", "-f", "old"], cwd=folder, check=True)
    gallery._plain(served.store, "new0000000", number=7, params={"alpha": 7.0})
    try:
        open_runs(page, served.url)
        page.wait_for_selector("th a:text('plain-7')")
        page.wait_for_selector("tr[data-id='new0000000'] td:text-is('new')")
        page.wait_for_selector("tr[data-id='wine000001'] td:text-is('committed')")
        page.select_option("#revision", "old")
        page.wait_for_url("**/index.html?rev=old")
        page.wait_for_selector("th a:text('plain-2')")
        assert "plain-7" not in names(page)
        page.click("th a:text('brave-otter')")
        page.wait_for_selector("[data-spark='loss'] svg path")
        assert page.locator("[data-edit]").count() == 0
        page.click(".tree a:text-is('train.py')")
        page.frame_locator("#preview").locator("code .s1").first.wait_for()
    finally:
        shutil.rmtree(served.store.folder_of("new0000000"))


# -- what goes on


def test_what_is_logged_appears_by_itself(page: Any, served: Served, tmp_path: Path):
    script = (
        "import gittrack, sys\n"
        "run = gittrack.start_run(run_name='live-one')\n"
        "gittrack.log_metric('loss', 0.5, step=0)\n"
        "print(run.info.run_id, flush=True)\n"
        "for line in sys.stdin:\n"
        "    gittrack.log_metric('loss', float(line), step=int(float(line)))\n"
        "gittrack.end_run()\n"
    )
    open_runs(page, served.url)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=served.store.root.parent,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    run_id = process.stdout.readline().strip()
    row = page.locator("tr", has=page.locator("a:text('live-one')"))
    row.wait_for()
    assert "running" in row.inner_text()
    page.goto(f"{served.url}/run/{run_id}.html")
    page.wait_for_selector("#metrics td:text-is('0.5')")
    process.stdin.write("7\n")
    process.stdin.flush()
    page.wait_for_selector("#metrics td:text-is('7')")
    process.communicate(timeout=60)
    page.wait_for_selector("#title .state.finished")


# -- edits


def test_a_run_is_edited(page: Any, served: Served):
    page.goto(f"{served.url}/run/wine000002.html")
    page.click("[data-edit='name']")
    page.fill("#editor-value", "renamed")
    page.keyboard.press("Enter")
    page.wait_for_selector("#name:text-is('renamed')")
    page.click("[data-edit='note']")
    page.fill("#editor-value", "**so** <b>be</b> it")
    page.click("#editor button.main")
    page.wait_for_selector("#note strong:text('so')")
    page.click("[data-edit='tag']")
    page.fill("#editor-name", "checked")
    page.fill("#editor-value", "yes")
    page.click("#editor button.main")
    page.wait_for_selector("#tags th:text('checked')")
    page.click("[data-edit='untag'][data-value='checked']")
    page.wait_for_selector("#tags th:text('checked')", state="detached")
    page.click("[data-edit='deleted']")
    page.wait_for_selector("button:text('Restore')")
    page.click("[data-edit='deleted']")
    page.wait_for_selector("button:text-is('Delete')")
    page.click("[data-edit='name']")
    page.fill("#editor-value", "plain-2")
    page.keyboard.press("Enter")
    page.wait_for_selector("#name:text-is('plain-2')")
    run = served.store.find("wine000002")
    assert (run.record.name, run.note, run.deleted) == ("plain-2", "**so** <b>be</b> it", False)


def test_what_cannot_be_is_said_in_the_dialog(page: Any, served: Served):
    page.complaints.expected = "400"
    page.goto(f"{served.url}/run/wine000002.html")
    page.click("[data-edit='tag']")
    page.fill("#editor-name", "mlflow.user")
    page.click("#editor button.main")
    page.wait_for_selector("#editor-error:text('mlflow.user')")


def test_a_model_is_registered(page: Any, served: Served):
    page.goto(f"{served.url}/run/best000000.html")
    page.click("[data-edit='register']")
    page.fill("#editor-value", "fresh model")
    page.click("#editor button.main")
    page.wait_for_selector("#says:text('registered as version 1 of fresh model')")
    assert Registry(served.store).version("fresh model", 1).run_id == "best000000"
    Registry(served.store).delete("fresh model")


def test_runs_are_deleted_and_restored_from_the_list(page: Any, served: Served):
    open_runs(page, served.url, "#experiment=wine")
    page.check("[aria-label='Select plain-0']")
    page.click("#remove")
    page.wait_for_selector("th a:text-is('plain-0')", state="detached")
    page.select_option("#view", "deleted")
    page.check("[aria-label='Select plain-0']")
    page.click("#remove")
    page.wait_for_selector("th a:text-is('plain-0')", state="detached")
    assert not served.store.find("wine000000").deleted


# -- hostile pages


class _Evil(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Another site: a server with pages that want to read and write ours."""
    handler = functools.partial(_Evil, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}", tmp_path
        server.shutdown()


def test_a_page_elsewhere_neither_reads_nor_writes(page: Any, served: Served, evil: Any):
    url, folder = evil
    page.complaints.expected = "."
    (folder / "index.html").write_text("<!doctype html><title>evil</title>")
    page.goto(f"{url}/index.html")
    target = served.url.replace("localhost", "127.0.0.1")
    read = f"fetch('{target}/data/runs.json').then(a => a.text()).catch(() => 'refused')"
    assert page.evaluate(read) == "refused"
    edit = "{method: 'POST', mode: 'no-cors', body: '{\"runs\":[\"wine000001\"],\"deleted\":true}'}"
    page.evaluate(f"fetch('{target}/edit', {edit}).catch(() => 'refused')")
    assert not served.store.find("wine000001").deleted
    page.set_content(f"<iframe src='{target}/index.html'></iframe>")
    page.wait_for_timeout(300)
    assert all(frame.locator("#table").count() == 0 for frame in page.frames[1:])


def test_a_name_that_was_bound_again_reads_nothing(page: Any, served: Served):
    page.complaints.expected = "403|rebound|Cross-Origin"
    port = served.url.rpartition(":")[2]
    got = page.goto(f"http://rebound.example:{port}/data/runs.json")
    assert got.status == 403
    assert "best000000" not in got.text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_axe_finds_nothing_serious(page: Any, served: Served, path: str, scheme: str):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served.url}/{path}")
    page.wait_for_load_state("networkidle")
    found = Axe().run(page).response["violations"]
    serious = [
        (item["id"], [node["html"][:200] for node in item["nodes"][:3]])
        for item in found
        if item["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_a_narrow_window_does_not_scroll_sideways(page: Any, site: str, path: str):
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto(f"{site}/{path}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    picture(page, f"narrow-{EVERY_PAGE.index(path)}")


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_nothing_moves_while_a_page_loads(page: Any, served: Served, path: str):
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " window.moved += one.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(f"{served.url}/{path}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.moved") < 0.1


def test_the_reader_chooses_light_or_dark(page: Any, site: str):
    open_runs(page, site)
    for theme in ("light", "dark", ""):
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") == theme


def test_an_export_works_in_a_sub_folder_of_a_host(page: Any, exported: Path):
    handler = functools.partial(_Evil, directory=str(exported.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        open_runs(page, f"http://127.0.0.1:{server.server_port}/site", "#experiment=wine")
        page.click("th a:text('brave-otter')")
        drawn(page, "#curves .plot")
        page.click("nav a:text('Models')")
        page.wait_for_selector("th a:text('wine')")
        server.shutdown()


def test_without_plotly_charts_are_plain_lines(page: Any, served: Served, tmp_path: Path):
    program = "import sys; sys.modules['plotly'] = None\nfrom gittrack.cli.main import main\nmain()"
    process, url = start(served.store.root.parent, tmp_path, program=program)
    try:
        page.goto(f"{url}/run/best000000.html")
        page.wait_for_selector("#curves svg.plain-line path")
        page.goto(f"{url}/compare.html#runs=best000000,wine000000")
        page.wait_for_selector("#curves svg.plain-line path")
        page.locator("#scatter").scroll_into_view_if_needed()
        page.wait_for_selector("#scatter p:text('pip install')")
    finally:
        assert "incident" not in stop(process)


def test_the_first_page_says_what_to_type(page: Any, tmp_path: Path):
    process, url = start(tmp_path, tmp_path)
    try:
        page.goto(url)
        page.wait_for_selector("#empty h2:text('No runs yet')")
        picture(page, "empty")
        page.goto(f"{url}/models.html")
        page.wait_for_selector("h2:text('No registered models yet')")
    finally:
        stop(process)


def test_ten_thousand_rows_are_not_ten_thousand_elements(page: Any, tmp_path: Path):
    store = Store.open(tmp_path / "mlruns")
    for number in range(300):
        write_run(
            store,
            f"r{number:09}",
            name=f"run-{number}",
            start_time=START + number,
            params={"n": number},
        )
    process, url = start(tmp_path, tmp_path)
    try:
        open_runs(page, url)
        assert page.locator("#table tbody tr").count() < 80
        assert page.get_attribute("#table", "aria-rowcount") == "301"
        page.evaluate("document.getElementById('scroll').scrollTop = 1e6")
        page.wait_for_selector("th a:text-is('run-0')")
        page.click("[data-key='params.n']")
        page.wait_for_selector("th a:text-is('run-299')")
    finally:
        stop(process)
