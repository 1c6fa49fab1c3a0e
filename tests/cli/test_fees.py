"""`tallystick fees` against a database of its own."""

from tests.cli.test_commands import Terminal, logins, terminal

__all__ = ["logins", "terminal"]  # fixtures


def test_a_plan_is_set_shown_and_previewed(terminal: Terminal) -> None:
    merchant = terminal.told("merchants", "onboard", "Chai & Sons", "--external-id", "shop_7")
    words = ("fees", "set", "INR", "--merchant", "shop_7", "--percent-bp", "200", "--fixed", "300")
    more = ("--tax-bp", "1800", "--reserve-bp", "1000", "--reserve-days", "7", "--key", "k1")

    plan = terminal.told(*words, *more)
    again = terminal.told(*words, *more)
    said = terminal.told("fees", "preview", "shop_7", "INR", "10000")

    assert (plan["merchant"], plan["method"], plan["replayed"]) == (merchant["id"], "any", False)
    assert again == plan | {"replayed": True}
    assert terminal.told("fees", "show", "--merchant", "shop_7") == [
        {name: plan[name] for name in plan if name != "replayed"}
    ]
    assert said == {
        "amount": 10_000, "fee": 500, "tax": 90, "reserve": 1_000, "payable": 8_410,
        "plan": plan["id"],
    }  # fmt: skip


def test_what_cannot_be_is_told(terminal: Terminal) -> None:
    code, _, said = terminal.run("fees", "set", "INR", "--minimum", "2", "--cap", "1")
    assert (code, "cap" in said) == (1, True)

    code, _, said = terminal.run("fees", "preview", "nobody", "INR", "1")
    assert (code, "nobody" in said) == (1, True)
