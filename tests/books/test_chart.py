"""The chart of accounts: ids follow from codes, and the document tells the truth about it."""

import re
from pathlib import Path

from tallystick.books import PLATFORM, account_id, chart, chart_classes
from tallystick.books.proof.store import CHECKS
from tallystick.ledger import Open
from tallystick.platform.ids import bucket_of, parse_typeid
from tests.ledger.test_cases import REFUSALS

DOCS = Path(__file__).parents[2] / "docs"
MERCHANT = parse_typeid("mer", "01900000-0000-7abc-8000-000000000001")


def all_accounts() -> dict[str, Open]:
    """What opens for one route, one merchant, one currency, by the code as the document has it."""
    opens = (
        *chart.platform_accounts(["hdfc_bank"], ["INR"]),
        *chart.merchant_accounts(MERCHANT, ["INR"]),
    )
    return {
        re.sub(r"mer_\w{26}", "{merchant}", order.code)
        .replace("hdfc_bank", "{route}")
        .replace("INR", "{CUR}"): order
        for order in opens
    }


def documented() -> dict[str, tuple[str, str]]:
    """Code -> normal side and overdraft, as the reference lists them."""
    text = (DOCS / "reference" / "chart-of-accounts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|[^|]+\| (\w+) \| ([\w ]+) \|", text, re.MULTILINE)
    return {code: (side, overdraft) for code, side, overdraft in rows}


def test_the_reference_lists_every_account_as_it_opens() -> None:
    opened = {
        code: (
            order.normal_side,
            "without limit" if order.overdraft_limit_minor is None else "none",
        )
        for code, order in all_accounts().items()
    }

    assert documented() == opened


def test_the_reference_gives_every_account_its_class() -> None:
    text = (DOCS / "reference" / "chart-of-accounts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (debit|credit) \|", text, re.MULTILINE)

    assert len(rows) > 6
    for code, chart_class, side in rows:
        sample = re.sub(r"\{\w+\}", "x", code)
        assert chart_classes.class_of(sample, side) == chart_class, code
        assert chart_classes.family_of(sample) is not None, f"{code} is in no family"


def test_the_reference_names_every_family_of_the_house() -> None:
    text = (DOCS / "reference" / "chart-of-accounts.md").read_text(encoding="utf-8")
    ours = {family.pattern for family in chart_classes.FAMILIES}

    assert {pattern for pattern in ours if f"`{pattern}`" not in text} == {
        f"{chart_class}:{{anything}}" for chart_class in chart_classes.CLASSES
    }


def test_an_accounts_id_follows_from_its_owner_and_code() -> None:
    for order in all_accounts().values():
        owner = MERCHANT if order.code.startswith("merchant:") else PLATFORM
        assert order.account_id == account_id(owner, order.code)
        assert bucket_of(order.account_id) == bucket_of(owner)


def test_no_two_accounts_share_an_id() -> None:
    opens = chart.platform_accounts(["a", "b"], ["INR", "USD", "JPY"])

    assert len({order.account_id for order in opens}) == len(opens)
    assert {order.currency for order in opens} == {"INR", "USD", "JPY"}


def test_the_explanation_knows_every_refusal_and_every_check() -> None:
    text = (DOCS / "explanation" / "ledger.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))

    orders = {"Post", "Reserve", "Settle", "Void", "Expire"}
    walks = {"chain", "projections"}
    assert named - orders == REFUSALS | {check.name for check in CHECKS} | walks
