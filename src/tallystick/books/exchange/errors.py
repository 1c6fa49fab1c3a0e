"""What rates, quotes and exchanges refuse, by name. Codes are stable.

BooksError
+-- InvalidRate       no rate can be like this
+-- SameCurrency      a currency is not exchanged for itself
+-- RateNotFound      nobody has set a rate between these currencies
+-- RateStale         the rate that holds is older than it may be
+-- NotExchangeable   the amount, or what it makes, is less than one unit or too large
+-- QuoteNotFound     no such quote, or not the caller's
+-- QuoteEnded
|   +-- QuoteUsed     a quote is used once
|   +-- QuoteExpired  its time is over
+-- QuoteDiffers      what is asked for is not what was quoted
+-- ExchangeNotFound  no such exchange, or not the caller's
"""

from tallystick.books.model import BooksError


class InvalidRate(BooksError):
    """No rate can be like this."""

    code = "invalid_rate"


class SameCurrency(BooksError):
    """A currency is not exchanged for itself."""

    code = "same_currency"


class RateNotFound(BooksError):
    """Nobody has set a rate between these currencies, in neither direction."""

    code = "rate_not_found"


class RateStale(BooksError):
    """The rate that holds is older than it may be: an operator sets a new one."""

    code = "rate_stale"


class NotExchangeable(BooksError):
    """The amount, or what it makes in the other currency, is not one that can be moved."""

    code = "invalid_amount"


class QuoteNotFound(BooksError):
    """No such quote, or not the caller's."""

    code = "quote_not_found"


class QuoteEnded(BooksError):
    """Nothing is exchanged by this quote any more."""


class QuoteUsed(QuoteEnded):
    """Money was exchanged by this quote before; a quote is used once."""

    code = "quote_used"


class QuoteExpired(QuoteEnded):
    """The quote's time is over."""

    code = "quote_expired"


class QuoteDiffers(BooksError):
    """The amount or a currency is not the one that was quoted."""

    code = "quote_mismatch"


class ExchangeNotFound(BooksError):
    """No such exchange, or not the caller's."""

    code = "exchange_not_found"
