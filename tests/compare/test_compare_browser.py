"""The page in a real browser: its own script runs, and no other."""

import numpy as np

from medse.compare.compare import PAGE, compare_reports
from tests.support.browser import chromium, needs_chromium
from tests.support.made_up_scores import write_evaluated

pytestmark = needs_chromium

CLASSES = ("b", "a10", "a9", "<img src=q onerror=alert(1)>")


def test_the_tables_sort_and_a_foreign_script_does_not_run(tmp_path):
    better = np.random.default_rng(0).uniform(0.5, 0.6, (8, 4)) + np.array([0.1, 0.3, 0.0, 0.2])
    worse = np.random.default_rng(1).uniform(0.4, 0.5, (8, 4))
    for name, dice in (("x", better), ("y", worse)):
        write_evaluated(tmp_path / name, dice, classes=CLASSES)
    found = compare_reports([f"{name}={tmp_path / name}" for name in "xy"], tmp_path / "out")
    differences = {row.label: row.difference for row in found.found.by_class}
    page_file = tmp_path / "out" / PAGE
    said = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(page_file.as_uri())
        heads = page.locator("table[aria-labelledby=classes] thead button")
        names = "document.querySelectorAll('table[aria-labelledby=classes] tbody th')"
        shown = f"Array.from({names}).map(cell => cell.textContent)"
        by_difference = sorted(CLASSES, key=differences.get)
        for column, expected in ((2, by_difference), (0, [CLASSES[3], "a9", "a10", "b"])):
            for order in (expected, expected[::-1]):
                heads.nth(column).click()
                assert page.evaluate(shown) == order
        assert said == []
        page_file.write_text(
            page_file.read_text(encoding="utf-8").replace("</main>", "</main><script>alert(2)</script>"),
            encoding="utf-8",
        )
        page.reload()
        assert heads.count() > 2
    assert len(said) == 1
    assert "Content Security Policy" in said[0]
