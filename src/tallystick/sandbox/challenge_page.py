"""The pages a payer sees at his bank: HTML that needs no script and loads nothing from anywhere.

All that came from outside is escaped. The policy (CSP level 3) allows the one style sheet by its
hash, and forms that lead to this page and, by the redirect after it, to where the payer returns.
"""

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from tallystick.sandbox.banks import EXPONENTS
from tallystick.sandbox.challenge_model import Challenge
from tallystick.sandbox.model import Bank

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1.2rem;margin:0 .5rem .5rem 0}"
    "dt{color:#555}dd{margin:0 0 .6rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def page_headers(return_url: str | None = None) -> dict[str, str]:
    """What goes with every page: nothing is loaded, framed, kept or told onwards."""
    onwards = f" {_origin(return_url)}" if return_url else ""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'{onwards};"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def question_page(bank: Bank, challenge: Challenge) -> str:
    """The question, and a form with two buttons."""
    amount = escape(amount_text(challenge.amount_minor, challenge.currency))
    return _page(
        bank,
        "Is it you?",
        "<p>A payment waits for your word.</p>"
        f"<dl><dt>Amount</dt><dd>{amount}</dd>"
        f"<dt>Merchant</dt><dd>{escape(challenge.merchant or 'not named')}</dd>"
        f"<dt>Reference</dt><dd>{escape(challenge.reference)}</dd></dl>"
        '<form method="post"><button name="answer" value="approve">Approve</button>'
        '<button name="answer" value="fail">Fail</button></form>'
        "<p>This is a sandbox: no real money moves.</p>",
    )


def over_page(bank: Bank, said: str, return_url: str | None) -> str:
    """What is over, and the way back to the merchant."""
    onwards = "<p>You may close this window.</p>"
    if return_url:
        onwards = f'<p><a href="{escape(return_url)}">Back to the merchant</a></p>'
    return _page(bank, "Nothing more to do", f"<p>{escape(said)}</p>{onwards}")


def amount_text(amount_minor: int, currency: str) -> str:
    """`12.50 INR` of 1250: as the payer reads amounts."""
    exponent = EXPONENTS.get(currency, 0)
    major, minor = divmod(amount_minor, 10**exponent)
    return f"{major:,}" + (f".{minor:0{exponent}}" if exponent else "") + f" {currency}"


def _page(bank: Bank, title: str, content: str) -> str:
    name = escape(bank.name.replace("_", " ").title())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{name}</h1><h2>{escape(title)}</h2>{content}</body></html>"
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
