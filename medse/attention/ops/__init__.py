"""Attention in eager mode with closed-form gradients that keep the input and small vectors only.

A block is written once, from these pieces:

* :func:`squeeze` and :func:`project` read the input and hand it on together with a small tensor,
* ordinary modules turn the small tensor into gates,
* :func:`scale` multiplies the input by the gates.

While a compiler or an exporter traces the block, each piece is its plain formula. In eager mode each is an
``autograd.Function``: the gradient of the whole block is written once, by :func:`scale`, and the backward passes
of :func:`squeeze` and :func:`project` add to it in place instead of making gradients of their own to be summed.
Differentiating twice is refused.
"""
