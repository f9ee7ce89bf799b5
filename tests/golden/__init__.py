"""Every strategy, claim, prior and noise choice on small models, as digests of certificates.

`python -m tests.golden compare` says which certificates are other than those that the golden file
holds, `python -m tests.golden write` makes it anew. Digests are of all that a certificate says but
seconds, versions of libraries included: they are compared on the machine that wrote them.
"""
