"""Takes the pictures of the documentation by Debian's Chromium: `python -m devtool.take_pictures URL FOLDER NAMES`."""

import io
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

from .project import LOGS

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SIZE = {"width": 1280, "height": 800}
_SHORT = {"width": 1280, "height": 460}
_PHONE = {"width": 390, "height": 844}
_PORTAL_LOGIN = "anna"  # stage_pictures.py makes the user
_PICTURES: dict[str, Callable] = {}


def main(url: str, folder: str, *names: str) -> int:
    unknown = set(names) - set(_PICTURES)
    if unknown:
        print(f"no such pictures: {', '.join(sorted(unknown))}; there are {', '.join(_PICTURES)}")
        return 1
    program = next(filter(None, map(shutil.which, _CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        camera = Camera(browser, url, Path(folder))
        failed = [name for name in names or _PICTURES if not camera.take(name)]
        browser.close()
    if failed:
        print(f"not taken: {', '.join(failed)}")
    return int(bool(failed))


def picture(function: Callable) -> Callable:
    """A function that brings what is to be seen into view, and returns an element, or nothing for the whole page."""
    _PICTURES[function.__name__.replace("_", "-")] = function
    return function


class Camera:
    """Pages of those who are logged in, and what is needed to find one's way."""

    def __init__(self, browser: Browser, url: str, folder: Path):
        self.browser, self.url, self.folder = browser, url, folder
        self.pages: dict[tuple, Page] = {}
        self.last: Page | None = None

    def take(self, name: str) -> bool:
        """Take a picture; where its page does not come up, tell what there is instead, and return false."""
        try:
            found = _PICTURES[name](self)
        except Error as error:
            path = LOGS / f"picture-{name}.png"
            self.last.screenshot(path=path)
            print(f"{name}: {error.message}\n   {path} shows what was there", flush=True)
            return False
        _settle(self.last)
        # A dialog without its round border, behind which the page would be seen.
        box = None if isinstance(found, Page) else found.bounding_box()
        clip = box and {"x": box["x"] + 1, "y": box["y"] + 1, "width": box["width"] - 2, "height": box["height"] - 2}
        image = Image.open(io.BytesIO(self.last.screenshot(animations="disabled", caret="hide", clip=clip)))
        path = self.folder / f"{name}.png"
        image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        print(f"{path.name}: {image.width} x {image.height}, {path.stat().st_size / 1024:.0f} kB", flush=True)
        return True

    def login(self, login: str, viewport: dict = _SIZE) -> Page:
        """A page of this user; the password is the login."""
        key = (login, viewport["width"])
        if key not in self.pages:
            page = self.browser.new_context(viewport=viewport, locale="en-US", timezone_id="UTC").new_page()
            page.set_default_timeout(60_000)
            page.goto(f"{self.url}/web/login")
            page.fill("input[name=login]", login)
            page.fill("input[name=password]", login)
            page.press("input[name=password]", "Enter")
            page.wait_for_url(re.compile("/(odoo|my|web$)"))
            self.pages[key] = page
        return self.pages[key]

    @property
    def admin(self) -> Page:
        return self.login("admin")

    def open(self, path: str, *shown: str, page: Page | None = None, viewport: dict = _SIZE) -> Page:
        """Go to a path and wait until these selectors are there."""
        page = self.last = page or self.admin
        page.set_viewport_size(viewport)
        # Two pages of the web client that differ in their fragment only would not load anew.
        page.goto("about:blank")
        page.goto(f"{self.url}{path}")
        for selector in shown:
            page.locator(selector).first.wait_for()
        _settle(page)
        return page

    def call(self, model: str, method: str, *arguments, **keywords):
        """A method of a model, as admin."""
        response = self.admin.request.post(
            f"{self.url}/web/dataset/call_kw/{model}/{method}",
            data={"params": {"model": model, "method": method, "args": arguments, "kwargs": keywords}},
        )
        answer = response.json()
        if "error" in answer:
            raise RuntimeError(answer["error"]["data"]["message"])
        return answer["result"]

    def find(self, model: str, *domain, order: str = "id") -> int:
        """The id of the first record found."""
        return self.call(model, "search", list(domain), limit=1, order=order)[0]

    def ref(self, name: str) -> int:
        """The id of a record of the demo data."""
        domain = [["module", "=", "continuity_program"], ["name", "=", name]]
        return self.call("ir.model.data", "search_read", domain, ["res_id"])[0]["res_id"]

    def subscription_of(self, order: str) -> int:
        return self.find("continuity.subscription", ["order_id", "=", self.ref(order)])

    def card_subscription_of(self, customer: str) -> int:
        partner = self.ref(f"partner_{customer}")
        return self.find("continuity.subscription", ["partner_id", "=", partner], ["payment_method", "=", "token"])


def _settle(page: Page) -> None:
    """Nothing is loading, moving or under the mouse any more. (The web client is never idle for long: it polls.)"""
    page.mouse.move(0, 0)
    page.wait_for_load_state("load")
    page.locator(".o_loading_indicator").wait_for(state="detached")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1000)


def _dialog(page: Page, keep_focus: bool = False):
    """The dialog that is open, on white, with no field picked out."""
    dialog = page.locator(".modal-content").last
    dialog.wait_for()
    page.add_style_tag(content=".modal { background: white }")
    _settle(page)
    if not keep_focus:
        page.evaluate("document.activeElement?.blur()")
    return dialog


# === SELLING === #


@picture
def product(camera):
    template = camera.call("product.product", "read", [camera.ref("product_lighthouse_6_boxes")], ["product_tmpl_id"])
    path = f"/odoo/action-sale.product_template_action/{template[0]['product_tmpl_id'][0]}"
    page = camera.open(path, ".o_form_view", viewport={"width": 1280, "height": 690})
    page.get_by_role("tab", name="Sales", exact=True).click()
    page.locator("[name=continuity_program_id]").first.scroll_into_view_if_needed()
    return page


@picture
def order(camera):
    return camera.open(f"/odoo/sales/{camera.ref('order_quote_light')}", ".o_field_x2many .o_data_row")


@picture
def continuity_page(camera):
    page = order(camera)
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.locator("button[name=action_open_continuity]").first.click()
    return _dialog(page, keep_focus=True)


@picture
def subscription(camera):
    number = camera.card_subscription_of("lindqvist")
    viewport = {"width": 1280, "height": 1000}
    return camera.open(f"/odoo/continuity-subscriptions/{number}", ".o_continuity_timeline", viewport=viewport)


@picture
def stop(camera):
    number = camera.card_subscription_of("sato")
    page = camera.open(f"/odoo/continuity-subscriptions/{number}", "button[name=action_stop]")
    page.locator("button[name=action_stop]").first.click()
    return _dialog(page)


@picture
def subscriptions_kanban(camera):
    page = camera.open("/odoo/continuity-subscriptions", ".o_list_view")
    page.locator(".o_facet_remove").first.click()
    page.locator(".o_switch_view.o_kanban").click()
    page.locator(".o_kanban_record").first.wait_for()
    return page


# === PROGRAMS === #


@picture
def program(camera):
    path = f"/odoo/continuity-programs/{camera.ref('program_lighthouse')}"
    return camera.open(path, ".o_data_row", viewport={"width": 1280, "height": 1000})


@picture
def program_billing(camera):
    page = camera.open(f"/odoo/continuity-programs/{camera.ref('program_lighthouse')}", ".o_data_row")
    page.get_by_role("tab", name="Billing").click()
    return page


@picture
def plan_preview(camera):
    page = camera.open(f"/odoo/continuity-programs/{camera.ref('program_book')}", ".o_data_row")
    page.locator("button[name=action_preview_plan]").click()
    return _dialog(page)


@picture
def sync_preview(camera):
    path = f"/odoo/continuity-programs/{camera.ref('program_lighthouse')}"
    page = camera.open(path, ".o_data_row", viewport={"width": 1280, "height": 1000})
    page.locator("button[name=action_update_sold_plans]").click()
    return _dialog(page)


@picture
def change_plans(camera):
    page = camera.open("/odoo/continuity-subscriptions", ".o_data_row")
    page.locator(".o_searchview_input").fill("Lighthouses")
    page.locator(".o_searchview_autocomplete .dropdown-item", has_text="Program").first.click()
    _settle(page)
    page.locator(".o_list_renderer thead input[type=checkbox]").check()
    page.get_by_role("button", name="Change Plans").click()
    dialog = _dialog(page)
    dialog.locator("[name=days] input").fill("7")
    dialog.locator("button[name=action_preview]").click()
    page.locator(".modal-content button[name=action_apply]").wait_for()
    return _dialog(page)


# === JOBS === #


@picture
def overview(camera):
    return camera.open("/odoo/continuity-overview", ".o_kanban_record", viewport=_SHORT)


@picture
def run_a_job(camera):
    page = camera.open("/odoo/action-continuity_program.continuity_job_wizard_action", ".modal-content")
    page.locator("button[name=action_preview]").click()
    page.locator(".modal-content .o_data_row").first.wait_for()
    return _dialog(page)


@picture
def job_run(camera):
    number = camera.find("continuity.job.run", ["failed_count", ">", 0], order="id desc")
    return camera.open(f"/odoo/action-continuity_program.continuity_job_run_action/{number}", ".o_data_row")


@picture
def needs_attention(camera):
    return camera.open("/odoo/continuity-attention", ".o_data_row", viewport=_SHORT)


# === MONEY === #


@picture
def payments(camera):
    path = "/odoo/action-continuity_program.continuity_payment_action"
    page = camera.open(path, ".o_data_row", viewport=_SHORT)
    page.locator(".o_facet_remove").first.click()
    page.locator(".o_searchview_input").fill("Kenji Sato")
    page.locator(".o_searchview_input").press("Enter")
    return page


@picture
def bill(camera):
    number = camera.card_subscription_of("sato")
    invoice = camera.call("continuity.payment", "search_read", [["subscription_id", "=", number]], ["invoice_id"])
    page = camera.open(f"/odoo/customer-invoices/{invoice[0]['invoice_id'][0]}", ".o_form_view")
    page.get_by_role("tab", name="Journal Items").click()
    return page


# === SETTING UP === #


@picture
def settings(camera):
    page = camera.open("/odoo/settings#sale_management", "#continuity_orders", viewport={"width": 1280, "height": 900})
    page.locator(".settings_tab [data-key=sale_management]").click()
    page.locator("h2", has_text="Continuity Programs").first.evaluate("heading => heading.scrollIntoView()")
    return page


@picture
def forecast(camera):
    return camera.open("/odoo/action-continuity_program.continuity_forecast_report_action", ".o_pivot, .o_graph_view")


# === WHAT CUSTOMERS SEE === #


@picture
def portal_list(camera):
    page = camera.login(_PORTAL_LOGIN)
    return camera.open("/my/continuity", "table", page=page, viewport={"width": 1280, "height": 620})


@picture
def portal_page(camera):
    page = camera.login(_PORTAL_LOGIN)
    number = camera.card_subscription_of("lindqvist")
    page = camera.open(f"/my/continuity/{number}", "h1", page=page, viewport={"width": 1280, "height": 1000})
    page.locator("#continuity_skip summary").click()
    return page


@picture
def portal_phone(camera):
    page = camera.login(_PORTAL_LOGIN, _PHONE)
    return camera.open(f"/my/continuity/{camera.card_subscription_of('lindqvist')}", "h1", page=page, viewport=_PHONE)


@picture
def announcement(camera):
    mail = camera.find("mail.mail", ["body_html", "ilike", "/continuity/announcement/"])
    body = camera.call("mail.mail", "read", [mail], ["body_html"])[0]["body_html"]
    page = camera.login(_PORTAL_LOGIN)
    path = re.search(r"/continuity/announcement/\d+/\w+", body)[0]
    return camera.open(path, "[name=continuity_decline]", page=page, viewport={"width": 1280, "height": 620})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
