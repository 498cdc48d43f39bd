"""The fast side of the blocks: closed-form gradients that keep the input and small tensors only.

Every block has two sides that compute the same: its ``formula``, in ordinary PyTorch, which tracers see, and its
``lean`` side, which eager mode runs. This package holds what the lean sides call:

* :func:`squeeze` reads a small tensor from the input, ordinary modules turn that into gates, and :func:`scale`
  multiplies the input by them; the gradient of the whole is written once, by :func:`scale`, and the backward pass
  of :func:`squeeze` adds to it in place instead of making one of its own to be summed;
* ``gate_voxels`` and ``gate_grid`` gate every voxel by itself.

Where the gradient itself is to be differentiated, their backward passes hand over to
:func:`medse.attention.ops.again.gradients_again`.
"""
