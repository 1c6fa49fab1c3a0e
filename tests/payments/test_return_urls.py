"""Where a payer may be sent: the merchant's https address, or the developer's own machine."""

import pytest

from tallystick.payments.errors import Invalid
from tallystick.payments.return_urls import require_return_url, with_intent

GOOD = [
    "https://shop.example",
    "https://shop.example/orders/6735?step=2&lang=en#done",
    "https://shop.example:8443/~asha/(paid)",
    "https://xn--bcher-kva.example/",
    "https://192.0.2.7/",
    "https://[2001:db8::1]/",
    "http://localhost:3000/paid",
    "http://127.0.0.1/paid",
    "http://127.8.9.10:80/",
    "http://[::1]:8080/",
]
BAD = [
    "",
    "shop.example",
    "//shop.example/",
    "https:///paid",
    "https://",
    "https:shop.example",
    "http://shop.example/",
    "http://localhost.shop.example/",
    "http://127.0.0.1.shop.example/",
    "http://2130706433/",
    "http://[2001:db8::1]/",
    "http://0.0.0.0/",
    "ftp://shop.example/",
    "javascript:alert(1)",
    "data:text/html,paid",
    "https://asha@shop.example/",
    "https://asha:secret@shop.example/",
    "https://shop.example@evil.example/",
    "https://shop.example:0/",
    "https://shop.example:/",
    "https://shop.example:000443/",
    "http://[::1]:/",
    "https://shop.example:70000/",
    "https://shop.example:port/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://shop..example/",
    "https://shop_example/",
    "https://shop.example;script-src/",
    "https://shop.example/a b",
    "https://shop.example/\r\nset-cookie: a=b",
    "https://shop.example/\x00",
    'https://shop.example/"onload="',
    "https://shop.example/<b>",
    "https://shop.example\\@evil.example/",
    "https://shöp.example/",
    " https://shop.example/",
    "https://shop.example/" + "a" * 2_048,
]


@pytest.mark.parametrize("text", GOOD)
def test_a_payer_may_be_sent_there(text: str) -> None:
    assert require_return_url(text) == text


@pytest.mark.parametrize("text", BAD)
def test_a_payer_is_not_sent_there(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_return_url(text)

    assert refused.value.code == "invalid_return_url"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://shop.example", "https://shop.example/?intent=int_7"),
        ("https://shop.example/paid?a=1", "https://shop.example/paid?a=1&intent=int_7"),
        ("https://shop.example/#/paid", "https://shop.example/?intent=int_7#/paid"),
    ],
)
def test_it_is_told_which_intent_is_back(given: str, sent: str) -> None:
    assert with_intent(given, "int_7") == sent
    assert require_return_url(sent) == sent
