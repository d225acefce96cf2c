"""The register as a person uses it, in the system's Chromium: `make test-browser`, which `.ci/run` calls.

Not part of `make test`: a machine with only Python has no browser.
"""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.registers import HOSTILE_TEXTS, write_page
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(os.environ["BROWSER_NODE"]) / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = HOSTILE_TEXTS[0]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = next(path for name in ("chromium", "google-chrome") if (path := shutil.which(name)))
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_window_size(1400, 1000)
    yield driver
    driver.quit()


def opened(browser: webdriver.Chrome, path: Path) -> webdriver.Chrome:
    browser.get(path.as_uri())
    WebDriverWait(browser, 30).until(lambda page: page.execute_script("return document.documentElement.dataset.ready"))
    return browser


def status(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.CSS_SELECTOR, "[role=status]").text


def search(browser: webdriver.Chrome, text: str) -> None:
    field = browser.find_element(By.CSS_SELECTOR, "input[type=search]")
    field.clear()
    field.send_keys(text)
    WebDriverWait(browser, 10).until(
        lambda page: page.execute_script("return document.documentElement.dataset.chosen") is not None
    )
    time.sleep(0.2)  # the page waits for the end of typing


def violations(browser: webdriver.Chrome) -> list[Any]:
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    return browser.execute_async_script(
        "const done = arguments[0]; axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
        ".then((result) => done(result.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.failureSummary + node.html.slice(0, 120)).slice(0, 3)])))"
    )


def complaints(browser: webdriver.Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if "favicon" not in entry["message"]]


@pytest.mark.parametrize("size", [0, 12])
@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (400, 850)])
def test_it_shows_what_is_exempt_and_breaks_no_rule(
    browser: webdriver.Chrome, tmp_path: Path, size: int, width: int, height: int
) -> None:
    browser.set_window_size(width, height)
    page = opened(browser, write_page(tmp_path / "register.html", size))
    assert status(page) == f"{size} exemptions of {size}"
    assert complaints(page) == []
    assert violations(page) == []
    assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints(page) == []


def test_dark_is_as_readable(browser: webdriver.Chrome, tmp_path: Path) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    page = opened(browser, write_page(tmp_path / "register.html", 12))
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert violations(page) == []


def test_nothing_that_people_wrote_runs_or_loads(browser: webdriver.Chrome, tmp_path: Path) -> None:
    page = opened(browser, write_page(tmp_path / "register.html", 12, HOSTILE))
    page.execute_script("document.querySelector('button.link').click()")
    assert HOSTILE.split("{{", maxsplit=1)[0] in page.find_element(By.ID, "details").text
    assert page.execute_script("return window.ran") is None
    assert page.execute_script("return document.querySelectorAll('main img, dialog img, main script').length") == 0
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert complaints(page) == []
    page.execute_script(
        "const made = document.createElement('script'); made.textContent = 'window.ran=1'; document.body.append(made)"
    )
    assert page.execute_script("return window.ran") is None  # the policy stands where escaping would not


def test_the_keyboard_reaches_everything(browser: webdriver.Chrome, tmp_path: Path) -> None:
    page = opened(browser, write_page(tmp_path / "register.html", 12))
    search(page, "decl-3")
    assert status(page) == "2 exemptions of 12"
    for _ in range(40):
        page.switch_to.active_element.send_keys(Keys.TAB)
        if page.switch_to.active_element.text == "decl-3":
            break
    page.switch_to.active_element.send_keys(Keys.ENTER)
    details = page.find_element(By.ID, "details")
    assert details.is_displayed()
    assert "In Azure (2)" in details.text
    assert "added" in details.text
    assert "is not what its declaration asks for" not in details.text
    assert violations(page) == []
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not details.is_displayed()


def test_filters_csv_and_paper(browser: webdriver.Chrome, tmp_path: Path) -> None:
    page = opened(browser, write_page(tmp_path / "register.html", 12))
    page.find_element(By.XPATH, "//label[contains(., 'Severity')]/select/option[.='High']").click()
    assert status(page) == "4 exemptions of 12"
    page.find_element(By.XPATH, "//button[.='CSV']").click()
    saved = tmp_path / "exemptions.csv"
    WebDriverWait(page, 10).until(lambda _: saved.exists() and saved.stat().st_size)
    rows = list(csv.DictReader(saved.read_text(encoding="utf-8").splitlines()))
    assert {row["severity"] for row in rows} == {"High"}
    assert len(rows) == 4
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert page.execute_script("return document.querySelectorAll('#print tbody tr').length") == 4
    page.execute_script("window.dispatchEvent(new Event('afterprint'))")
    page.find_element(By.XPATH, "//button[.='Show all']").click()
    assert status(page) == "12 exemptions of 12"
    page.find_element(By.XPATH, "//label[contains(., 'State')]/select/option[.='in force']").click()
    assert status(page) == "6 exemptions of 12"
    assert "56.70 % 53.57 % 3.13 points 4" in page.find_element(By.ID, "register").text


def test_twenty_thousand_are_quick(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Interactive soon, searched at once, and never all in the document: by the page's own clock, in ratio to this machine."""
    path = write_page(tmp_path / "register.html", 20_000)
    assert path.stat().st_size < 10_000_000
    page = opened(browser, path)
    assert status(page) == "20,000 exemptions of 20,000"
    assert page.execute_script("return document.querySelectorAll('.tabulator-row').length") < 200
    print("ready after", page.execute_script("return Number(document.documentElement.dataset.ready)"), "ms")
    search(page, "decl-777 ")
    taken = page.execute_async_script(
        "const done = arguments[0]; const field = document.querySelector('input[type=search]'); field.value = 'project 77';"
        "const start = performance.now(); delete document.documentElement.dataset.chosen; field.dispatchEvent(new Event('input'));"
        "const wait = () => document.documentElement.dataset.chosen ? done(Number(document.documentElement.dataset.chosen) - start) : setTimeout(wait, 5); wait();"
    )
    print("searched in", taken, "ms, of which 15 wait for the end of typing")
    assert status(page) != "20,000 exemptions of 20,000"
    page.execute_script("document.querySelector('.tabulator-tableholder').scrollTop = 100000")
    assert page.execute_script("return document.querySelectorAll('.tabulator-row').length") < 200
