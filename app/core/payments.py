"""Facts: hosts of payment providers that buyers come back from, each with all below it; they refer nobody."""

from __future__ import annotations

_HOSTS = """
    paypal.com
    checkout.stripe.com buy.stripe.com hooks.stripe.com
    pay.klarna.com checkout.klarna.com payments.klarna.com sofort.com
    pay.google.com pay.amazon.com payments.amazon.com
    checkoutshopper-live.adyen.com live.adyen.com
    secure.worldpay.com payments.worldpay.com
    api.razorpay.com checkout.razorpay.com
    secure.payu.com secure.payu.in
    pay.mollie.com
    pay.gocardless.com
    secure.2checkout.com
    accept.authorize.net secure.authorize.net
    pay.skrill.com
    secure.przelewy24.pl
    giropay.de paydirekt.de
    portal.afterpay.com
    mclient.alipay.com
    centinelapi.cardinalcommerce.com"""
PAYMENT_HOSTS = frozenset(_HOSTS.split())
